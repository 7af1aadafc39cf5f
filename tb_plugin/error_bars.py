"""How sure the numbers of a stage are: columns beside them, where the log has their errors."""

import math
import statistics
from collections.abc import Iterable, Mapping
from typing import Any

from sfp_keras.filters import LAYER_MEASURES
from sfp_keras.monitoring.error_bars import ErrorBars
from sfp_keras.monitoring.schema import Header

_KEYS = [one.key for one in LAYER_MEASURES]
# Heads of a stage beside its own: how many there are, of true labels, and of shuffled ones.
HEADS, SHUFFLED_HEADS = "seeds", "shuffled_seeds"
_OF_IMAGES = ("error", "low", "high")
_OF_HEADS = ("mean", "std", "shuffled")
# What a number's columns are called, in the order of files.
COLUMNS = (
    *(f"{key}_{name}" for key in _KEYS for name in _OF_IMAGES),
    *(HEADS, SHUFFLED_HEADS),
    *(f"{key}_{name}" for key in _KEYS for name in _OF_HEADS),
)


def error_cells(header: Header, threshold: float) -> dict[str, Any]:
    """The columns of a measurement's numbers; none where there are no errors at the threshold.

    Of a column `noise` of the table, `noise_error`, `noise_low` and `noise_high` are its standard
    error and the ends of its 95% interval over the images; `noise_mean` and `noise_std` mean and
    deviation over heads of true labels, `seeds` many; `noise_shuffled` what a head of shuffled
    labels gives.
    """
    cells: dict[str, Any] = {}
    for bars in header.bars:
        if bars.threshold == threshold:
            for key in _KEYS:
                cells |= {
                    f"{key}_{name}": value
                    for name, value in zip(_OF_IMAGES, bars.intervals.get(key, ()), strict=False)
                }
            cells |= _of_heads(bars)
    return cells


def thresholds(headers: Iterable[Header]) -> list[float]:
    """Where errors are known, ascending."""
    return sorted({bars.threshold for header in headers for bars in header.bars})


def present(rows: Iterable[Mapping[str, Any]]) -> list[str]:
    """The columns that some of these rows have."""
    there = {key for row in rows for key in row}
    return [key for key in COLUMNS if key in there]


def _of_heads(bars: ErrorBars) -> dict[str, Any]:
    cells: dict[str, Any] = {}
    shuffled = [of for name, of in bars.heads.items() if name.startswith("shuffled")]
    true = [of for name, of in bars.heads.items() if not name.startswith("shuffled")]
    if len(true) > 1:
        cells[HEADS] = len(true)
    if shuffled:
        cells[SHUFFLED_HEADS] = len(shuffled)
    for key in _KEYS:
        values = [of[key] for of in true if key in of]
        if len(values) > 1:
            cells |= {f"{key}_mean": _mean(values), f"{key}_std": _deviation(values)}
        by_chance = [of[key] for of in shuffled if key in of]
        if by_chance:
            cells[f"{key}_shuffled"] = _mean(by_chance)
    return cells


def _mean(values: list[float]) -> float:
    return sum(values) / len(values)


def _deviation(values: list[float]) -> float:
    # What is infinite has no deviation.
    return statistics.stdev(values) if all(map(math.isfinite, values)) else math.nan
