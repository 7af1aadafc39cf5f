"""A sweep's tables for a paper, with paper 2's numbers."""

import pandas as pd

from sfp_keras.filters import LAYER_MEASURES
from sfp_keras.papers import PaperSweep
from sfp_keras.reports.quantity_columns import quantity_columns
from sfp_keras.reports.sweep import paper_line
from sfp_keras.reports.tables import Column, ReportTable

_COLUMNS = (
    Column("K", "labels K", "d", "labels $K$"),
    Column("seeds", "seeds", "d"),
    Column("accuracy", "accuracy", ".4f"),
    Column("accuracy_std", "± std", ".4f", "$\\pm$ std"),
    *(
        column
        for one in quantity_columns(LAYER_MEASURES)
        if one.key in ("noise", "clusters", "cluster_size")
        for column in (one, Column(f"{one.key}_std", "± std", one.spec, "$\\pm$ std"))
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
    source = paper.source.paper if paper else ""
    return ReportTable(f"{stage} for K labels", _COLUMNS, rows, theirs, note, source)


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
        Column("slope_error", "± standard error", ".5f", "$\\pm$ standard error"),
        Column("slope_low", "95% from", ".5f"),
        Column("slope_high", "to", ".5f"),
        Column("intercept", "intercept", ".4f"),
        Column("intercept_error", "± standard error", ".4f", "$\\pm$ standard error"),
        Column("error_at_1", "error at K=1", ".4f", "error at $K=1$"),
        Column("slope_mean", "slope of seeds", ".5f"),
        Column("slope_std", "± std", ".5f", "$\\pm$ std"),
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
