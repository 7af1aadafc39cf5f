"""Sizes of a stage's clusters."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from sfp_keras.analyses.analysis import Analysis, AnalysisPart, Drawing, Scope, Tabled
from sfp_keras.analyses.subjects import Split
from sfp_keras.filters import LAYER_QUANTITIES, LayerStatistics
from sfp_keras.papers import PaperNumbers
from sfp_keras.reports import Column, ReportTable, quantity_column
from sfp_keras.reports.style import (
    COLOURS,
    LARGE,
    SMALL,
    label_outer,
    panels,
    share_axis,
    shown_name,
    tidy,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure


_AVERAGES = ("noise", "clusters", "cluster_size")
# Cluster sizes of paper 1's table; what is larger stands in one column.
_SIZES = 6
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
        panel.set_xlim(0.4, largest + 0.6)
        label_outer(panel, "labels of a cluster", "share of clusters", place, len(axes), 3)
        tidy(panel)
        share_axis(panel)
        panel.grid(axis="x", visible=False)
    return figure


def size_table(statistics: Mapping[str, LayerStatistics], paper: PaperNumbers) -> ReportTable:
    """The table of paper 1's Figure 5A: shares of clusters of each size."""
    of_layers = {one.key: quantity_column(one) for one in LAYER_QUANTITIES}
    columns = [Column("stage", "stage"), *(of_layers[key] for key in _AVERAGES)]
    columns += [Column(f"size{n}", f"size {n}", ".4f") for n in range(1, _SIZES + 1)]
    columns += [Column("larger", "larger", ".4f")]
    keys = [column.key for column in columns[4:]]
    rows: list[dict[Any, Any]] = []
    theirs: list[dict[str, Any] | None] = []
    for stage, layer in statistics.items():
        shares = dict(zip(keys, size_shares(layer, _SIZES + 1), strict=True))
        averages = {key: getattr(layer, key) for key in _AVERAGES}
        rows.append({"stage": stage, **averages, **shares})
        printed = paper.cluster_sizes.column("shares").get(stage)
        theirs.append(dict(zip(keys, printed, strict=False)) if printed else None)
    note = "Shares are of all clusters of a stage."
    source = f"{paper.cluster_sizes.source}; rounded there"
    return ReportTable("Sizes of clusters", columns, rows, theirs, note, source)


def _parts(split: Split, statistics: Mapping[str, LayerStatistics]) -> Iterator[AnalysisPart]:
    yield Drawing(
        "cluster-sizes",
        lambda: draw_cluster_sizes(statistics, split.paper.cluster_sizes.column("shares")),
        "Shares of a stage's clusters that have 1, 2, ... labels; the mean is C_s.",
        "paper 1, Figure 5A",
    )
    yield Tabled("cluster-sizes", size_table(statistics, split.paper))


ANALYSIS = Analysis(
    "cluster_sizes",
    Scope.CLUSTERS,
    1,
    lambda split: {stage.name: stage.statistics for stage in split.stages},
    _parts,
)
