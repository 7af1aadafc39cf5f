"""What a setting allows, and the error for what it does not."""

import dataclasses

import pytest

from sfp_keras import settings
from sfp_keras.errors import InputError
from sfp_keras.settings import (
    Setting,
    declarations,
    declared,
    section,
    setting,
    value_at,
    with_values,
)


@pytest.mark.parametrize(
    ("bounds", "good", "bad", "rule"),
    [
        ({"low": 1}, 1, 0, "at least 1"),
        ({"low": 0}, 0.0, float("nan"), "at least 0 and below 3e+38"),
        ({"low": 0}, 1e38, float("inf"), "at least 0 and below 3e+38"),
        ({"low": 0, "high": 4}, 4, 5, "at least 0 and at most 4"),
        ({"above": 0, "high": 1}, 1e-9, 0.0, "above 0 and at most 1"),
        ({"low": 0, "below": 1}, 0.9999, 0.99999999, "at least 0 and below 1"),
        ({"choices": ("a", "b")}, "a", "c", "one of a, b"),
        ({"choices": ("a", "b"), "least": 1}, ("a",), (), "one or more of a, b"),
        ({"choices": ("a", "b"), "once": True}, ("a", "b"), ("a", "a"), "a, b, each once"),
        ({"low": 2, "once": True}, (2, 3), (3, 1), "numbers of at least 2, each once"),
        ({"once": True}, ("fc", "output"), ("fc", "fc"), "must be names, each once"),
        ({}, "any text", float("inf"), "below 3e+38"),
    ],
)
def test_bounds(bounds: dict, good: object, bad: object, rule: str) -> None:
    one = Setting("", **bounds)
    one.check("name", good)
    one.check("name", None)
    with pytest.raises(InputError) as refused:
        one.check("name", bad)
    assert str(refused.value).startswith("`name`=")
    assert rule in str(refused.value)


@dataclasses.dataclass(frozen=True)
class Inner:
    one: int = setting(1, "One.")
    rest: tuple[float, ...] = setting((), "Others.", phases=("heads",), flag="others")
    hidden: int = 3


@dataclasses.dataclass(frozen=True)
class Outer:
    text: str | None = setting(None, "A text.")
    inner: Inner = section(Inner(one=2), prefix="in_", used="works")


def test_settings_of_nested_sections() -> None:
    found = declarations(Outer)
    assert list(found) == ["text", "in_one", "others"]
    one, others = found["in_one"], found["others"]
    assert (one.path, one.default, one.kind, one.many) == (("inner", "one"), 2, int, False)
    assert (others.kind, others.many, others.setting.phases) == (float, True, ("heads",))
    assert [d.setting.used for d in found.values()] == [None, "works", "works"]
    assert others.read(["0.5", 2]) == (0.5, 2.0)
    assert others.plain((0.5, 2.0)) == ["0.5", "2.0"]


@dataclasses.dataclass(frozen=True)
class Twice:
    one: int = setting(1, "One.")
    inner: Inner = section(Inner())


def test_two_settings_cannot_have_one_flag() -> None:
    with pytest.raises(TypeError, match="same flag one"):
        declarations(Twice)


def test_values_at_paths_are_read_and_changed() -> None:
    changed = with_values(Outer(), {("text",): "a", ("inner", "rest"): (1.0,)})
    assert changed == Outer("a", Inner(2, (1.0,)))
    assert value_at(changed, ("inner", "one")) == 2
    assert Outer() == with_values(Outer(), {})


@pytest.mark.parametrize(
    ("section", "name"),
    [
        (one.__name__, field.name)
        for one in vars(settings).values()
        if isinstance(one, type) and dataclasses.is_dataclass(one) and one.__name__ != "Setting"
        for field, declaration in declared(one)
        if declaration.low is not None or declaration.above is not None or declaration.choices
    ],
)
def test_every_section_refuses_what_is_out_of_bounds(section: str, name: str) -> None:
    kind = getattr(settings, section)
    (one,) = (declaration for field, declaration in declared(kind) if field.name == name)
    bad = "nonsense" if one.choices else one.above if one.low is None else one.low - 1
    for value in (bad, (bad,)):
        with pytest.raises(InputError, match=f"`{name}`={bad} must be"):
            kind(**{name: value})
