"""The layer table on the terminal, input side first, with the paper's rows beside ours."""

import math
from pathlib import Path
from typing import Any

import pandas as pd
from rich import box
from rich.console import Console
from rich.table import Table

from sfp_keras.reports.paper import PaperLayers, measured_as_papers
from sfp_keras.reports.terminal import print_table

# Heading, column of layers.csv, format.
_COLUMNS = (
    ("filters", "filters", "d"),
    ("outputs", "outputs_per_filter", "d"),
    ("accuracy", "accuracy", ".3f"),
    ("noise n", "noise", ".2f"),
    ("clusters N_c", "clusters", ".2f"),
    ("size C_s", "cluster_size", ".2f"),
    ("signal", "signal", ".2f"),
    ("noise_I", "noise_internal", ".3f"),
    ("noise_E", "noise_external", ".3f"),
    ("SNR_I", "snr_internal", ".1f"),
    ("SNR_E", "snr_external", ".1f"),
    ("dead", "dead_filters", "d"),
)


def print_layers(layers: pd.DataFrame, paper: PaperLayers | None, console: Console) -> None:
    """Print the rows of layers.csv; where a paper measured a layer alike, its row stands below.

    Args:
        layers: `DataFrame` with the columns of layers.csv.
        paper: `PaperLayers`, or `None`.
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
        for heading, _, _ in _COLUMNS:
            table.add_column(heading, justify="right", no_wrap=True)
        alike = measured_as_papers(str(split), rows["threshold"].iloc[0])
        compared = paper if alike else None
        for row in rows.to_dict("records"):
            theirs = compared.row(str(row["stage"])) if compared else None
            table.add_row(str(row["stage"]), *(_cell(row, c, f) for _, c, f in _COLUMNS))
            if theirs:
                cells = (_cell(theirs, c, f) for _, c, f in _COLUMNS)
                table.add_row("  paper", *cells, style="dim")
        print_table(table, console)
        sources |= {compared.source} if compared else set()
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
