"""Accuracy of the heads against depth, for every number of labels K, or every width."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import pandas as pd

from sfp_keras.analyses.analysis import Analysis, AnalysisPart, Drawing, Scope
from sfp_keras.analyses.subjects import Sweep
from sfp_keras.reports.style import (
    BARS,
    POINT,
    joined,
    legend_below,
    new_figure,
    ordered_styles,
    share_axis,
    shown_name,
    tidy,
)
from sfp_keras.settings import LABELS, SweepAxis

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def draw_depth(members: pd.DataFrame, axis: SweepAxis = LABELS) -> Figure:
    """Draw accuracy against depth, for every K or width.

    Args:
        members: `DataFrame` with the axis' column, seed, stage, accuracy; stages input side first.
        axis: `SweepAxis`. Default: the labels.

    Returns:
        A `Figure` of a column's width.
    """
    figure, axes = new_figure(height=2.8)
    stages = list(dict.fromkeys(members["stage"]))
    counts = sorted(members[axis.column].unique())
    for i, (count, style) in enumerate(zip(counts, ordered_styles(len(counts)), strict=True)):
        accuracy = members[members[axis.column] == count].groupby("stage")["accuracy"]
        there = [stage for stage in stages if stage in accuracy.groups]
        shift = 0.06 * (i - (len(counts) - 1) / 2)
        axes.errorbar(
            *([stages.index(stage) + shift for stage in there], accuracy.mean()[there]),
            accuracy.std().fillna(0)[there],
            linestyle=joined(accuracy.mean()[there]),
            **style,
            **BARS,
        )
        axes.plot([], [], label=f"{axis.short} = {count}", **style, **POINT)
    _name_stages(axes, stages)
    axes.set_ylabel("test accuracy of the head")
    tidy(axes)
    share_axis(axes)
    # Below: bars of deviations reach into every corner of the axes.
    handles, texts = axes.get_legend_handles_labels()
    legend_below(figure, handles, texts, 4)
    return figure


def _name_stages(axes: Axes, stages: Sequence[str]) -> None:
    long = len(stages) > 6 or max(map(len, stages)) > 8
    turned: dict[str, Any] = {"rotation": 45, "ha": "right"} if long else {}
    names = [shown_name(stage, 20) for stage in stages]
    axes.set_xticks(range(len(stages)), names, parse_math=False, **turned)
    axes.set_xlabel("stage, input side first")


def _parts(sweep: Sweep, members: pd.DataFrame) -> Iterator[AnalysisPart]:
    yield Drawing(
        "accuracy",
        lambda: draw_depth(members, sweep.axis),
        f"Test accuracy of the heads against depth, for each {sweep.axis.each}; mean and standard "
        "deviation over seeds.",
        None,
    )


ANALYSIS = Analysis("accuracy_over_depth", Scope.DEPTH, 1, lambda sweep: sweep.members, _parts)
