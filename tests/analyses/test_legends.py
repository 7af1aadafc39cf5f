"""Legends below the panels stay within their figure, whatever the names."""

import pandas as pd
import pytest
from matplotlib.figure import Figure

from sfp_keras.analyses.catalog.accuracy_over_depth import draw_depth
from sfp_keras.analyses.catalog.training import draw_heads
from sfp_keras.settings import LABELS, WIDTHS, SweepAxis


def legend_of(figure: Figure) -> tuple[float, float, list[str]]:
    """Where it begins and ends, as a share of the figure's width, and what it names."""
    figure.draw_without_rendering()
    (legend,) = figure.legends
    box = legend.get_window_extent()
    names = [text.get_text() for text in legend.get_texts()]
    return box.x0 / figure.bbox.width, box.x1 / figure.bbox.width, names


@pytest.mark.parametrize("axis", [LABELS, WIDTHS])
@pytest.mark.parametrize("counts", [[7], [3, 6, 12, 24, 48], [2**i for i in range(4, 17)]])
def test_of_a_sweep(axis: SweepAxis, counts: list[int]) -> None:
    rows = [
        {axis.column: count, "seed": 0, "stage": stage, "accuracy": 0.5}
        for count in counts
        for stage in ("layer1", "layer2")
    ]
    left, right, names = legend_of(draw_depth(pd.DataFrame(rows), axis))
    assert left >= 0
    assert right <= 1
    assert names == [f"{axis.short} = {count}" for count in counts]


def test_of_heads_with_long_names() -> None:
    curve = pd.DataFrame({"epoch": [0, 1], "loss": [1.0, 0.5], "test_accuracy": [0.1, 0.2]})
    stages = [f"block_{i}_expand_relu_$and_more" for i in range(9)]
    left, right, names = legend_of(draw_heads(dict.fromkeys(stages, curve)))
    assert left >= 0
    assert right <= 1
    assert len(names) == 9
