"""AFCC beside its controls: a table and a figure."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import pandas as pd
from rich.console import Console

from sfp_keras.analyses.analysis import Analysis, AnalysisPart, Drawing, Scope, Tabled
from sfp_keras.analyses.subjects import Afcc
from sfp_keras.papers import PAPER_SPLIT, PAPER_THRESHOLD, StageNumbers, measured_as_papers
from sfp_keras.reports import Column, ReportTable, print_table
from sfp_keras.reports.drawing import drawn
from sfp_keras.reports.style import GREY, LARGE, PAGE, SMALL, new_figure, tidy

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D


def afcc_table(results: pd.DataFrame, stage: str, paper: StageNumbers) -> ReportTable:
    """AFCC and its controls.

    Args:
        results: `DataFrame` with the columns of results.csv.
        stage: `str`.
        paper: what the paper says of AFCC; of this stage it stands below the first row of the
            paper's kind: clusters of the test images at threshold 0.3.
    """
    columns = (
        Column("name", "head"),
        Column("clusters_from", "clusters of"),
        Column("threshold", "threshold", "g"),
        Column("kept", "weights kept", ",d"),
        Column("total", "of", ",d"),
        Column("share", "share", ".1%"),
        Column("accuracy_before", "before", ".4f"),
        Column("accuracy_zeroed", "zeroed", ".4f"),
        Column("accuracy_after", "after", ".4f"),
    )
    from sfp_keras.afcc import VARIANTS

    rows: list[dict[Any, Any]] = []
    theirs: list[dict[str, Any] | None] = []
    for row in results.to_dict("records"):
        variant = VARIANTS[row["variant"]]
        masked = variant.mask is not None
        named = {"name": variant.title}
        share = {"share": row["kept"] / row["total"]}
        rows.append({**row, **named, **share, "threshold": row["threshold"] if masked else None})
        alike = measured_as_papers(row["clusters_from"], row["threshold"])
        same = row["variant"] == "clusters" and alike
        theirs.append(
            with_share(paper[stage]) if stage in paper and same and not any(theirs) else None
        )
    note = "Test accuracies: of the head before, just after zeroing, and after fine-tuning."
    return ReportTable(f"AFCC of {stage}", columns, rows, theirs, note, paper.source.paper)


def print_afcc(results: pd.DataFrame, stage: str, paper: StageNumbers, console: Console) -> None:
    """Print AFCC and its controls, with the paper's row also where no row is of its kind.

    Args:
        results: `DataFrame` with the columns of results.csv.
        stage: `str`.
        paper: what the paper says of AFCC; may be empty.
        console: `rich.console.Console`.
    """
    table = afcc_table(results, stage, paper)
    if stage in paper and not table.compared:
        kind = {"name": "  paper", "clusters_from": PAPER_SPLIT, "threshold": PAPER_THRESHOLD}
        rows = [*table.rows, {**kind, **with_share(paper[stage])}]
        table = dataclasses.replace(table, rows=rows)
    print_table(table, console)
    if stage in paper and not table.compared:
        console.print(f"paper: {table.source}", style="dim")


def with_share(paper: Mapping[str, Any]) -> dict[str, Any]:
    """The paper's numbers of a head, with the share of weights kept where it says how many."""
    return {**paper, **({"share": paper["kept"] / paper["total"]} if "kept" in paper else {})}


def draw_afcc(table: pd.DataFrame, stage: str) -> bytes:
    """`afcc_figure` as a PNG file."""
    return drawn(afcc_figure(table, stage), "png")


def afcc_figure(table: pd.DataFrame, stage: str) -> Figure:
    """Draw accuracies after zeroing and after fine-tuning, a row a head.

    Heads that are equally good do not hide one another.

    Args:
        table: `DataFrame` with the columns of results.csv.
        stage: `str`.

    Returns:
        A figure of a page's width.
    """
    from sfp_keras.afcc import VARIANTS

    figure, axes = new_figure(PAGE, 1.3 + 0.22 * len(table))
    before = float(table["accuracy_before"].iloc[0])
    axes.axvline(before, color="black", linewidth=0.8, linestyle=":", label="head before")
    marks: list[Line2D] = []
    for place, row in enumerate(table.to_dict("records")):
        zeroed, after = row["accuracy_zeroed"], row["accuracy_after"]
        style: dict[str, Any] = {"color": VARIANTS[row["variant"]].colour, "zorder": 3}
        axes.plot([zeroed, after], [place, place], linewidth=0.8, alpha=0.5, **style)
        marks += axes.plot(zeroed, place, "o", markersize=7, markerfacecolor="none", **style)
        marks += axes.plot(after, place, "o", markersize=4, **style)
    grey: dict[str, Any] = {"color": GREY, "linestyle": "none", "marker": "o"}
    axes.plot([], [], markersize=7, markerfacecolor="none", label="just after zeroing", **grey)
    axes.plot([], [], markersize=4, label="after fine-tuning", **grey)
    axes.set_yticks(range(len(table)), _head_names(table))
    axes.set_ylim(len(table) - 0.4, -0.6)
    low, high = axes.get_xlim()
    # A difference of one image in a hundred is no cliff.
    wider = max(0.0, (0.02 - (high - low)) / 2)
    axes.set_xlim(max(0.0, low - wider), min(1.0, high + wider))
    axes.ticklabel_format(axis="x", useOffset=False)
    axes.set_xlabel("test accuracy")
    axes.set_title(f"AFCC of {stage}", loc="left", fontsize=LARGE, parse_math=False)
    tidy(axes)
    for mark in marks:
        mark.set_clip_on(False)
    style = {"loc": "outside lower center", "ncols": 3, "fontsize": SMALL, "frameon": False}
    figure.legend(*axes.get_legend_handles_labels(), **style)
    return figure


def _head_names(table: pd.DataFrame) -> list[str]:
    """What tells the rows of a table apart, with the share of weights kept."""
    from sfp_keras.afcc import VARIANTS

    masked = table[table["clusters_from"] != ""]
    several = [name for name in ("clusters_from", "threshold") if len(set(masked[name])) > 1]
    names = []
    for row in table.to_dict("records"):
        words = [VARIANTS[row["variant"]].title]
        if row["clusters_from"]:
            texts = {
                "clusters_from": f"{row['clusters_from']} images",
                "threshold": f"threshold {row['threshold']:g}",
            }
            words += [texts[name] for name in several]
        names.append(", ".join([*words, f"{row['kept'] / row['total']:.1%} kept"]))
    return names


def _parts(afcc: Afcc, results: pd.DataFrame) -> Iterator[AnalysisPart]:
    yield Tabled(afcc.name, afcc_table(results, afcc.name, afcc.paper))
    yield Drawing(
        afcc.name,
        lambda: afcc_figure(results, afcc.name),
        f"Test accuracy of the head on {afcc.name} with a part of its weights: hollow, just after "
        "the others are zeroed; filled, after fine-tuning; dotted, with all weights before.",
        "paper 2, section on AFCC",
    )


ANALYSIS = Analysis(
    "afcc",
    Scope.AFCC,
    1,
    lambda afcc: None if afcc.results.empty else afcc.results,
    _parts,
)
