"""Statistics as tables of pandas, which is loaded when the first is asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from sfp_keras.filters.quantity import quantities_of

if TYPE_CHECKING:
    import pandas as pd


class Framed:
    """Statistics with a value for each filter, for each label, or for the layer as a whole."""

    # What a row is of; empty for the layer, which is one row.
    _row = ""

    def to_frame(self) -> pd.DataFrame:
        """The numbers as a `DataFrame`, with the columns of the CSV files that hold them.

        Quantities that were not computed, those of fields where only clusters were given, are
        left out.
        """
        import pandas as pd

        values = {one.key: getattr(self, one.key) for one in quantities_of(type(self))}
        there = {key: value for key, value in values.items() if value is not None}
        if not self._row:
            return pd.DataFrame([there])
        count = len(next(iter(there.values())))
        return pd.DataFrame({self._row: np.arange(count), **there})

    def _repr_html_(self) -> str:
        return frame_html(self.to_frame())


def frame_html(frame: pd.DataFrame) -> str:
    """A table as a notebook shows it: numbers with four digits, no numbers of rows."""
    shown = frame.head(_MOST_ROWS).map(_shown)
    more = len(frame) - len(shown)
    rest = f"<p>and {more} more: <code>to_frame()</code> has all</p>" if more else ""
    return shown.to_html(index=False) + rest


# As many as pandas shows of a long table.
_MOST_ROWS = 60


def _shown(value: Any) -> Any:
    is_number = isinstance(value, float | np.floating)
    return f"{value:.4g}" if is_number else value
