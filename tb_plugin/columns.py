"""The columns of the tab's tables: the quantities of `sfp_keras.filters` and what the tab adds."""

from collections.abc import Iterable
from typing import Any

from sfp_keras.filters import (
    FILTER_QUANTITIES,
    LABEL_QUANTITIES,
    LAYER_MEASURES,
    LAYER_QUANTITIES,
    STAGE_SIZES,
    Quantity,
)
from tb_plugin import following, head_columns

STEP = Quantity("step", "", "step", "Epoch of the measurement, counted from 0", "d")
# Which measurement a row is of.
_MEASUREMENT = (
    Quantity("stage", "", "stage", "Name of the stage", ""),
    Quantity("depth", "", "depth", "Place of the stage in the network, from the input side", "d"),
    STEP,
    Quantity("split", "", "split", "Images measured: test, train or validation", ""),
    Quantity("threshold", "", "threshold", "What normalised fields are clipped at", "g"),
)
STAGE_COLUMNS = (*_MEASUREMENT, *LAYER_QUANTITIES)
CURVE_COLUMNS = (
    *STAGE_COLUMNS,
    Quantity("exact", "", "exact", "Whether the numbers are of the factors, not rounded", ""),
)
FILTER_COLUMNS = (
    Quantity("filter", "", "number", "Number of the filter", "d"),
    # The labels themselves are those of one filter at a time, in the view of it.
    *(one for one in FILTER_QUANTITIES if one.key != "labels"),
    Quantity("clustered_labels", "", "labels in clusters", "Labels in clusters of the filter", "d"),
    Quantity(
        "strongest",
        "",
        "strongest label",
        "Label in a cluster whose field on its own output unit is the largest; undefined if the "
        "filter has no cluster",
        "d",
    ),
)
LABEL_COLUMNS = (
    Quantity("label", "", "No.", "Number of the label", "d"),
    Quantity("name", "", "label", "Name of the label", ""),
    Quantity("inputs", "", "images", "Images of the label", "d"),
    *LABEL_QUANTITIES,
)


def keys(columns: Iterable[Quantity]) -> list[str]:
    """The names of columns in JSON and CSV."""
    return [column.key for column in columns]


def described() -> dict[str, list[dict[str, Any]]]:
    """What the tab's tables show of stages, filters and labels, in order."""
    tables = {
        # What changes with training stands first: there is not room for all.
        "stages": (*LAYER_MEASURES, *STAGE_SIZES, STEP),
        "filters": FILTER_COLUMNS,
        "labels": LABEL_COLUMNS,
        "heads": head_columns.LABEL_COLUMNS,
        "followed_steps": following.STEP_COLUMNS,
        "followed_filters": following.FILTER_COLUMNS,
    }
    return {name: [_described(column) for column in columns] for name, columns in tables.items()}


def _described(column: Quantity) -> dict[str, Any]:
    return {
        "key": column.key,
        "symbol": column.symbol,
        "title": column.title,
        "heading": column.heading,
        "hint": column.explanation,
        "format": column.format,
        "numeric": column.numeric,
    }
