"""AFCC beside its controls: a table on the terminal and a figure."""

import io
from collections.abc import Mapping
from typing import Any

import pandas as pd
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from rich import box
from rich.console import Console
from rich.table import Table

from sfp_keras.papers import StageNumbers
from sfp_keras.reports.terminal import print_table

NAMES = {
    "clusters": "AFCC",
    "full": "full head",
    "random": "random labels",
    "magnitude": "largest weights",
}
# Okabe and Ito's, told apart by the colour-blind.
_COLOURS = {
    "clusters": "#0072B2",
    "full": "#555555",
    "random": "#E69F00",
    "magnitude": "#009E73",
}
# Smaller over larger: heads with the same number of weights are often equally good.
_SIZES = {"clusters": 8, "full": 5, "random": 6, "magnitude": 4}


def print_afcc(table: pd.DataFrame, stage: str, paper: StageNumbers, console: Console) -> None:
    """Print the rows of afcc/<stage>/results.csv.

    Args:
        table: `DataFrame` with the columns of results.csv.
        stage: `str`.
        paper: what the paper says of AFCC; may be empty.
        console: `rich.console.Console`.
    """
    shown = Table(title=f"AFCC of stage {stage}", box=box.SIMPLE_HEAD, title_justify="left")
    shown.add_column("head", no_wrap=True)
    for heading in ("clusters of", "threshold", "kept", "of", "share", "before", "zeroed", "after"):
        shown.add_column(heading, justify="right", no_wrap=True)
    for row in table.to_dict("records"):
        masked = row["variant"] != "full"
        shown.add_row(
            NAMES[row["variant"]],
            f"{row['clusters_from']} images" if masked else "",
            f"{row['threshold']:g}" if masked else "",
            f"{row['kept']:,}",
            f"{row['total']:,}",
            f"{row['kept'] / row['total']:.1%}",
            *(f"{row[f'accuracy_{when}']:.4f}" for when in ("before", "zeroed", "after")),
        )
    if stage in paper:
        theirs = with_share(paper[stage])
        columns = {"kept": ",", "total": ",", "share": ".1%", "accuracy_before": ".3f"}
        shown.add_row(
            *("  paper", "test images", "0.3"),
            *(f"{theirs[key]:{spec}}" if key in theirs else "" for key, spec in columns.items()),
            *("", f"{theirs['accuracy_after']:.3f}"),
            style="dim",
        )
    print_table(shown, console)
    if stage in paper:
        console.print(f"paper: {paper.source.paper}", style="dim")


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
        name = NAMES[variant] + (f", {images} clusters" if several and images else "")
        style: dict[str, Any] = {
            "color": _COLOURS[variant],
            "marker": "s" if several and images == "test" else "o",
            "markersize": _SIZES[variant],
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
