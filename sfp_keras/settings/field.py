"""How one setting is declared: its default, help, bounds, and the phases its result belongs to."""

import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from sfp_keras.errors import InputError

# The largest numbers of float32 are a little above.
_LARGEST = 3e38


@dataclasses.dataclass(frozen=True)
class Setting:
    """What is known of a setting beside its name, type and default.

    Attributes:
        help: `str`. What it does; other settings in backquotes, by the names of their flags.
        phases: the phases whose results depend on it: train, heads, afcc, links. None for what only
            says where or how fast something runs, or what is shown.
        low: the least number allowed.
        high: the largest number allowed.
        above: a bound that numbers must stay above.
        below: a bound that numbers, as float32, must stay below.
        choices: the texts allowed; none for any.
        least: the least number of elements of a tuple.
        once: whether each element of a tuple may be given once only.
        repeated: whether the flag is given several times instead of one list with commas.
        flag: `str`. The flag's whole name where it is not the section's prefix and the name.
        used: `str`. The property of an experiment that says whether the setting does something in
            it. Default: it always does.
        modes: the values of `mode` that read it; none for all.
        newer: whether trainings that were begun before the setting existed go on where it is at its
            default.
    """

    help: str
    phases: tuple[str, ...] = ()
    low: float | None = None
    high: float | None = None
    above: float | None = None
    below: float | None = None
    choices: tuple[str, ...] = ()
    least: int = 0
    once: bool = False
    repeated: bool = False
    flag: str | None = None
    used: str | None = None
    modes: tuple[str, ...] = ()
    newer: bool = False

    def check(self, name: str, value: Any) -> None:
        """Refuse a value, or an element of a tuple, that is out of bounds.

        Args:
            name: `str`. The setting as its user knows it.
            value: `None` is never refused.

        Raises:
            InputError: naming the setting and what is allowed.
        """
        if not self.allows(value):
            shown = value
            if isinstance(value, Mapping):
                shown = ",".join(f"{key}:{number}" for key, number in value.items())
            elif isinstance(value, tuple):
                shown = ",".join(map(str, value))
            raise InputError(f"`{name}`={shown} {self.rule(value)}")

    def allows(self, value: Any) -> bool:
        """Whether a value, each element of a tuple or each value of a mapping is within bounds."""
        if isinstance(value, Mapping):
            return all(map(self._allows_one, value.values()))
        if isinstance(value, tuple):
            whole = len(value) >= self.least and not (self.once and len(set(value)) < len(value))
            return whole and all(map(self._allows_one, value))
        return self._allows_one(value)

    def _allows_one(self, one: Any) -> bool:
        if one is None or isinstance(one, bool):
            return True
        if self.choices:
            return one in self.choices
        if not isinstance(one, int | float):
            return True
        # Written so that nan is refused.
        good = isinstance(one, int) or -_LARGEST < one < _LARGEST
        good = good and (self.low is None or one >= self.low)
        good = good and (self.high is None or one <= self.high)
        good = good and (self.above is None or one > self.above)
        return good and (self.below is None or bool(np.float32(one) < self.below))

    def rule(self, value: Any) -> str:
        """What a value like this one must be, in words."""
        return self._rule_of_one(value) + (", each once" if self.once else "")

    def _rule_of_one(self, value: Any) -> str:
        value = tuple(value.values()) if isinstance(value, Mapping) else value
        many = isinstance(value, tuple)
        if self.choices:
            return f"must be {'one or more of' if many else 'one of'} {', '.join(self.choices)}"
        bounds = [
            f"{words} {bound:g}"
            for words, bound in (
                ("at least", self.low),
                ("above", self.above),
                ("at most", self.high),
            )
            if bound is not None
        ]
        if many and value and all(isinstance(one, str) for one in value):
            return "must be names"
        below = _LARGEST if self.below is None and isinstance(value, float) else self.below
        bounds += [f"below {below:g}"] if below is not None and self.high is None else []
        whole = many and value and all(isinstance(one, int) for one in value)
        of = ("whole numbers of " if whole else "numbers of ") if many else ""
        return f"must be {of}{' and '.join(bounds) or 'a number'}"


def setting(default: Any, help: str, **more: Any) -> Any:
    """Declare a field of a dataclass of settings.

    Args:
        default: of the field; a tuple, number, text, boolean or `None`.
        help: `str`.
        **more: other attributes of `Setting`.

    Returns:
        A dataclass field.

    Raises:
        ValueError: if the default is out of its bounds.
    """
    one = Setting(help, **more)
    if not one.allows(default):
        raise ValueError(f"the default {default} of a setting {one.rule(default)}: {help}")
    return dataclasses.field(default=default, metadata={"setting": one})


@dataclasses.dataclass(frozen=True)
class Section:
    """How a dataclass of settings is used as a field of another one.

    Attributes:
        prefix: `str`. Begins the names of its flags.
        used: `str`. As `Setting.used`, for all its settings.
        modes: as `Setting.modes`, for all its settings.
    """

    prefix: str = ""
    used: str | None = None
    modes: tuple[str, ...] = ()


def section(
    default: Any, prefix: str = "", used: str | None = None, modes: tuple[str, ...] = ()
) -> Any:
    """Declare a field that is a dataclass of settings itself.

    Args:
        default: an instance of it.
        prefix: `str`. Begins the names of its flags.
        used: `str`. As `Setting.used`, for all its settings.
        modes: as `Setting.modes`, for all its settings.

    Returns:
        A dataclass field.
    """
    return dataclasses.field(default=default, metadata={"section": Section(prefix, used, modes)})


def declared(section: Any) -> Iterator[tuple[dataclasses.Field, Setting]]:
    """The fields that `setting` declared.

    Args:
        section: a dataclass, or an instance of one.

    Yields:
        Each field with its `Setting`.
    """
    for field in dataclasses.fields(section):
        if "setting" in field.metadata:
            yield field, field.metadata["setting"]


class Checked:
    """Base of a dataclass of settings, whose values are within their bounds.

    Raises:
        InputError: if one is not, when an instance is made.
    """

    def __post_init__(self) -> None:
        for field, one in declared(self):
            one.check(field.name, getattr(self, field.name))
