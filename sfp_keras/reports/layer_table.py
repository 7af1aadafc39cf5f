"""The layer table on the terminal, input side first, with the paper's rows beside ours."""

import math
from pathlib import Path
from typing import Any

import pandas as pd
from rich import box
from rich.console import Console
from rich.table import Table

from sfp_keras.filters import LAYER_QUANTITIES
from sfp_keras.papers import PaperNumbers, measured_as_papers
from sfp_keras.reports.terminal import print_table

# A terminal has room for the papers' columns; layers.csv has all.
_LEFT_OUT = ("fc_inputs", "noise_clustered", "zero_signal_labels")
_SHOWN = tuple(one for one in LAYER_QUANTITIES if one.key not in _LEFT_OUT)


def print_layers(layers: pd.DataFrame, paper: PaperNumbers, console: Console) -> None:
    """Print the rows of layers.csv; where a paper measured a layer alike, its row stands below.

    Args:
        layers: `DataFrame` with the columns of layers.csv.
        paper: `PaperNumbers`; may be empty.
        console: `rich.console.Console`.
    """
    sources: set[str] = set()
    for (split, threshold), rows in layers.groupby(["split", "threshold"], sort=False):
        table = Table(
            title=f"Single-filter performance on the {split} set, threshold {threshold:g}",
            box=box.SIMPLE_HEAD,
            title_justify="left",
        )
        table.add_column("stage", no_wrap=True)
        for one in _SHOWN:
            table.add_column(one.heading, justify="right", no_wrap=True)
        alike = measured_as_papers(str(split), rows["threshold"].iloc[0])
        compared = paper if alike else PaperNumbers()
        for row in rows.to_dict("records"):
            theirs = compared.layer_row(str(row["stage"]))
            table.add_row(str(row["stage"]), *(_cell(row, one.key, one.format) for one in _SHOWN))
            if theirs:
                cells = (_cell(theirs, one.key, one.format) for one in _SHOWN)
                table.add_row("  paper", *cells, style="dim")
        print_table(table, console)
        sources |= {str(compared.layers.source)} if compared.layers else set()
    for source in sources:
        console.print(f"paper: {source}", highlight=False, style="dim")


def _cell(row: dict[Any, Any], column: str, spec: str) -> str:
    value = row.get(column)
    if value is None:
        return ""
    if isinstance(value, float) and not math.isfinite(value):
        return "∞" if value > 0 else "-"
    return format(int(value) if spec == "d" else float(value), spec)


def next_steps(path: Path, threshold: float, console: Console, split: str = "test") -> None:
    """Say where the results of a split are and what to do next."""
    console.print(
        f"results: {path}\n"
        f"  {path / 'layers.csv'}  this table\n"
        f"  {path / 'stages'}/<stage>/{split}/filters.csv  every filter: clusters, noise\n"
        f"  {path / 'stages'}/<stage>/{split}/labels.csv  every label: signal, noise\n"
        + (
            f"every filter: tensorboard --logdir={path / 'events'}  (tab Clusters)\n"
            if (path / "events").exists()
            else ""
        )
        + f"next: the same command with --threshold={0.5 if threshold != 0.5 else 0.3:g} "
        "reads the clusters anew in seconds, and with --stages=<names> probes other layers "
        "(--list_stages shows them)",
        markup=False,
        highlight=False,
        soft_wrap=True,
    )
