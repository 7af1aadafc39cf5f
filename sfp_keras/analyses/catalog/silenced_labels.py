"""Accuracy of each label without the filters whose clusters hold it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from sfp_keras.analyses.analysis import Analysis, AnalysisPart, Drawing, Scope, Tabled
from sfp_keras.analyses.subjects import MOST_LABELS, Ablation
from sfp_keras.reports import Column, ReportTable
from sfp_keras.reports.style import (
    COLOURS,
    COLUMN,
    LARGE,
    PAGE,
    SMALL,
    new_figure,
    shown_name,
    tidy,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure


# Up to so many labels are named in the figure.
_NAMED_LABELS = 30
_SILENCED = (
    Column("name", "accuracy of"),
    Column("before", "all filters", ".4f"),
    Column("after", "silenced", ".4f"),
    Column("change", "change", "+.4f"),
    Column("random", "as many at random", ".4f"),
    Column("random_change", "change", "+.4f"),
)


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


def _silenced(name: str, accuracies: Sequence[float]) -> dict[str, object]:
    before, after, random = accuracies
    changes = {"change": after - before, "random_change": random - before}
    return {"name": name, "before": before, "after": after, "random": random, **changes}


def _silenced_label(row: Mapping[Any, Any] | pd.Series, indent: str = "") -> dict[str, object]:
    accuracies = [row[f"accuracy{of}"] for of in ("", "_silenced", "_random")]
    return _silenced(f"{indent}{row['name']}", accuracies)


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


def _parts(ablation: Ablation, labels: pd.DataFrame) -> Iterator[AnalysisPart]:
    name = ablation.name
    yield Drawing(
        "labels",
        lambda: draw_labels(labels, name),
        "Test accuracy of each label without the filters whose clusters hold it.",
        None,
    )
    yield Tabled("silenced", silenced_table(labels, name))
    if len(labels) <= MOST_LABELS:
        yield Tabled("labels", silenced_label_table(labels, name), folded="every label")


ANALYSIS = Analysis("silenced_labels", Scope.ABLATION, 2, lambda ablation: ablation.labels, _parts)
