"""The papers' layer table, input side first, with the paper's rows beside ours."""

from collections.abc import Mapping

import pandas as pd
from rich.console import Console

from sfp_keras.filters import LAYER_QUANTITIES, Interval
from sfp_keras.papers import PaperNumbers, cited, measured_as_papers
from sfp_keras.reports.kind_words import common_kind, table_of_kind
from sfp_keras.reports.quantity_columns import quantity_columns
from sfp_keras.reports.tables import Column, ReportTable
from sfp_keras.reports.terminal import print_table

# Of a stage on a split: the error bars of its numbers, by column of layers.csv.
Intervals = Mapping[tuple[str, str], Mapping[str, Interval]]


def layer_table(
    layers: pd.DataFrame,
    split: str,
    paper: PaperNumbers,
    intervals: Intervals | None = None,
    kinds: Mapping[str, str] | None = None,
) -> ReportTable:
    """The papers' Table 1 for a run, input side first.

    Args:
        layers: `DataFrame` with the columns of layers.csv, of one split and threshold.
        split: `str`. Of the title.
        paper: `PaperNumbers`; may be empty.
        intervals: dict from stage and split to a dict from column to `Interval`. Default: none.
        kinds: dict from stages to what their filters are, `node`, `head`, `branch`; `filter`
            where there is none. Defaults to none. Stages of one kind are spoken of by it.

    Returns:
        A `ReportTable`.
    """
    columns = (
        Column("stage", "stage"),
        *quantity_columns(LAYER_QUANTITIES, without=("fc_inputs", "noise_clustered")),
    )
    rows = layers.to_dict("records")
    threshold = float(layers["threshold"].iloc[0])
    errors = [_errors((intervals or {}).get((str(row["stage"]), split))) for row in rows]
    explained = "±: standard error over the images (bootstrap). " if any(errors) else ""
    table = ReportTable(
        f"Single-filter performance on the {split} set, threshold {threshold:g}",
        columns,
        rows,
        [paper.layer_row(str(row["stage"])) for row in rows],
        "Noise n, N_c and C_s are averages over filters; signal, noises and ratios follow from "
        f"equations 1-4 of {cited('paper 2')}. Dead: filters whose fields are nowhere "
        f"positive. No signal: labels in no cluster. {explained}".strip(),
        f"{paper.layers.source}; its signal, noises and ratios by the same equations",
        errors=errors,
    )
    kind = common_kind((kinds or {}).get(str(row["stage"]), "filter") for row in rows)
    return table_of_kind(table, kind, [str(row["stage"]) for row in rows])


def _errors(intervals: Mapping[str, Interval] | None) -> dict[str, float] | None:
    return {key: one.error for key, one in intervals.items()} if intervals else None


def print_layers(
    layers: pd.DataFrame,
    paper: PaperNumbers,
    console: Console,
    intervals: Intervals | None = None,
    kinds: Mapping[str, str] | None = None,
) -> None:
    """Print the rows of layers.csv; where a paper measured a layer alike, its row stands below.

    Args:
        layers: `DataFrame` with the columns of layers.csv.
        paper: `PaperNumbers`; may be empty.
        console: `rich.console.Console`.
        intervals: as of `layer_table`.
        kinds: as of `layer_table`.
    """
    for (split, _), rows in layers.groupby(["split", "threshold"], sort=False):
        alike = measured_as_papers(str(split), rows["threshold"].iloc[0])
        papers = paper if alike else PaperNumbers()
        table = layer_table(rows, str(split), papers, intervals, kinds)
        # A terminal has room for the papers' columns.
        print_table(table, console, without=("zero_signal_labels",))
