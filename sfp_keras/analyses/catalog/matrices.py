"""Filters' field matrices: normalised, clipped, and permuted to clusters; and their numbers."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from sfp_keras.analyses.analysis import Analysis, AnalysisPart, Drawing, Scope, Tabled
from sfp_keras.analyses.shown_filters import differing_filters
from sfp_keras.analyses.subjects import Stage
from sfp_keras.filters import (
    FILTER_QUANTITIES,
    FilterClusters,
    FilterFields,
    FilterStatistics,
    filter_values,
)
from sfp_keras.reports import Column, ReportTable, quantity_columns
from sfp_keras.reports.style import (
    CLUSTER,
    COLOURS,
    LARGE,
    MOST_NAMES,
    NOISE,
    NOTHING,
    PAGE,
    SMALL,
    height_for,
    new_figure,
    shown_name,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


# More labels than this get their clusters enlarged, up to so many of them.
_LARGE_MATRIX, _CORNER = 20, 30


def permuted_kinds(
    fields: FilterFields, clusters: FilterClusters, filter_index: int
) -> tuple[np.ndarray, np.ndarray]:
    """The clipped matrix with a filter's clusters as diagonal blocks.

    Returns:
        The order of labels `(K,)`, and an int8 array `(K, K)` in that order: 0 below the
        threshold, 1 noise, 2 in a cluster.
    """
    order = clusters.permutation(filter_index)
    boolean = fields.boolean(filter_index, clusters.threshold)[np.ix_(order, order)]
    numbers = clusters.cluster_id[filter_index][order]
    inside = (numbers[:, None] == numbers) & (numbers >= 0)[:, None]
    return order, boolean.astype(np.int8) + (boolean & inside)


def draw_matrices(
    fields: FilterFields,
    clusters: FilterClusters,
    filter_index: int,
    names: Sequence[str] | None = None,
) -> Figure:
    """Draw a filter's matrices side by side, as the papers do.

    A: fields divided by their maximum. B: those above the threshold, white. C: the same with
    labels permuted: clusters white, noise yellow. D, where labels are many: the corner of C that
    holds the clusters.

    Args:
        fields: `FilterFields` of the stage.
        clusters: `FilterClusters` found in them.
        filter_index: `int`.
        names: K names of labels; default None: their numbers.

    Returns:
        A figure of a page's width.

    Source: paper 1, Figure 4; paper 2, Figure 1.
    """
    labels = fields.num_labels
    enlarged = _is_large(clusters)
    width = 4 if enlarged else 3
    shown = _names(names, labels)
    figure, axes = new_figure(
        PAGE, 1.95 if enlarged else height_for(shown, 2.2), ncols=width, square=True
    )
    if labels > 400:
        figure.set_dpi(600)  # A printed dot for every element.
    normalized = fields.normalized(filter_index)
    image = axes[0].imshow(normalized, cmap="RdBu_r", vmin=-1, vmax=1, interpolation="none")
    below = "min" if normalized.min() < -1 else "neither"
    bar = figure.colorbar(
        image, cax=axes[0].inset_axes((1.04, 0, 0.05, 1)), extend=below, ticks=[-1, 0, 1]
    )
    bar.ax.tick_params(labelsize=SMALL)
    bar.set_label("normalised field", fontsize=SMALL, labelpad=0)
    boolean = fields.boolean(filter_index, clusters.threshold)
    axes[1].imshow(boolean, cmap="gray", vmin=0, vmax=1, interpolation="none")
    order, kinds = permuted_kinds(fields, clusters, filter_index)
    for panel in axes[:2]:
        _label_both(panel, range(labels), shown)
    axes[1].tick_params(labelleft=enlarged)  # Names are long, and those of A.
    draw_kinds(axes[2], kinds)
    axes[2].set(xlabel="output unit, permuted", ylabel="input label, permuted")
    if enlarged:
        axes[2].set(xticks=[], yticks=[])
        size = corner_size(clusters, [filter_index])
        _draw_corner(axes[2], axes[3], kinds[:size, :size], order, shown)
        outline_clusters(axes[3], clusters.cluster_id[filter_index][order])
    else:
        _label_both(axes[2], order, shown, ", permuted")
        outline_clusters(axes[2], clusters.cluster_id[filter_index][order])
    titles = ("A   normalised", f"B   above {clusters.threshold:g}", "C   clusters, noise")
    for panel, title in zip(axes, (*titles, "D   corner of C"), strict=False):
        panel.set_title(title, loc="left", fontsize=LARGE)
        panel.tick_params(labelsize=SMALL, length=2, pad=1.5)
        panel.xaxis.label.set_fontsize(LARGE)
        panel.yaxis.label.set_fontsize(LARGE)
        panel.yaxis.labelpad = panel.xaxis.labelpad = 1.5
    return figure


def matrices_caption(clusters: FilterClusters, stage: str, filter_index: int, why: str = "") -> str:
    """What `draw_matrices` shows of a filter, in words and numbers.

    Args:
        clusters: `FilterClusters` of the stage.
        stage: `str`.
        filter_index: `int`.
        why: `str`. What the filter is shown for. Default: nothing is said of it.
    """
    sizes = [len(members) for members in clusters.members(filter_index)]
    many = f"clusters of {', '.join(map(str, sizes))} labels" if sizes else "no cluster"
    found = f"a cluster of {sizes[0]} label{'s'[: sizes[0] > 1]}" if len(sizes) == 1 else many
    corner = f" D: {corner_words(clusters, [filter_index])} of C." if _is_large(clusters) else ""
    shown_for = f", {why}" if why else ""
    return (
        f"Filter {filter_index} of {stage}{shown_for}: {found}, noise n = "
        f"{clusters.noise[filter_index]}. A: mean fields of input labels on output units, divided "
        f"by the largest. B: those above {clusters.threshold:g}, white. C: labels permuted to "
        f"clusters (white, framed) and noise (yellow).{corner}"
    )


def corner_size(clusters: FilterClusters, filters: Sequence[int]) -> int:
    """Rows and columns of some filters' matrices that hold their clusters, of many labels.

    Args:
        clusters: `FilterClusters`.
        filters: numbers of those drawn.

    Returns:
        `int`. K for few labels, else at most 30.
    """
    if not _is_large(clusters):
        return clusters.num_labels
    return min(max(_most_in_clusters(clusters, filters) + 2, 6), _CORNER, clusters.num_labels)


def corner_words(clusters: FilterClusters, filters: Sequence[int]) -> str:
    """What `corner_size` leaves of matrices of many labels, in words.

    Args:
        clusters: `FilterClusters`.
        filters: numbers of those drawn.
    """
    size = corner_size(clusters, filters)
    if _most_in_clusters(clusters, filters) > size:
        return f"the first {size} labels"
    return "the corner with the clusters"


def _most_in_clusters(clusters: FilterClusters, filters: Sequence[int]) -> int:
    """Labels in clusters of the filter that has the most of them."""
    return int(clusters.in_cluster[list(filters)].sum(axis=1).max(initial=0))


def _is_large(clusters: FilterClusters) -> bool:
    return clusters.num_labels > _LARGE_MATRIX


def _names(names: Sequence[str] | None, labels: int) -> list[str]:
    return [str(i) for i in range(labels)] if names is None else [shown_name(n, 12) for n in names]


def draw_kinds(panel: Axes, kinds: np.ndarray) -> None:
    """Draw a matrix of `permuted_kinds`: clusters white, noise yellow."""
    from matplotlib.colors import ListedColormap

    colours = ListedColormap([NOTHING, NOISE, CLUSTER])
    panel.imshow(kinds, cmap=colours, vmin=0, vmax=2, interpolation="none")


def _draw_corner(
    whole: Axes,
    corner: Axes,
    kinds: np.ndarray,
    order: np.ndarray,
    names: list[str],
) -> None:
    """Enlarge the corner of the permuted matrix, with a frame where it comes from."""
    from matplotlib.patches import Rectangle

    size = len(kinds)
    draw_kinds(corner, kinds)
    frame: dict[str, Any] = {"fill": False, "edgecolor": COLOURS[1], "linewidth": 1}
    whole.add_patch(Rectangle((-0.5, -0.5), size, size, **frame))
    corner.spines[:].set(color=COLOURS[1], linewidth=1)
    _label_both(corner, order[:size], names, ", permuted")


def outline_clusters(panel: Axes, numbers: np.ndarray) -> None:
    """Frame each cluster block: for some readers white and yellow look alike.

    Args:
        panel: `Axes` with a matrix of `permuted_kinds`, or its corner: frames that reach beyond
            stay open.
        numbers: (K,) number of the cluster of each label in the order drawn, -1 for none.
    """
    from matplotlib.patches import Rectangle

    for number in range(numbers.max(initial=-1) + 1):
        places = np.flatnonzero(numbers == number)
        panel.add_patch(
            Rectangle(
                (places[0] - 0.5, places[0] - 0.5),
                len(places),
                len(places),
                fill=False,
                edgecolor=COLOURS[0],
                linewidth=1,
            )
        )


def _label_both(
    panel: Axes, labels: Sequence[int] | np.ndarray, names: list[str], permuted: str = ""
) -> None:
    from matplotlib.ticker import MaxNLocator

    panel.set(xlabel=f"output unit{permuted}", ylabel=f"input label{permuted}")
    places = range(len(labels))
    if len(labels) > _LARGE_MATRIX:
        if permuted:
            panel.set(xticks=[], yticks=[])
        for axis in () if permuted else (panel.xaxis, panel.yaxis):
            axis.set_major_locator(MaxNLocator(5, integer=True))
        return
    few = len(labels) <= MOST_NAMES
    texts = [names[i] if few else str(i) for i in labels]
    if len(names) > _LARGE_MATRIX:  # The corner; its columns are in the order of its rows.
        panel.set(xticks=[], yticks=[])
        if few:
            panel.set_yticks(places, texts, parse_math=False)
    else:
        panel.set_yticks(places, texts, parse_math=False)
        turned = 90 if max(map(len, texts)) > 2 else 0
        panel.set_xticks(places, texts, rotation=turned, parse_math=False)


def filter_table(
    stage: str, statistics: FilterStatistics, filters: Sequence[int], what: str = "filter"
) -> ReportTable:
    """The numbers of some filters of a stage.

    Args:
        stage: `str`.
        statistics: `FilterStatistics` of all filters.
        filters: the numbers of the filters shown.
        what: `str`. What the filters are. Defaults to `"filter"`.
    """
    columns = (Column(what, what, "d"), *quantity_columns(FILTER_QUANTITIES))
    values = filter_values(statistics)
    rows = [
        {what: number, **{c.key: float(values[c.key][number]) for c in columns[1:]}}
        for number in filters
    ]
    return ReportTable(f"{what.capitalize()}s shown, stage {stage}", columns, rows)


def _chosen(stage: Stage) -> dict[int, str] | None:
    named = {number: "" for number in stage.filters if number < stage.fields.num_filters}
    return (named if stage.filters else differing_filters(stage.clusters)) or None


def _parts(stage: Stage, filters: Mapping[int, str]) -> Iterator[AnalysisPart]:
    yield Tabled("filters", filter_table(stage.name, stage.filter_statistics, list(filters)))
    for number, why in filters.items():
        yield Drawing(
            f"filter{number}",
            functools.partial(draw_matrices, stage.fields, stage.clusters, number, stage.names),
            matrices_caption(stage.clusters, stage.name, number, why),
            "paper 1, Figure 4; paper 2, Figure 1",
        )


ANALYSIS = Analysis("matrices", Scope.STAGE, 1, _chosen, _parts)
