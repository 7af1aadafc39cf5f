"""The figures of an ablation: what a stage loses with its filters."""

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

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

_NAMED_LABELS = 30


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
