"""The figures of a sweep: error against K (paper 2, Figures 3-5), clusters against K, depth."""

from collections.abc import Sequence
from typing import Any

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from sfp_keras.papers import PaperSweep
from sfp_keras.reports.style import (
    COLOURS,
    GREY,
    LARGE,
    PAGE,
    SMALL,
    letter,
    new_figure,
    shown_name,
    tidy,
)
from sfp_keras.reports.sweep import paper_line, stage_line

_MARKERS = "osD^vPX*"
_OURS, _PAPERS = COLOURS[0], COLOURS[1]
_POINT: dict[str, Any] = {"markersize": 4, "linewidth": 1}
_BARS: dict[str, Any] = {"capsize": 2, "elinewidth": 0.8, **_POINT}
_HOLLOW: dict[str, Any] = {"markersize": 4, "markerfacecolor": "white", "linewidth": 0.8}


def draw_error(members: pd.DataFrame, paper: PaperSweep | None, stage: str) -> Figure:
    """Draw error against K at one stage: seeds, means, line with its 95% band, the paper's.

    Args:
        members: `DataFrame` with K, seed, stage, error.
        paper: `PaperSweep`, or `None`.
        stage: `str`.

    Returns:
        A `Figure` of a column's width. The band is `LineFit.band`.
    """
    figure, axes = new_figure(height=3.0)
    rows = members[members["stage"] == stage]
    error = rows.groupby("K")["error"]
    seeds = rows["seed"].nunique()
    most = rows["K"].max()
    if paper is not None and stage in set(paper.rows["stage"]):
        theirs = paper.rows[paper.rows["stage"] == stage]
        line = paper_line(paper, stage)
        ends = np.array([1, max(most, theirs["K"].max())])
        text = f"Meir et al. 2023, slope {line.slope:.2g}"
        axes.plot(ends, line.at(ends), "--", color=_PAPERS, linewidth=0.8)
        axes.plot(theirs["K"], theirs["error"], "s", color=_PAPERS, **_HOLLOW)
        axes.plot([], [], "s--", color=_PAPERS, label=text, **_HOLLOW)
    fit = stage_line(rows)
    x = np.linspace(1, most, 200)
    if np.isfinite(fit.slope):
        axes.plot(x, fit.at(x), color=_OURS, linewidth=1, label=f"line, slope {fit.slope:.2g}")
    if np.isfinite(fit.deviation):
        low, high = fit.at(x) - fit.band(x), fit.at(x) + fit.band(x)
        style: dict[str, Any] = {"color": _OURS, "alpha": 0.15, "linewidth": 0}
        axes.fill_between(x, low, high, label="its 95% confidence band", **style)
    if seeds > 1:
        style = {"color": _OURS, "alpha": 0.4, "markersize": 3.5, "markeredgewidth": 0}
        axes.plot(rows["K"], rows["error"], "o", label="single seeds", **style)
        fewest = rows.groupby("K")["seed"].nunique().min()
        several = f"{fewest} to {seeds}" if fewest < seeds else f"{seeds}"
        text = f"mean ± std of {several} seeds"
        axes.errorbar(
            *(error.mean().index, error.mean(), error.std().fillna(0)),
            **(_BARS | {"fmt": "D", "markersize": 3, "color": _OURS, "label": text}),
        )
    else:
        axes.plot(rows["K"], rows["error"], "o", color=_OURS, label="this sweep", **_POINT)
    _labels_axis(axes)
    # No error is below zero, though the line may be, and its band; marks at zero are seen whole.
    lowest = min(0.0, float(fit.at(1))) if np.isfinite(fit.slope) else 0.0
    axes.set_ylim(bottom=lowest - 0.03 * (axes.get_ylim()[1] - lowest))
    axes.set_ylabel(r"test error, $\epsilon$ = 1 − accuracy")
    axes.set_title(f"head on {shown_name(stage, 30)}", loc="left", fontsize=LARGE, parse_math=False)
    tidy(axes)
    # Points may be anywhere in the panel.
    style = {"loc": "outside lower center", "ncols": 2, "fontsize": SMALL - 1, "frameon": False}
    figure.legend(*axes.get_legend_handles_labels(), **style)
    return figure


