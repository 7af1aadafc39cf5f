"""Whole attention heads in the place of filters: the matrix that each head sends alone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from sfp_keras.analyses.analysis import Analysis, AnalysisPart, Drawing, Scope, Tabled
from sfp_keras.analyses.catalog.matrices import (
    corner_size,
    corner_words,
    draw_kinds,
    filter_table,
    outline_clusters,
    permuted_kinds,
)
from sfp_keras.analyses.shown_filters import typical_filters
from sfp_keras.analyses.subjects import MOST_LABELS, Stage
from sfp_keras.filters import FilterClusters, FilterFields
from sfp_keras.reports.style import MOST_NAMES, PAGE, SMALL, new_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Heads drawn, and in a row.
_MOST, _IN_ROW = 8, 4


def draw_single_heads(
    fields: FilterFields, clusters: FilterClusters, heads: Sequence[int]
) -> Figure:
    """Draw the clipped matrices of some heads alone, labels permuted to clusters.

    Args:
        fields: `FilterFields` of heads, as of `by_heads`.
        clusters: `FilterClusters` found in them.
        heads: numbers of up to eight heads.

    Returns:
        A figure of a page's width: clusters white and framed, noise yellow. Of more than 20
        labels the corner that holds the clusters.

    Source: single-head performance, arXiv:2506.23832, after its abstract.
    """
    columns = min(len(heads), _IN_ROW)
    rows = -(-len(heads) // columns)
    figure, grid = new_figure(
        PAGE * columns / _IN_ROW, 2.1 * rows, nrows=rows, ncols=columns, square=True, squeeze=False
    )
    size = corner_size(clusters, heads)
    for panel, head in zip(grid.flat, heads, strict=False):
        order, kinds = permuted_kinds(fields, clusters, head)
        draw_kinds(panel, kinds[:size, :size])
        outline_clusters(panel, clusters.cluster_id[head][order])
        sizes = [len(members) for members in clusters.members(head)]
        found = ", ".join(map(str, sizes[:4])) + (", …" if len(sizes) > 4 else "")
        panel.set_title(
            f"head {head}: {f'clusters of {found}' if sizes else 'no cluster'}\n"
            f"$n$ = {clusters.noise[head]}",
            fontsize=SMALL,
        )
        ticks = order[:size] if size <= MOST_NAMES else ()
        panel.set_xticks(range(len(ticks)), ticks)
        panel.set_yticks(range(len(ticks)), ticks)
        panel.tick_params(labelsize=SMALL, length=2)
    for unused in list(grid.flat)[len(heads) :]:
        unused.remove()
    for panel in grid[:, 0]:
        panel.set_ylabel("input label", fontsize=SMALL)
    for panel in list(grid.flat)[: len(heads)][-columns:]:
        panel.set_xlabel("output unit", fontsize=SMALL)
    return figure


def _parts(stage: Stage, heads: Stage) -> Iterator[AnalysisPart]:
    fields, clusters = heads.fields, heads.clusters
    shown = sorted(typical_filters(clusters, _MOST))
    some = "all" if len(shown) == fields.num_filters else f"{len(shown)} typical"
    part = corner_size(clusters, shown) < clusters.num_labels
    corner = f" Drawn: {corner_words(clusters, shown)}." if part else ""
    yield Drawing(
        "single-heads",
        lambda: draw_single_heads(fields, clusters, shown),
        f"Heads of {stage.name} alone, all nodes of other heads silenced, {some} of "
        f"{fields.num_filters}: mean fields of input labels on output units above "
        f"{clusters.threshold:g} of the largest, each with its labels permuted to clusters (white, "
        f"framed) and noise (yellow).{corner}",
        "arXiv:2506.23832",
    )
    if fields.num_filters <= MOST_LABELS:
        everyone = range(fields.num_filters)
        table = filter_table(stage.name, heads.filter_statistics, everyone, "head")
        yield Tabled("single-heads", table, folded="every head")


ANALYSIS = Analysis("single_heads", Scope.STAGE, 8, lambda stage: stage.single_heads, _parts)
