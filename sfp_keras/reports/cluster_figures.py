"""Sizes of a stage's clusters, and how often each label is in one."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from sfp_keras.filters import LayerStatistics
from sfp_keras.reports.style import (
    COLOURS,
    LARGE,
    MOST_NAMES,
    SMALL,
    panels,
    shown_name,
    tidy,
)

# The last bar of a distribution holds this size and all larger ones.
_LARGEST = 10


def size_shares(statistics: LayerStatistics, largest: int = _LARGEST) -> np.ndarray:
    """Shares of a layer's clusters of size 1, 2, ... and of `largest` and more, `(largest,)`."""
    shares = np.zeros(largest)
    for size, share in statistics.size_fractions.items():
        shares[min(size, largest) - 1] += share
    return shares


def draw_cluster_sizes(
    statistics: Mapping[str, LayerStatistics],
    paper: Mapping[str, Sequence[float]] | None = None,
) -> Figure:
    """Draw the distribution of cluster sizes of each stage.

    Args:
        statistics: dict from stage to `LayerStatistics`, input side first.
        paper: dict from stage to the paper's shares of sizes 1, 2, ...; default None.

    Returns:
        A figure of a page's width, a panel a stage.

    Source: paper 1, Figures 5A and 8B.
    """
    biggest = max((max(s.size_fractions, default=1) for s in statistics.values()), default=1)
    largest = min(max(biggest, *(len(p) for p in (paper or {}).values()), 3), _LARGEST)
    figure, axes = panels(len(statistics), 3, 1.7, sharex=True, sharey=True)
    sizes = np.arange(1, largest + 1)
    texts = [str(size) for size in sizes]
    if biggest > largest:
        texts[-1] = f"≥{largest}"
    for place, (panel, (stage, layer)) in enumerate(zip(axes, statistics.items(), strict=True)):
        panel.bar(sizes, size_shares(layer, largest), color=COLOURS[0], width=0.75, label="here")
        theirs = (paper or {}).get(stage)
        if theirs:
            panel.plot(
                sizes[: len(theirs)],
                theirs,
                "D",
                color="black",
                markerfacecolor="white",
                markersize=4,
                label="paper",
            )
            panel.legend(fontsize=SMALL, frameon=False)
        panel.set_title(
            f"{shown_name(stage)}:  mean {layer.cluster_size:.2f}", fontsize=LARGE, parse_math=False
        )
        panel.set_xticks(sizes, texts)
        _outer(panel, "labels of a cluster", "share of clusters", place, len(axes), 3)
        tidy(panel)
        panel.grid(axis="x", visible=False)
    return figure


def draw_appearances(
    appearances: Mapping[str, np.ndarray],
    paper: Mapping[str, float] | None = None,
) -> Figure:
    """Draw in how many clusters of a stage each label is, with the average dashed.

    Args:
        appearances: dict from stage to integers `(K,)`, input side first.
        paper: dict from stage to the paper's average; default None.

    Returns:
        A figure of a page's width, a panel a stage.

    Source: paper 1, Figure 5B.
    """
    figure, axes = panels(len(appearances), 3, 1.6, sharex=True)
    for place, (panel, (stage, counts)) in enumerate(zip(axes, appearances.items(), strict=True)):
        if len(counts) <= MOST_NAMES:
            panel.bar(np.arange(len(counts)), counts, color=COLOURS[0], width=0.8)
        else:
            edges = np.arange(len(counts) + 1) - 0.5
            panel.stairs(counts, edges, fill=True, color=COLOURS[0])
        mean = counts.mean()
        panel.axhline(mean, color=COLOURS[1], linestyle="--", linewidth=1)
        theirs = (paper or {}).get(stage)
        beside = f", paper {theirs:g}" if theirs is not None else ""
        panel.set_title(
            f"{shown_name(stage)}:  mean {mean:.1f}{beside}", fontsize=LARGE, parse_math=False
        )
        panel.xaxis.set_major_locator(MaxNLocator(10, integer=True))
        _outer(panel, "label", "clusters with it", place, len(axes), 3)
        tidy(panel)
        panel.grid(axis="x", visible=False)
    return figure


def _outer(panel: Axes, x: str, y: str, place: int, count: int, columns: int) -> None:
    """Label axes at the left and at the bottom only, where panels share them."""
    if place % columns == 0:
        panel.set_ylabel(y)
    if place + columns >= count:
        panel.set_xlabel(x)
        panel.tick_params(labelbottom=True)
