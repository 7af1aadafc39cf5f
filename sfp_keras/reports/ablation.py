"""Ablation: tables on the terminal, and figures of what a stage loses with its filters."""

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from rich import box
from rich.console import Console
from rich.table import Table

from sfp_keras.papers import PaperRemoval
from sfp_keras.reports.style import (
    COLOURS,
    COLUMN,
    GREY,
    LARGE,
    PAGE,
    SMALL,
    new_figure,
    shown_name,
    tidy,
)
from sfp_keras.reports.terminal import print_table

_NAMED_LABELS = 30


def print_removal(
    summary: pd.DataFrame, stage: str, paper: PaperRemoval | None, console: Console
) -> None:
    """Print the rows of summary.csv.

    Args:
        summary: `DataFrame` with the columns of summary.csv.
        stage: `str`.
        paper: `PaperRemoval`, or `None`.
        console: `rich.console.Console`.
    """
    console.print(f"\nFilters removed at random from the head of {stage}, nothing trained anew")
    table = Table(box=box.SIMPLE_HEAD)
    for heading in ("removed", "left", "accuracy", "deviation", "least", "most", "change"):
        table.add_column(heading, justify="right", no_wrap=True)
    whole = summary["mean"].iloc[0]
    for row in summary.to_dict("records"):
        change = f"{row['mean'] - whole:+.4f}" if row["removed"] else ""
        spread = [row["std"], row["least"], row["most"]] if row["removed"] else []
        cells = [*map(_number, [row["mean"], *spread]), *[""] * (3 - len(spread))]
        table.add_row(str(row["removed"]), str(row["left"]), *cells, change)
        if paper and paper.removed and row["removed"] == paper.removed:
            left = str(paper.filters - paper.removed)
            cells = ["paper", left, f"{paper.accuracy:.2f}", "", "", "", "none"]
            table.add_row(*cells, style="dim")
    print_table(table, console)
    if paper and paper.removed:
        console.print(f"paper: {paper.source.paper}, on CIFAR-10", style="dim")


def print_labels(labels: pd.DataFrame, stage: str, console: Console) -> None:
    """Print what labels.csv says on average, and of the labels that lose most.

    Args:
        labels: `DataFrame` with the columns of labels.csv.
        stage: `str`.
        console: `rich.console.Console`.
    """
    count = labels["silenced"]
    console.print(
        f"\nFilters whose clusters contain a label, silenced in the head of {stage}: "
        f"{count.min()} to {count.max()}, on average {count.mean():.1f}"
    )
    table = Table(box=box.SIMPLE_HEAD)
    table.add_column("accuracy of", no_wrap=True)
    for heading in ("before", "silenced", "change", "as many at random", "change"):
        table.add_column(heading, justify="right", no_wrap=True)

    def add(name: str, row: pd.Series, kind: str, style: str | None = None) -> None:
        before, after, random = (row[f"{kind}{of}"] for of in ("", "_silenced", "_random"))
        changes = f"{after - before:+.4f}", f"{random - before:+.4f}"
        cells = _number(before), _number(after), changes[0], _number(random), changes[1]
        table.add_row(name, *cells, style=style)

    mean = labels.select_dtypes("number").mean()
    add("the label itself (mean)", mean, "accuracy")
    add("the other labels (mean)", mean, "others")
    loss = labels["accuracy"] - labels["accuracy_silenced"]
    for index in loss.sort_values(ascending=False, kind="stable").index[:5]:
        add(f"  {labels['name'][index]}", labels.loc[index], "accuracy", "dim")
    print_table(table, console)
    console.print(
        "paper 1: silencing a large fraction of the filters that include a label substantially "
        "decreases accuracy",
        style="dim",
    )


