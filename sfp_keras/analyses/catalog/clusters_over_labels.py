"""Clusters and their sizes against the number of labels K."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pandas as pd

from sfp_keras.analyses.analysis import Analysis, AnalysisPart, Drawing, Scope, Tabled
from sfp_keras.analyses.subjects import Sweep
from sfp_keras.filters import LAYER_MEASURES
from sfp_keras.papers import PaperSweep
from sfp_keras.reports import Column, ReportTable, quantity_columns
from sfp_keras.reports.style import (
    BARS,
    GREY,
    HOLLOW,
    PAGE,
    POINT,
    SMALL,
    joined,
    letter,
    new_figure,
    number_of_labels_axis,
    ordered_styles,
    shown_name,
    tidy,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_COLUMNS = (
    Column("K", "labels K", "d"),
    Column("seeds", "seeds", "d"),
    Column("accuracy", "accuracy", ".4f"),
    Column("accuracy_std", "± std", ".4f"),
    *(
        column
        for one in quantity_columns(LAYER_MEASURES)
        if one.key in ("noise", "clusters", "cluster_size")
        for column in (one, Column(f"{one.key}_std", "± std", one.spec))
    ),
)


def stage_table(summary: pd.DataFrame, paper: PaperSweep | None, stage: str) -> ReportTable:
    """One stage over K.

    Args:
        summary: `DataFrame` as of `summarise`.
        paper: `PaperSweep`, or `None`.
        stage: `str`.

    Returns:
        A `ReportTable`; the standard deviations are those over seeds.
    """
    mine = summary[summary["stage"] == stage]
    rows = mine.rename(columns=lambda name: name.removesuffix("_mean")).to_dict("records")
    theirs = [paper.row(stage, int(row["K"])) if paper else None for row in rows]
    note = "Mean and standard deviation over seeds."
    source = str(paper.source) if paper else ""
    return ReportTable(f"{stage} for K labels", _COLUMNS, rows, theirs, note, source)


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
        for i, (stage, style) in enumerate(zip(stages, ordered_styles(len(stages)), strict=True)):
            shift = step * (i - (len(stages) - 1) / 2)
            if paper is not None:
                theirs = paper.rows[paper.rows["stage"] == stage]
                line = joined(theirs[name], "--")
                axes.plot(theirs["K"], theirs[name], linestyle=line, **style, **HOLLOW)
            values = members[members["stage"] == stage].groupby("K")[name]
            axes.errorbar(
                *(values.mean().index + shift, values.mean(), values.std().fillna(0)),
                linestyle=joined(values.mean()),
                **style,
                **BARS,
            )
            axes.plot([], [], label=shown_name(stage, 30), **style, **POINT)
        if paper is not None and set(stages) & set(paper.rows["stage"]):
            axes.plot([], [], "o--", color=GREY, label="Meir et al. 2023", **HOLLOW)
        number_of_labels_axis(axes)
        axes.set_ylim(bottom=0)
        axes.set_ylabel(text)
        tidy(axes)
        letter(axes, mark)
    handles, texts = panels[0].get_legend_handles_labels()
    style = {"loc": "outside right center", "fontsize": SMALL, "frameon": False}
    figure.legend(handles, texts, **style)
    return figure


def _parts(sweep: Sweep, summary: pd.DataFrame) -> Iterator[AnalysisPart]:
    yield Drawing(
        "clusters",
        lambda: draw_clusters(sweep.members, sweep.paper),
        "Clusters of a filter N_c (A) and labels of a cluster C_s (B) against the number of labels "
        "K; mean and standard deviation over seeds.",
        "paper 2, Tables 4-6",
    )
    for stage in sweep.stages:
        yield Tabled(f"{stage}-over-K", stage_table(summary, sweep.paper, stage))


ANALYSIS = Analysis(
    "clusters_over_labels", Scope.CLUSTERS_OVER_K, 1, lambda sweep: sweep.summary, _parts
)
