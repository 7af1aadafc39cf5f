"""Accuracy against the number of filters removed at random."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pandas as pd

from sfp_keras.analyses.analysis import Analysis, AnalysisPart, Drawing, Scope, Tabled
from sfp_keras.analyses.subjects import Ablation
from sfp_keras.papers import PaperRemoval
from sfp_keras.reports import Column, ReportTable
from sfp_keras.reports.style import (
    COLOURS,
    COLUMN,
    GREY,
    LARGE,
    SMALL,
    joined,
    new_figure,
    share_axis,
    tidy,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure


_SPREAD = {"std": "deviation", "least": "least", "most": "most"}


def removal_table(summary: pd.DataFrame, stage: str, paper: PaperRemoval | None) -> ReportTable:
    """Accuracy against the number of filters removed at random.

    Args:
        summary: `DataFrame` with the columns of summary.csv; first the row with none removed.
        stage: `str`.
        paper: what paper 1 says of the layer, or `None`.
    """
    columns = (
        Column("removed", "removed", "d"),
        Column("left", "left", "d"),
        Column("mean", "accuracy", ".4f"),
        *(Column(key, name, ".4f") for key, name in _SPREAD.items()),
        Column("change", "change", "+.4f"),
    )
    whole = summary["mean"].iloc[0]
    rows = summary.assign(change=summary["mean"] - whole).to_dict("records")
    # With all filters every draw is the same.
    rows[0] = {key: rows[0][key] for key in ("removed", "left", "mean")}
    theirs = [
        {"left": paper.filters - paper.removed, "mean": paper.accuracy, "change": 0.0}
        if paper and paper.removed and row["removed"] == paper.removed
        else None
        for row in rows
    ]
    note = "Test accuracies of the head, without further training; the spread is over the draws."
    source = f"{paper.source.paper}, on CIFAR-10" if paper else ""
    title = f"Filters removed at random from the head of {stage}"
    return ReportTable(title, columns, rows, theirs, note, source)


def draw_removal(
    summary: pd.DataFrame, widths: pd.DataFrame, stage: str, paper: PaperRemoval | None
) -> Figure:
    """Draw accuracy against the number of filters removed, with a band of one deviation.

    Args:
        summary: `DataFrame` with the columns of summary.csv.
        widths: rows of widths.csv, of networks trained with fewer filters; may be none.
        stage: `str`.
        paper: `PaperRemoval`, or `None`.
    """
    figure, axes = new_figure(COLUMN, 2.7)
    x, mean = summary["removed"], 100 * summary["mean"]
    deviation = 100 * summary["std"].fillna(0)
    filters = int(summary["left"].iloc[0] + x.iloc[0])
    axes.axhline(mean.iloc[0], color="black", linewidth=0.8, linestyle=":")
    style: dict[str, Any] = {"color": COLOURS[0], "markersize": 3, "linewidth": 1}
    line = joined(mean)
    if line == "none":
        axes.errorbar(x, mean, deviation, fmt="none", color=COLOURS[0], capsize=2, elinewidth=0.8)
    else:
        low, high = (mean - deviation).clip(0), (mean + deviation).clip(upper=100)
        axes.fill_between(x, low, high, color=COLOURS[0], alpha=0.25, lw=0)
    axes.plot(x, mean, "o", linestyle=line, label="removed at random", **style)
    if len(widths):
        left, accuracy = widths["width"], 100 * widths["accuracy"]
        style = {"color": COLOURS[1], "markersize": 4}
        axes.plot(filters - left, accuracy, "D", label="trained with fewer", **style)
    begin = 0.0
    if paper and paper.removed and paper.filters == filters:
        begin = paper.removed / filters
        axes.axvline(paper.removed, color=GREY, linewidth=0.8, linestyle="--")
        axes.text(
            paper.removed + filters / 60,
            0.04,
            f"{paper.source.paper},\nCIFAR-10: {paper.removed} removed, no effect",
            transform=axes.get_xaxis_transform(),
            fontsize=SMALL,
            color=GREY,
        )
    axes.set_xlim(0, filters)
    axes.set_xlabel(f"filters removed of {filters}")
    axes.set_ylabel("test accuracy (%)")
    axes.set_title(f"Head of {stage}", loc="left", fontsize=LARGE, parse_math=False)
    tidy(axes)
    share_axis(axes, 100)
    axes.legend(fontsize=SMALL, frameon=False, loc="lower left", bbox_to_anchor=(begin, 0.16))
    return figure


def _parts(ablation: Ablation, summary: pd.DataFrame) -> Iterator[AnalysisPart]:
    name, paper = ablation.name, ablation.paper
    yield Drawing(
        "removal",
        lambda: draw_removal(summary, ablation.widths.iloc[1:], name, paper),
        "Test accuracy of the head against filters removed at random, with one standard deviation "
        "over the draws.",
        "paper 1, discussion",
    )
    yield Tabled("removal", removal_table(summary, name, paper))


ANALYSIS = Analysis("removed_filters", Scope.ABLATION, 1, lambda ablation: ablation.summary, _parts)