def print_widths(
    widths: pd.DataFrame, stage: str, paper: PaperRemoval | None, console: Console
) -> None:
    """Print the rows of widths.csv.

    Args:
        widths: `DataFrame` with the columns of widths.csv; first the run's own network.
        stage: `str`.
        paper: `PaperRemoval`, or `None`.
        console: `rich.console.Console`.
    """
    console.print("\nNetworks trained with fewer filters")
    table = Table(box=box.SIMPLE_HEAD)
    for heading in ("layers", "filters", "network", f"head of {stage}", "change"):
        table.add_column(heading, justify="right", no_wrap=True)
    whole = widths["accuracy"].iloc[0]
    said = dict(paper.trained) if paper else {}
    if said:
        table.add_column("paper 1", no_wrap=True)
    for number, row in enumerate(widths.to_dict("records")):
        cells = [
            *(str(row["layers"]).replace("-", ", ") or "as it is", str(row["width"])),
            *(_number(row["network_accuracy"]), _number(row["accuracy"])),
            f"{row['accuracy'] - whole:+.4f}" if number else "",
        ]
        table.add_row(*cells, *([said.get(row["width"], "")] if said else []))
    print_table(table, console)


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
    axes.fill_between(
        x, (mean - deviation).clip(0), mean + deviation, color=COLOURS[0], alpha=0.25, lw=0
    )
    style: dict[str, Any] = {"color": COLOURS[0], "markersize": 3, "linewidth": 1}
    axes.plot(x, mean, "o-", clip_on=False, label="removed at random", **style)
    if len(widths):
        left, accuracy = widths["width"], 100 * widths["accuracy"]
        style = {"color": COLOURS[1], "markersize": 4, "clip_on": False}
        axes.plot(filters - left, accuracy, "D", label="trained with fewer", **style)
    begin = 0.0
    if paper and paper.removed and paper.filters == filters:
        begin = paper.removed / filters
        axes.axvline(paper.removed, color=GREY, linewidth=0.8, linestyle="--")
        axes.text(
            paper.removed + filters / 60,
            0.04,
            f"paper 1, CIFAR-10:\n{paper.removed} removed, no effect",
            transform=axes.get_xaxis_transform(),
            fontsize=SMALL,
            color=GREY,
        )
    axes.set_xlim(0, filters)
    axes.set_ylim(0, None)
    axes.set_xlabel(f"filters removed of {filters}")
    axes.set_ylabel("test accuracy (%)")
    axes.set_title(f"Head of {stage}", loc="left", fontsize=LARGE, parse_math=False)
    tidy(axes)
    axes.legend(fontsize=SMALL, frameon=False, loc="lower left", bbox_to_anchor=(begin, 0.16))
    return figure


def draw_labels(labels: pd.DataFrame, stage: str) -> Figure:
    """Draw each label's accuracy before and after the filters of its clusters are silenced.

    Args:
        labels: `DataFrame` with the columns of labels.csv.
        stage: `str`.
    """
    rows = labels.sort_values(["accuracy", "label"], kind="stable", ignore_index=True)
    few = len(rows) <= _NAMED_LABELS
    width = min(PAGE, COLUMN + 0.06 * len(rows))
    figure, axes = new_figure(width, 3.2 if few else 2.8)
    x = np.arange(len(rows))
    before, after, random = (100 * rows[f"accuracy{of}"] for of in ("", "_silenced", "_random"))
    size = 5 if few else 3 if len(rows) <= 150 else 1
    axes.vlines(x, after, before, color=COLOURS[1], alpha=0.4, linewidth=size / 4)
    for values, colour, marker, times, name in (
        (before, "black", "_", 1.3, "all filters"),
        (random, COLOURS[5], "o", 1.0, "as many random filters silenced"),
        (after, COLOURS[1], "v", 1.0, "the label's filters silenced"),
    ):
        style = {"color": colour, "markersize": size * times, "linestyle": "none"}
        named = f"{name} (mean {values.mean():.1f}%)"
        axes.plot(
            x, values, marker, label=named, clip_on=False, zorder=4 if marker == "_" else 3, **style
        )
    axes.set_xlim(-0.5 - 0.01 * len(rows), len(rows) - 0.5 + 0.01 * len(rows))
    axes.set_ylim(0, 100)
    axes.set_ylabel("accuracy of the label (%)")
    axes.set_title(f"Head of {stage}", loc="left", fontsize=LARGE, parse_math=False)
    tidy(axes)
    axes.grid(visible=False, axis="x")
    if few:
        names = [shown_name(name) for name in rows["name"]]
        axes.set_xticks(x, names, rotation=90, parse_math=False)
    else:
        axes.set_xlabel(f"{len(rows)} labels, from the least to the most accurate")
        axes.set_xticks([])
    columns = {"ncols": 3, "columnspacing": 1.5} if width > 6 else {}
    style = {"fontsize": SMALL, "frameon": False, "handletextpad": 0.2, **columns}
    figure.legend(loc="outside lower center", **style)
    return figure


def _number(value: float | None) -> str:
    return "-" if value is None or not np.isfinite(value) else f"{value:.4f}"
