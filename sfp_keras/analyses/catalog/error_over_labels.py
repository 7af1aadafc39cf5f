"""Error against the number of labels K, with its line."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from sfp_keras.analyses.analysis import Analysis, AnalysisPart, Drawing, Scope, Tabled
from sfp_keras.analyses.catalog.clusters_over_labels import stage_table
from sfp_keras.analyses.subjects import Sweep
from sfp_keras.papers import PaperSweep
from sfp_keras.reports import Column, Paragraph, ReportTable
from sfp_keras.reports.style import (
    BARS,
    COLOURS,
    HOLLOW,
    LARGE,
    POINT,
    SMALL,
    legend_below,
    new_figure,
    number_of_labels_axis,
    share_axis,
    shown_name,
    tidy,
)
from sfp_keras.reports.sweep import line_in_words, paper_line, stage_line

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_OURS, _PAPERS = COLOURS[0], COLOURS[1]


def draw_error(members: pd.DataFrame, paper: PaperSweep | None, stage: str) -> Figure:
    """Draw error against K at one stage: seeds, means, line with its 95% band, the paper's.

    Two K have no line: any two points have one.

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
        axes.plot(theirs["K"], theirs["error"], "s", color=_PAPERS, **HOLLOW)
        axes.plot([], [], "s--", color=_PAPERS, label=text, **HOLLOW)
    fit = stage_line(rows)
    x = np.linspace(1, most, 200)
    # Through two K any line goes.
    drawn = rows["K"].nunique() > 2
    if drawn:
        axes.plot(x, fit.at(x), color=_OURS, linewidth=1, label=f"line, slope {fit.slope:.2g}")
    if drawn and np.isfinite(fit.deviation):
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
            **(BARS | {"fmt": "D", "markersize": 3, "color": _OURS, "label": text}),
        )
    else:
        axes.plot(rows["K"], rows["error"], "o", color=_OURS, label="this sweep", **POINT)
    number_of_labels_axis(axes)
    # No error is below zero, though the line may be, and its band.
    share_axis(axes)
    axes.set_ylabel(r"test error, $\epsilon$ = 1 − accuracy")
    axes.set_title(f"head on {shown_name(stage, 30)}", loc="left", fontsize=LARGE, parse_math=False)
    tidy(axes)
    # Points may be anywhere in the panel.
    handles, texts = axes.get_legend_handles_labels()
    legend_below(figure, handles, texts, 2, fontsize=SMALL - 1)
    return figure


def fit_table(fits: pd.DataFrame, paper: PaperSweep | None) -> ReportTable:
    """The lines of all stages.

    Args:
        fits: `DataFrame` as of `fit_stages`.
        paper: `PaperSweep`, or `None`; of a stage that it has, the line through its points.

    Returns:
        A `ReportTable`.
    """
    columns = [
        Column("stage", "stage"),
        Column("points", "points", "d"),
        Column("slope", "slope", ".5f"),
        Column("slope_error", "± standard error", ".5f"),
        Column("slope_low", "95% from", ".5f"),
        Column("slope_high", "to", ".5f"),
        Column("intercept", "intercept", ".4f"),
        Column("intercept_error", "± standard error", ".4f"),
        Column("error_at_1", "error at K = 1", ".4f"),
        Column("slope_mean", "slope of seeds", ".5f"),
        Column("slope_std", "± std", ".5f"),
    ]
    theirs = []
    for stage in fits["stage"]:
        line = paper_line(paper, stage) if paper and stage in set(paper.rows["stage"]) else None
        numbers = ("slope", "intercept", "points")
        theirs.append({name: getattr(line, name) for name in numbers} if line else None)
    note = "Least squares through all points, error = slope K + intercept."
    if paper and any(theirs):
        labels = ", ".join(map(str, paper.line_labels))
        note += (
            f" Paper: the line through the points it prints for K = {labels}; {paper.source.paper}."
        )
        note += f" Its own slope: {paper.slope}." if paper.slope else ""
    return ReportTable("Error against K", columns, fits.to_dict("records"), theirs, note)


def _parts(sweep: Sweep, fits: pd.DataFrame) -> Iterator[AnalysisPart]:
    stage, paper = sweep.stage, sweep.paper
    yield Drawing(
        "error",
        lambda: draw_error(sweep.members, paper, stage),
        f"Test error of the head on {stage} against the number of labels K. Small: single seeds; "
        "each draws its labels, nested over K."
        + (
            " Line: least squares through all of them, with the 95% confidence band of the line."
            if sweep.members["K"].nunique() > 2
            else ""
        ),
        "paper 2, Figures 3-5",
    )
    line = fits[fits["stage"] == stage].iloc[0]
    if pd.notna(line["slope"]):
        yield Paragraph(line_in_words(line))
    yield stage_table(sweep.summary, paper, stage)
    yield Tabled("lines", fit_table(fits, paper))


ANALYSIS = Analysis("error_over_labels", Scope.ERROR_OVER_K, 1, lambda sweep: sweep.fits, _parts)
