"""Tables as CSV that spreadsheets show and do not run, and that read back exactly.

A spreadsheet takes text that begins with `=`, `+`, `-` or `@` for a formula, quoted or not. Every
writer puts a single quote before such text, and before text that begins with quotes and then goes
on like that; every reader takes one away. Numbers stay as they are, also those below zero.
"""

import csv
import re
from collections.abc import Iterable
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

if TYPE_CHECKING:  # Cells are guarded without it.
    import pandas as pd

_FORMULA = r"(\s*[=+\-@＝＋－＠]|[\t\r\n\0])"
_TO_GUARD, _GUARDED = re.compile(f"'*{_FORMULA}"), re.compile(f"'+{_FORMULA}")
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?|[+-](inf|nan)", re.IGNORECASE)


def guard(text: str) -> str:
    """A cell that no spreadsheet takes for a formula."""
    return f"'{text}" if _TO_GUARD.match(text) else text


def unguard(cell: str) -> str:
    """The text that `guard` was given."""
    return cell[1:] if _GUARDED.match(cell) else cell


def csv_text(table: "pd.DataFrame") -> str:
    """A table as CSV, its texts guarded.

    Args:
        table: `DataFrame`; the index is left out.
    """
    # Tables that are merged have their numbers as text.
    guarded = _map_texts(table, lambda text: text if _NUMBER.fullmatch(text) else guard(text))
    # A carriage return ends a line where nothing is around it.
    returns = any("\r" in cell for i in _text_columns(guarded) for cell in _texts(guarded, i))
    return guarded.to_csv(
        index=False, quoting=csv.QUOTE_NONNUMERIC if returns else csv.QUOTE_MINIMAL
    )


def read_csv(source: Path | IO[str], **options: Any) -> "pd.DataFrame":
    """Read a table that `csv_text` wrote.

    Args:
        source: `Path` or open file.
        **options: as `pandas.read_csv` takes them.

    Raises:
        OSError, ValueError: as `pandas.read_csv` does.
    """
    import pandas as pd

    return _map_texts(pd.read_csv(source, **options), unguard)


def with_columns(table: "pd.DataFrame", names: Iterable[str]) -> "pd.DataFrame":
    """Some columns of a table, in this order.

    Raises:
        ValueError: naming those that are missing.
    """
    names = list(names)
    if missing := [name for name in names if name not in table]:
        raise ValueError(f"it has no {', '.join(missing)}")
    return table[names]


def _map_texts(table: "pd.DataFrame", function: Any) -> "pd.DataFrame":
    changed = table
    for i in _text_columns(table):
        if any(function(cell) != cell for cell in _texts(table, i)):
            changed = table.copy() if changed is table else changed
            column = table.iloc[:, i]
            changed.isetitem(
                i, [function(cell) if isinstance(cell, str) else cell for cell in column]
            )
    return changed


def _text_columns(table: "pd.DataFrame") -> list[int]:
    return [i for i, dtype in enumerate(table.dtypes) if dtype.kind not in "biufcmM"]


def _texts(table: "pd.DataFrame", column: int) -> list[str]:
    return [cell for cell in table.iloc[:, column] if isinstance(cell, str)]
