"""What a run's tables say of the errors of its numbers, for the tab."""

from typing import Any

import pandas as pd

from sfp_keras.filters import LAYER_MEASURES
from sfp_keras.monitoring.error_bars import ErrorBars
from sfp_keras.runs import RunFiles
from sfp_keras.runs.merged_tables import read_all_heads, read_all_intervals

_KEYS = [one.key for one in LAYER_MEASURES]


def read_error_bars(files: RunFiles) -> dict[tuple[str, str], tuple[ErrorBars, ...]]:
    """The rows of intervals.csv and heads.csv, by stage and split.

    Args:
        files: `RunFiles`.

    Returns:
        Dict from stage and split to its `ErrorBars`, one a threshold, ascending.

    Raises:
        InputError: if a file is damaged.
    """
    intervals = _grouped(read_all_intervals(files))
    heads = _grouped(read_all_heads(files))
    found: dict[tuple[str, str], tuple[ErrorBars, ...]] = {}
    for place in sorted({*intervals, *heads}):
        stage, split, threshold = place
        bars = ErrorBars(
            threshold,
            {row.quantity: (row.error, row.low, row.high) for row in intervals.get(place, ())},
            {row.head: {key: getattr(row, key) for key in _KEYS} for row in heads.get(place, ())},
        )
        found[stage, split] = (*found.get((stage, split), ()), bars)
    return found


def _grouped(table: pd.DataFrame) -> dict[tuple[str, str, float], list[Any]]:
    """The rows of each stage, split and threshold."""
    found: dict[tuple[str, str, float], list[Any]] = {}
    for row in table.itertuples(index=False):
        one: Any = row
        found.setdefault((one.stage, one.split, one.threshold), []).append(one)
    return found
