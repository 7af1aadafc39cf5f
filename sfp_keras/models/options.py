"""Options of a network: a dataclass each, read from values or from the texts of flags."""

import dataclasses
import types
import typing
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar

from sfp_keras.errors import InputError, as_whole
from sfp_keras.settings.field import Checked, setting
from sfp_keras.settings.kinds import of_kind

# By number where a network counts its layers, else by name.
Layer = int | str


@dataclasses.dataclass(frozen=True)
class NoOptions(Checked):
    """Options of a network that comes trained: none."""

    only_layer: ClassVar[Layer | None] = None

    def given(self) -> dict[str, Any]:
        """The options that are not `None`."""
        values = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        return {name: value for name, value in values.items() if value is not None}


@dataclasses.dataclass(frozen=True)
class Options(NoOptions):
    """Options of a network. A network's own are a subclass; defaults are the paper's network.

    Fields that `setting` declares are flags of the command too; other fields are for Python alone.
    A network with filters in one layer alone names it as `only_layer`; `filters` may then be a
    number.
    A field may be a `bool`, `int`, `float`, `str`, a tuple of one of these, or a `Mapping` from
    layers to whole numbers, and `None` beside it: the default of the network, or of its weights.

    Raises:
        InputError: if a value is out of its bounds; the message names the option.
    """

    filters: Mapping[Layer, int] | None = setting(
        None,
        "Layers with another number of filters, as <layer>:<filters>, by number where the network "
        "numbers its layers (13:350,12:350), else by name; the number alone where one layer has "
        "filters (tree3).",
        low=1,
    )


@dataclasses.dataclass(frozen=True)
class WidthOptions(Options):
    """Options of a network whose layers all become wider or narrower together.

    `mode`=sweep varies `width` for any network with these options.
    """

    width: int | None = setting(
        None,
        "Filters of the first convolution; the other layers have theirs in proportion. Default: "
        "the papers'.",
        low=1,
        high=65_536,
        newer=True,
    )


@dataclasses.dataclass(frozen=True)
class ScaledHeadOptions(WidthOptions):
    """Options of such a network with hidden fully connected layers, which may stay as they are."""

    scale_fc: bool | None = setting(
        None,
        "Whether `width` scales the hidden fully connected layers too. Default: no for lenet5, yes "
        "for the others.",
        newer=True,
    )


def in_proportion(count: int, width: int | None, first: int) -> int:
    """Filters or nodes of a layer in a network of another width.

    Args:
        count: `int`. How many there are where the first layer has `first` filters.
        width: `int`. Filters of the first layer now, or `None` for `first`.
        first: `int`.

    Returns:
        `int`. The nearest to `count * width / first`, halves upwards; at least 1.
    """
    return count if width is None else max(1, (2 * count * width + first) // (2 * first))


def as_image_shape(shape: Sequence[int]) -> tuple[int, ...]:
    """An `input_shape` (height, width, channels), which has no dimension left open.

    Raises:
        InputError: if it is something else.
    """
    if len(shape) != 3:
        raise InputError(f"`input_shape` is (height, width, channels), not {tuple(shape)}")
    return tuple(as_whole(f"`input_shape`={tuple(shape)}: each", size, 1) for size in shape)


def read_options(kind: type[NoOptions], values: Mapping[str, Any]) -> NoOptions:
    """Options from values, or from texts as flags have them.

    Args:
        kind: the dataclass of options.
        values: dict from names of its fields to values of their types; instead of a mapping a
            sequence of texts such as `("13:350", "12:350")`, and for a network with one layer a
            number or its text; instead of a tuple of numbers one of texts, `("none",)` for none.

    Raises:
        InputError: if a value cannot be read or is out of bounds.
    """
    hints = typing.get_type_hints(kind)
    read = {name: _read(name, hints[name], value, kind) for name, value in values.items()}
    return kind(**read)


def plain_kind(hint: Any) -> Any:
    """The type of an option without `None`."""
    if isinstance(hint, types.UnionType):
        (hint,) = (one for one in typing.get_args(hint) if one is not type(None))
    return hint


def _read(name: str, hint: Any, value: Any, kind: type[NoOptions]) -> Any:
    hint = plain_kind(hint)
    origin = typing.get_origin(hint)
    if value is None:
        return None
    if origin is None:
        return of_kind(name, hint, value)
    if origin is tuple:
        return _items(name, hint, value)
    return _layers(name, value, kind.only_layer)


def _items(name: str, hint: Any, value: Any) -> tuple[Any, ...]:
    kind = typing.get_args(hint)[0]
    alone = isinstance(value, str) or not isinstance(value, Iterable)
    items = [value] if alone else list(value)
    try:
        return tuple(
            kind(item) if isinstance(item, str) else of_kind(name, kind, item)
            for item in items
            if item != "none"
        )
    except ValueError:
        what = "whole numbers such as 512,512" if kind is int else "numbers"
        raise InputError(f"`{name}`={_shown(items)}: give {what}, or none") from None


def _layers(name: str, value: Any, only: Layer | None) -> dict[Layer, int] | None:
    """A mapping from layers to numbers; of one layer a number will do."""
    alone = value[0] if isinstance(value, list | tuple) and len(value) == 1 else value
    if only is not None and not isinstance(alone, Mapping) and str(alone).isdecimal():
        return {only: int(alone)}
    if isinstance(value, Mapping):
        pairs = [[layer, number] for layer, number in value.items()]
    else:
        value = list(value) if isinstance(value, list | tuple) else [value]
        pairs = [str(text).rsplit(":", 1) for text in value]
    try:
        found = {
            read_layer(layer): int(number)
            if isinstance(number, str)
            else of_kind(name, int, number)
            for layer, number in pairs
        }
    except (ValueError, TypeError):
        found = {}
    if len(found) < len(pairs):
        raise InputError(
            f"`{name}`={_shown(':'.join(map(str, pair)) for pair in pairs)}: give a layer and a "
            "number each, every layer once, such as 3:1"
        )
    return found or None


def read_layer(name: Any) -> Layer:
    """A layer's number where `name` is one, such as 13 or `"13"`, else its name."""
    return int(name) if str(name).isascii() and str(name).isdigit() else name


def _shown(items: Iterable[Any]) -> str:
    return ",".join(map(str, items))
