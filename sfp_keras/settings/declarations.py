"""All settings of nested dataclasses, by the names of their flags."""

import dataclasses
import functools
import types
import typing
from collections.abc import Mapping
from typing import Any

from sfp_keras.settings.field import Section, Setting


@dataclasses.dataclass(frozen=True)
class Declaration:
    """A setting and its place among nested dataclasses.

    Attributes:
        name: `str`. Of its flag.
        path: names of fields that lead to it from the outermost dataclass.
        setting: `Setting`.
        default: its default.
        kind: the type of its value, or of a tuple's elements: bool, int, float or str.
        many: whether its value is a tuple.
    """

    name: str
    path: tuple[str, ...]
    setting: Setting
    default: Any
    kind: type
    many: bool

    @property
    def topic(self) -> str:
        """The section it is in."""
        return self.path[0]

    def read(self, value: Any) -> Any:
        """A value of the setting's type, from a flag's or from JSON.

        Args:
            value: as it is kept; a list, with numbers as text, where the setting is a tuple.

        Raises:
            ValueError: if it cannot be read.
        """
        if value is None or not self.many:
            return value
        return tuple(_number(item, self.kind) for item in value)

    def plain(self, value: Any) -> Any:
        """A value as a JSON type: tuples are lists of texts."""
        return list(map(str, value)) if isinstance(value, tuple) else value


def _number(item: Any, kind: type) -> Any:
    if kind is int and isinstance(item, str) and not (item.isascii() and item.isdigit()):
        raise ValueError(f"{item!r} is not a whole number")
    return kind(item)


@functools.cache
def declarations(section: type) -> Mapping[str, Declaration]:
    """Every setting below a dataclass, by the name of its flag, in the order of the fields.

    Args:
        section: a dataclass with fields that `setting` or `section` declared.

    Returns:
        Dict from a flag's name to its `Declaration`.

    Raises:
        TypeError: if two settings have the same flag.
    """
    found: dict[str, Declaration] = {}
    for one in _below(section, section(), (), Section()):
        if one.name in found:
            raise TypeError(f"{found[one.name].path} and {one.path} have the same flag {one.name}")
        found[one.name] = one
    return found


def _below(
    kind: type, defaults: Any, path: tuple[str, ...], where: Section
) -> typing.Iterator[Declaration]:
    hints = typing.get_type_hints(kind)
    for field in dataclasses.fields(kind):
        here, default = (*path, field.name), getattr(defaults, field.name)
        if "section" in field.metadata:
            inner = field.metadata["section"]
            below = Section(
                where.prefix + inner.prefix, inner.used or where.used, inner.modes or where.modes
            )
            yield from _below(type(default), default, here, below)
        elif "setting" in field.metadata:
            declared = field.metadata["setting"]
            declared = dataclasses.replace(
                declared, used=declared.used or where.used, modes=declared.modes or where.modes
            )
            name = declared.flag or where.prefix + field.name
            yield Declaration(name, here, declared, default, *_kind_of(hints[field.name]))


def _kind_of(hint: Any) -> tuple[type, bool]:
    """The type of a setting's value or elements, and whether it is a tuple."""
    if isinstance(hint, types.UnionType):
        hint = next(one for one in typing.get_args(hint) if one is not type(None))
    if typing.get_origin(hint) is tuple:
        return typing.get_args(hint)[0], True
    return hint, False


def value_at(section: Any, path: tuple[str, ...]) -> Any:
    """The value that a path of fields leads to.

    Args:
        section: an instance of a dataclass.
        path: names of fields, the outermost first.

    Returns:
        The value.
    """
    return functools.reduce(getattr, path, section)


def with_values(section: Any, values: Mapping[tuple[str, ...], Any]) -> Any:
    """A copy of nested dataclasses with other values at some paths.

    Args:
        section: an instance of a dataclass.
        values: dict from paths, tuples of names of fields, to values.

    Returns:
        An instance of the same dataclass.
    """
    changes: dict[str, Any] = {}
    inner: dict[str, dict[tuple[str, ...], Any]] = {}
    for (first, *rest), value in values.items():
        if rest:
            inner.setdefault(first, {})[tuple(rest)] = value
        else:
            changes[first] = value
    for name, below in inner.items():
        changes[name] = with_values(getattr(section, name), below)
    return dataclasses.replace(section, **changes) if changes else section