def draw_clusters(members: pd.DataFrame, paper: PaperSweep | None) -> Figure:
    """Draw the clusters of a filter and their size against K, for every stage.

    Args:
        members: `DataFrame` with K, seed, stage, clusters, cluster_size.
        paper: `PaperSweep`, or `None`.

    Returns:
        A `Figure` of a page's width.
    """
    figure, panels = new_figure(PAGE, 2.8, ncols=2)
    stages = list(dict.fromkeys(members["stage"]))
    # Side by side, so that bars of one K do not hide one another.
    step = 0.008 * members["K"].max()
    for mark, axes, name, text in zip(
        "AB",
        panels,
        ("clusters", "cluster_size"),
        ("clusters a filter, $N_c$", "cluster size $C_s$ (labels)"),
        strict=True,
    ):
        for i, (stage, style) in enumerate(zip(stages, _styles(len(stages)), strict=True)):
            shift = step * (i - (len(stages) - 1) / 2)
            if paper is not None:
                theirs = paper.rows[paper.rows["stage"] == stage]
                axes.plot(theirs["K"], theirs[name], "--", **style, **_HOLLOW)
            values = members[members["stage"] == stage].groupby("K")[name]
            axes.errorbar(
                *(values.mean().index + shift, values.mean(), values.std().fillna(0)),
                **style,
                **_BARS,
            )
            axes.plot([], [], label=shown_name(stage, 30), **style, **_POINT)
        if paper is not None and set(stages) & set(paper.rows["stage"]):
            axes.plot([], [], "o--", color=GREY, label="Meir et al. 2023", **_HOLLOW)
        _labels_axis(axes)
        axes.set_ylim(bottom=0)
        axes.set_ylabel(text)
        tidy(axes)
        letter(axes, mark)
    handles, texts = panels[0].get_legend_handles_labels()
    style = {"loc": "outside right center", "fontsize": SMALL, "frameon": False}
    figure.legend(handles, texts, **style)
    return figure


def draw_depth(members: pd.DataFrame) -> Figure:
    """Draw accuracy against depth, for every K.

    Args:
        members: `DataFrame` with K, seed, stage, accuracy; stages input side first.

    Returns:
        A `Figure` of a column's width.
    """
    figure, axes = new_figure(height=2.8)
    stages = list(dict.fromkeys(members["stage"]))
    counts = sorted(members["K"].unique())
    for i, (count, style) in enumerate(zip(counts, _styles(len(counts)), strict=True)):
        accuracy = members[members["K"] == count].groupby("stage")["accuracy"]
        there = [stage for stage in stages if stage in accuracy.groups]
        shift = 0.06 * (i - (len(counts) - 1) / 2)
        axes.errorbar(
            *([stages.index(stage) + shift for stage in there], accuracy.mean()[there]),
            accuracy.std().fillna(0)[there],
            **style,
            **_BARS,
        )
        axes.plot([], [], label=f"$K$ = {count}", **style, **_POINT)
    _name_stages(axes, stages)
    axes.set_ylabel("test accuracy of the head")
    tidy(axes)
    # Below: bars of deviations reach into every corner of the axes.
    style = {"loc": "outside lower center", "fontsize": SMALL, "frameon": False}
    figure.legend(*axes.get_legend_handles_labels(), ncols=min(len(counts), 4), **style)
    return figure


def _labels_axis(axes: Axes) -> None:
    axes.set_xlim(left=0)
    axes.xaxis.set_major_locator(MaxNLocator(6, integer=True))
    axes.set_xlabel("number of labels $K$")


def _name_stages(axes: Axes, stages: Sequence[str]) -> None:
    long = len(stages) > 6 or max(map(len, stages)) > 8
    turned: dict[str, Any] = {"rotation": 45, "ha": "right"} if long else {}
    names = [shown_name(stage, 20) for stage in stages]
    axes.set_xticks(range(len(stages)), names, parse_math=False, **turned)
    axes.set_xlabel("stage, input side first")


def _styles(count: int) -> list[dict[str, Any]]:
    """Colours of an order, dark to light, that the colour-blind tell apart, and markers."""
    colours = matplotlib.colormaps["viridis"](np.linspace(0, 0.85, count))
    return [
        {"color": colour, "marker": _MARKERS[i % len(_MARKERS)]} for i, colour in enumerate(colours)
    ]
