"""Attention heads silenced at the input, beside the same silenced after the pooling."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from sfp_keras.analyses.analysis import Analysis, AnalysisPart, Drawing, Scope, Tabled
from sfp_keras.analyses.catalog.heads_at_input_table import CHANGED, DIFFERENCE, WAYS
from sfp_keras.analyses.catalog.matrices import (
    corner_size,
    corner_words,
    draw_kinds,
    outline_clusters,
    permuted_kinds,
)
from sfp_keras.analyses.shown_filters import typical_filters
from sfp_keras.analyses.subjects import MOST_LABELS, Stage
from sfp_keras.filters import FilterClusters, SingleHeadFields
from sfp_keras.reports import Column, ReportTable
from sfp_keras.reports.style import CLUSTER, COLOURS, MOST_NAMES, NOTHING, PAGE, SMALL, new_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Heads drawn.
_MOST = 4
_ONLY_AFTER, _ONLY_INPUT = COLOURS[1], COLOURS[2]
_COLUMNS = (
    Column("head", "head", "d"),
    *(
        Column(f"{key}_{way}", f"{heading} {words}", spec, f"{hint}, other heads silenced {words}")
        for key, heading, spec, hint in (
            ("noise", "n", "d", "Noise"),
            ("clusters", "N_c", "d", "Clusters"),
            ("labels", "labels", "d", "Labels in a cluster"),
        )
        for way, words in WAYS
    ),
    Column("difference", "difference", ".3f", DIFFERENCE),
    Column("changed", "changed", ".3f", CHANGED.capitalize()),
)


def heads_at_input_table(
    stage: str, silenced: SingleHeadFields, clusters: Sequence[FilterClusters]
) -> ReportTable:
    """The numbers of every head of a stage, silenced in both ways.

    Args:
        stage: `str`.
        silenced: `SingleHeadFields`.
        clusters: those found after the pooling, and at the input.
    """
    columns: dict[str, np.ndarray] = {"head": np.arange(clusters[0].num_filters)}
    for (way, _), found in zip(WAYS, clusters, strict=True):
        columns[f"noise_{way}"] = found.noise
        columns[f"clusters_{way}"] = found.num_clusters
        columns[f"labels_{way}"] = found.in_cluster.sum(axis=1)
    columns["difference"] = silenced.difference
    columns["changed"] = silenced.changed(clusters[0].threshold)
    rows = pd.DataFrame(columns).to_dict("records")
    return ReportTable(f"Heads silenced at the input, stage {stage}", _COLUMNS, rows)


def draw_heads_at_input(
    silenced: SingleHeadFields, clusters: FilterClusters, heads: Sequence[int]
) -> Figure:
    """Draw the clipped matrices of some heads, silenced in both ways, in one order of labels.

    Args:
        silenced: `SingleHeadFields`.
        clusters: `FilterClusters` found in its fields after the pooling.
        heads: numbers of up to four heads, a column each.

    Returns:
        A figure of up to a page's width. Above: silenced after the pooling, clusters white and
        framed, noise yellow. Below: silenced at the input, the same frames; elements above the
        threshold in both white, in this one alone green, in the other alone orange. Of more than
        20 labels the corner that holds the clusters.

    Source: single-head performance, arXiv:2506.23832, after its abstract.
    """
    from matplotlib.colors import ListedColormap

    figure, grid = new_figure(
        PAGE * max(len(heads), 2) / _MOST,
        4.2,
        nrows=2,
        ncols=len(heads),
        square=True,
        squeeze=False,
    )
    colours = ListedColormap([NOTHING, _ONLY_AFTER, _ONLY_INPUT, CLUSTER])
    size = corner_size(clusters, heads)
    difference = silenced.difference
    for (above, below), head in zip(grid.T, heads, strict=True):
        order, kinds = permuted_kinds(silenced.after_pooling, clusters, head)
        at_input = silenced.at_input.boolean(head, clusters.threshold)[np.ix_(order, order)]
        both = (kinds > 0) + 2 * at_input.astype(np.int8)
        draw_kinds(above, kinds[:size, :size])
        below.imshow(both[:size, :size], cmap=colours, vmin=0, vmax=3, interpolation="none")
        above.set_title(f"head {head}", fontsize=SMALL)
        below.set_title(f"difference {difference[head]:.2f}", fontsize=SMALL)
        ticks = order[:size] if size <= MOST_NAMES else ()
        for panel in (above, below):
            outline_clusters(panel, clusters.cluster_id[head][order])
            panel.set_xticks(range(len(ticks)), ticks)
            panel.set_yticks(range(len(ticks)), ticks)
            panel.tick_params(labelsize=SMALL, length=2)
        below.set_xlabel("output unit", fontsize=SMALL)
    for panel, (_, words) in zip(grid[:, 0], WAYS, strict=True):
        panel.set_ylabel(f"silenced {words}\ninput label", fontsize=SMALL)
    return figure


def _parts(stage: Stage, clusters: Sequence[FilterClusters]) -> Iterator[AnalysisPart]:
    silenced = stage.silenced_heads
    assert silenced is not None
    after = clusters[0]
    shown = sorted(typical_filters(after, _MOST))
    some = "all" if len(shown) == after.num_filters else f"{len(shown)} typical"
    part = corner_size(after, shown) < after.num_labels
    corner = f" Drawn: {corner_words(after, shown)}." if part else ""
    yield Drawing(
        "heads-at-input",
        lambda: draw_heads_at_input(silenced, after, shown),
        f"Heads of {stage.name} alone, {some} of {after.num_filters}: mean fields of input labels "
        f"on output units above {after.threshold:g} of the largest. Above, other heads are "
        "silenced after the pooling; clusters are white and framed, noise is yellow. Below, they "
        "are silenced at the input, which changes the weights of the pooling; with the labels and "
        "frames from above, elements of both ways are white, of this way alone green, of the "
        "other alone orange. Difference: Frobenius norm of the difference of a head's two "
        f"matrices over that of the first.{corner}",
        "arXiv:2506.23832",
    )
    if after.num_filters <= MOST_LABELS:
        table = heads_at_input_table(stage.name, silenced, clusters)
        yield Tabled("heads-at-input", table, folded="every head, silenced in both ways")


ANALYSIS = Analysis("heads_at_input", Scope.STAGE, 9, lambda stage: stage.silenced_clusters, _parts)
