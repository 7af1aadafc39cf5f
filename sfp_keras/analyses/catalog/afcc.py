"""AFCC beside its controls: a table and a figure."""

from __future__ import annotations

import dataclasses
import io
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import pandas as pd
from rich.console import Console

from sfp_keras.analyses.analysis import Analysis, AnalysisPart, Drawing, Scope, Tabled
from sfp_keras.analyses.subjects import Afcc
from sfp_keras.papers import PAPER_SPLIT, PAPER_THRESHOLD, StageNumbers, measured_as_papers
from sfp_keras.reports import Column, ReportTable, print_table

if TYPE_CHECKING:
    from matplotlib.figure import Figure


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
    file = io.BytesIO()
    afcc_figure(table, stage).savefig(file, format="png")
    return file.getvalue()


def afcc_figure(table: pd.DataFrame, stage: str) -> Figure:
    """Draw accuracies after zeroing and after fine-tuning against the weights kept.

    Args:
        table: `DataFrame` with the columns of results.csv.
        stage: `str`.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    from sfp_keras.afcc import VARIANTS

    figure = Figure(figsize=(5.2, 3.6), dpi=200, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots()
    before = 100 * table["accuracy_before"].iloc[0]
    axes.axhline(before, color="black", linewidth=0.8, linestyle=":", label="head before")
    several = len(set(table["clusters_from"]) - {""}) > 1
    for variant, images in dict.fromkeys(
        zip(table["variant"], table["clusters_from"], strict=True)
    ):
        chosen = (table["variant"] == variant) & (table["clusters_from"] == images)
        rows = table[chosen].sort_values("kept")
        share = 100 * rows["kept"] / rows["total"]
        name = VARIANTS[variant].title + (f", {images} clusters" if several and images else "")
        style: dict[str, Any] = {
            "color": VARIANTS[variant].colour,
            "marker": "s" if several and images == "test" else "o",
            "markersize": VARIANTS[variant].mark,
        }
        axes.plot(share, 100 * rows["accuracy_after"], label=name, linewidth=1.2, **style)
        style |= {"markerfacecolor": "white", "linestyle": "--"}
        axes.plot(share, 100 * rows["accuracy_zeroed"], linewidth=0.8, **style)
    axes.plot([], [], "o", color="grey", label="after fine-tuning")
    axes.plot([], [], "o", color="grey", markerfacecolor="white", label="just after zeroing")
    axes.set_xscale("log")
    low = 100 * (table["kept"] / table["total"]).min()
    ticks = [tick for tick in (0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100) if tick >= 0.7 * low]
    axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    axes.minorticks_off()
    axes.set_xlabel("weights of the head kept (%)")
    axes.set_ylabel("test accuracy (%)")
    axes.set_title(f"AFCC of {stage}", loc="left", fontsize=10)
    axes.grid(alpha=0.25, linewidth=0.6)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(fontsize=7, frameon=False)
    return figure


def _parts(afcc: Afcc, results: pd.DataFrame) -> Iterator[AnalysisPart]:
    yield Tabled(afcc.name, afcc_table(results, afcc.name, afcc.paper))
    yield Drawing(
        afcc.name,
        lambda: afcc_figure(results, afcc.name),
        "Test accuracy with a part of the head's weights.",
        "paper 2, section on AFCC",
    )


ANALYSIS = Analysis(
    "afcc",
    Scope.AFCC,
    1,
    lambda afcc: None if afcc.results.empty else afcc.results,
    _parts,
)
