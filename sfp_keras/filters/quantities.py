"""Every column of layers, labels and filters, once, in the order of the CSV files.

CSV files, the terminal, the report, TensorBoard and the tab read these lists, which take up every
field of `LayerStatistics`, `LabelStatistics` and `FilterStatistics`.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from sfp_keras.filters.quantity import Quantity, quantities_of
from sfp_keras.filters.statistics import FilterStatistics, LabelStatistics, LayerStatistics

_filters, *_averages = quantities_of(LayerStatistics)

# What does not change while a stage's head is trained.
STAGE_SIZES: tuple[Quantity, ...] = (
    _filters,
    Quantity(
        "outputs_per_filter",
        "",
        "outputs",
        "Numbers that a filter hands to the head",
        "d",
    ),
    Quantity("fc_inputs", "", "inputs", "Inputs of the head: filters times outputs", "d"),
)
LAYER_MEASURES: tuple[Quantity, ...] = (
    Quantity(
        "accuracy",
        "",
        "accuracy",
        "Share of the images measured that the stage's head classifies correctly",
        ".3f",
        "paper 1, Figure 2B",
    ),
    *_averages,
)
LAYER_QUANTITIES = (*STAGE_SIZES, *LAYER_MEASURES)
LABEL_QUANTITIES: tuple[Quantity, ...] = (
    Quantity(
        "accuracy",
        "",
        "accuracy",
        "Share of the label's images that the stage's head classifies correctly",
        ".3f",
    ),
    *quantities_of(LabelStatistics),
)
FILTER_QUANTITIES = quantities_of(FilterStatistics)


def stage_sizes(filters: int, positions: int) -> dict[str, int]:
    """The values of `STAGE_SIZES`, by key.

    Args:
        filters: `int`. F.
        positions: `int`. Outputs of one filter, P.

    Returns:
        Dict from key to `int`.
    """
    values = (filters, positions, filters * positions)
    return {one.key: value for one, value in zip(STAGE_SIZES, values, strict=True)}


def layer_values(
    statistics: LayerStatistics, positions: int, accuracy: float | None
) -> dict[str, Any]:
    """The values of `LAYER_QUANTITIES`, by key.

    Args:
        statistics: `LayerStatistics`.
        positions: `int`. Outputs of one filter, P.
        accuracy: `float` or `None`. Of the stage's head.

    Returns:
        Dict from key to number.
    """
    beside = {**stage_sizes(statistics.filters, positions), "accuracy": accuracy}
    return values_of(LAYER_QUANTITIES, statistics, beside)


def label_values(statistics: LabelStatistics, accuracy: Any) -> dict[str, Any]:
    """The values of `LABEL_QUANTITIES`, one a label, by key.

    Args:
        statistics: `LabelStatistics`.
        accuracy: float array `(K,)`. Of the stage's head, NaN for a label without images.

    Returns:
        Dict from key to array `(K,)`.
    """
    return values_of(LABEL_QUANTITIES, statistics, {"accuracy": accuracy})


def filter_values(statistics: FilterStatistics) -> dict[str, Any]:
    """The values of `FILTER_QUANTITIES`, one a filter, by key.

    Args:
        statistics: `FilterStatistics`.

    Returns:
        Dict from key to array `(F,)`, of `labels` to a list of F lists.
    """
    return values_of(FILTER_QUANTITIES, statistics, {})


def values_of(
    quantities: Sequence[Quantity], statistics: Any, beside: Mapping[str, Any]
) -> dict[str, Any]:
    """Values by key: from `beside`, else the attribute of the statistics."""
    return {
        one.key: beside[one.key] if one.key in beside else getattr(statistics, one.key)
        for one in quantities
    }
