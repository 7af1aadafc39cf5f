"""The tables of an ablation in a report: filters removed, labels silenced, fewer trained."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
from rich.console import Console

from sfp_keras.papers import PaperRemoval
from sfp_keras.reports.tables import Column, ReportTable
from sfp_keras.reports.terminal import print_table


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
    note = "Test accuracies of the head, nothing trained anew; the spread is over the draws."
    title = f"Filters removed at random from the head of {stage}"
    return ReportTable(title, columns, rows, theirs, note, _source(paper))


def silenced_table(labels: pd.DataFrame, stage: str, worst: int = 0) -> ReportTable:
    """Accuracies without the filters whose clusters hold a label, on average over the labels.

    Args:
        labels: `DataFrame` with the columns of labels.csv.
        stage: `str`.
        worst: `int`. How many of the labels that lose most get rows of their own. Defaults to 0.
    """
    mean = labels.select_dtypes("number").mean()
    rows = [
        _silenced(name, [mean[f"{kind}{of}"] for of in ("", "_silenced", "_random")])
        for name, kind in (("the label itself", "accuracy"), ("the other labels", "others"))
    ]
    loss = labels["accuracy"] - labels["accuracy_silenced"]
    for index in loss.sort_values(ascending=False, kind="stable").index[:worst]:
        rows.append(_silenced_label(labels.loc[index], "  "))
    return ReportTable(
        f"Filters whose clusters hold a label, silenced in the head of {stage}",
        _SILENCED,
        rows,
        note=f"Means over the labels; {mean['silenced']:.1f} filters silenced a label.",
    )


def silenced_label_table(labels: pd.DataFrame, stage: str) -> ReportTable:
    """The same, a row a label: its own accuracy.

    Args:
        labels: `DataFrame` with the columns of labels.csv.
        stage: `str`.
    """
    rows = [
        {
            **_silenced_label(row),
            "silenced": row["silenced"],
        }
        for row in labels.to_dict("records")
    ]
    columns = (*_SILENCED, Column("silenced", "filters", "d"))
    return ReportTable(f"Every label without its filters, {stage}", columns, rows)


def width_table(widths: pd.DataFrame, stage: str, paper: PaperRemoval | None) -> ReportTable:
    """Networks trained with fewer filters.

    Args:
        widths: `DataFrame` with the columns of widths.csv; first the run's own network.
        stage: `str`.
        paper: what paper 1 says of the layer, or `None`.
    """
    said = paper.trained if paper else {}
    whole = widths["accuracy"].iloc[0]
    rows = [
        {
            **row,
            "layers": str(row["layers"]).replace("-", ", ") or "as it is",
            "change": row["accuracy"] - whole if number else None,
            "paper": said.get(row["width"]),
        }
        for number, row in enumerate(widths.to_dict("records"))
    ]
    columns = (
        Column("layers", "layers"),
        Column("width", "filters", "d"),
        Column("network_accuracy", "network", ".4f"),
        Column("accuracy", f"head of {stage}", ".4f"),
        Column("change", "change", "+.4f"),
        *([Column("paper", "paper 1")] if said else []),
    )
    note = f"Paper: {_source(paper)}." if said else ""
    return ReportTable("Networks trained with fewer filters", columns, rows, note=note)


def print_ablation(
    tables: Mapping[str, pd.DataFrame], stage: str, paper: PaperRemoval | None, console: Console
) -> None:
    """Print what an ablation found.

    Args:
        tables: dict with summary, labels and widths: `DataFrame`s with the columns of the files
            of these names.
        stage: `str`.
        paper: what paper 1 says of the layer, or `None`.
        console: `rich.console.Console`.
    """
    console.print()
    print_table(removal_table(tables["summary"], stage, paper), console)
    console.print()
    print_table(silenced_table(tables["labels"], stage, worst=5), console)
    count = tables["labels"]["silenced"]
    console.print(
        f"filters silenced a label: {count.min()} to {count.max()}, on average {count.mean():.1f}\n"
        "paper 1: silencing a large fraction of the filters that include a label substantially "
        "decreases accuracy",
        style="dim",
    )
    if len(tables["widths"]) > 1:
        console.print()
        print_table(width_table(tables["widths"], stage, paper), console)


_SPREAD = {"std": "deviation", "least": "least", "most": "most"}
_SILENCED = (
    Column("name", "accuracy of"),
    Column("before", "all filters", ".4f"),
    Column("after", "silenced", ".4f"),
    Column("change", "change", "+.4f"),
    Column("random", "as many at random", ".4f"),
    Column("random_change", "change", "+.4f"),
)


def _silenced_label(row: Mapping[Any, Any] | pd.Series, indent: str = "") -> dict[str, object]:
    accuracies = [row[f"accuracy{of}"] for of in ("", "_silenced", "_random")]
    return _silenced(f"{indent}{row['name']}", accuracies)


def _source(paper: PaperRemoval | None) -> str:
    return f"{paper.source.paper}, on CIFAR-10" if paper else ""


def _silenced(name: str, accuracies: Sequence[float]) -> dict[str, object]:
    before, after, random = accuracies
    changes = {"change": after - before, "random_change": random - before}
    return {"name": name, "before": before, "after": after, "random": random, **changes}
