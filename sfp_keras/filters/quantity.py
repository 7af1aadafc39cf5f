"""What a measured number is called and how people are shown it, declared where it is defined."""

import dataclasses
import inspect
from builtins import format as format_number
from collections.abc import Callable
from typing import Any, TypeVar

_Kind = TypeVar("_Kind", bound=type)
_DECLARED = "quantity"


@dataclasses.dataclass(frozen=True)
class Quantity:
    """A column of a table: its name for programs, and what people read.

    Attributes:
        key: `str`. Name in CSV files, in JSON and in TensorBoard.
        symbol: `str`. The papers' notation, an index after an underscore: `n`, `N_c`, `SNR_I`;
            empty where there is none.
        title: `str`. One or two words, in lower case.
        hint: `str`. What it is, in one sentence without a full stop.
        format: `str`. How numbers are written, as Python's `format` takes it: `.2f`, `d`; empty
            for what is no number.
        source: `str`. Paper, section or equation; empty where the project defines it.
    """

    key: str
    symbol: str
    title: str
    hint: str
    format: str
    source: str = ""

    @property
    def numeric(self) -> bool:
        """Whether its values are numbers."""
        return bool(self.format)

    @property
    def heading(self) -> str:
        """A column's heading: title and symbol, or a symbol that is a word by itself."""
        if self.symbol_is_word:
            return self.symbol
        return f"{self.title} {self.symbol}".strip()

    @property
    def symbol_is_word(self) -> bool:
        """Whether the symbol needs no title beside it, as `SNR_I`, unlike `N_c`."""
        return len(self.symbol.partition("_")[0]) > 1

    @property
    def explanation(self) -> str:
        """The hint with its source."""
        return f"{self.hint} ({self.source})" if self.source else self.hint


def quantity(
    title: str,
    hint: str,
    format: str,
    *,
    symbol: str = "",
    source: str = "",
    default: Any = dataclasses.MISSING,
    of_clusters: Callable[..., Any] | None = None,
    of_fields: Callable[..., Any] | None = None,
) -> Any:
    """A dataclass field that declares a `Quantity` under its own name.

    Args:
        title: see `Quantity`, as the other arguments.
        hint: `str`.
        format: `str`.
        symbol: `str`.
        source: `str`.
        default: the field's default value. Defaults to none.
        of_clusters: of a filter's statistic, what computes it from `FilterClusters`.
        of_fields: or what computes it from `FilterFields`.

    Raises:
        ValueError: if `format` is none for numbers.
    """
    try:
        format_number(1 if format.endswith("d") else 1.0, format)
    except ValueError as error:
        raise ValueError(f"quantity {title!r}: format {format!r}: {error}") from None
    metadata = {"of_clusters": of_clusters, "of_fields": of_fields}
    declared = {
        "title": title,
        "hint": hint,
        "format": format,
        "symbol": symbol,
        "source": source,
    }
    return dataclasses.field(default=default, metadata={**metadata, _DECLARED: declared})


def quantities_of(kind: Any) -> tuple[Quantity, ...]:
    """The quantities that a dataclass declares, in the order of its fields."""
    return tuple(
        Quantity(field.name, **field.metadata[_DECLARED])
        for field in dataclasses.fields(kind)
        if _DECLARED in field.metadata
    )


def documented(kind: _Kind) -> _Kind:
    """Add the declared quantities to the `Attributes` that end a dataclass's docstring."""
    if kind.__doc__:
        lines = [f"    {one.key}: {one.explanation}." for one in quantities_of(kind)]
        kind.__doc__ = "\n".join([inspect.cleandoc(kind.__doc__), *lines])
    return kind
