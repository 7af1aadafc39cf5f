"""Which labels each attention head of a stage is for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from sfp_keras.analyses.analysis import Analysis, AnalysisPart, Drawing, Scope, Tabled
from sfp_keras.analyses.subjects import MOST_LABELS, Stage
from sfp_keras.filters import HeadShares, HeadSpecialization
from sfp_keras.reports import Column, ReportTable
from sfp_keras.reports.style import (
    COLOURS,
    GREY,
    MOST_NAMES,
    PAGE,
    SMALL,
    height_for,
    label_axis,
    legend_below,
    letter,
    new_figure,
    share_axis,
    tidy,
    whole_labels,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Labels of a p-value below this are drawn full.
_SMALL_P = 0.05
# Numbers are written into the matrix up to so many labels.
_MOST_WRITTEN = 20

_COLUMNS = (
    Column("name", "label"),
    Column("label", "number", "d"),
    Column("nodes", "nodes with it", "d", "Nodes of all heads with the label in a cluster"),
    Column("leading_head", "leading head", "d", "Head with the most of them, the first of equals"),
    Column("share", "its share", ".3f", "Share of these nodes that are the leading head's"),
    Column(
        "expected_share",
        "of random nodes",
        ".3f",
        "The same share where nodes are assigned to heads at random",
    ),
    Column("p_value", "p", ".4f", "How often random heads have as large a share, or a larger one"),
    Column("field_leading_head", "by fields", "d", "Head with the largest sum of fields"),
    Column("field_share", "its share", ".3f", "Its share of the fields on the label's own unit"),
    Column("field_expected_share", "of random nodes", ".3f"),
    Column("field_p_value", "p", ".4f"),
)


def label_order(shares: HeadShares) -> np.ndarray:
    """Labels by their leading head, its largest shares first; those of no head last.

    Args:
        shares: `HeadShares`.

    Returns:
        int64 array `(K,)`.
    """
    leading = np.where(shares.leading_head < 0, len(shares.matrix), shares.leading_head)
    return np.lexsort((-np.nan_to_num(shares.share), leading))


def draw_attention_heads(found: HeadSpecialization, names: Sequence[str]) -> Figure:
    """Draw the head by label matrix, the labels each head leads, and shares against chance.

    A: nodes of each head with each label in a cluster, labels by their leading head. B: the labels
    that each head leads. C: the share of each label's leading head, full where it is larger than
    that of random nodes (p < 0.05), beside their mean and `1 / heads`.

    Args:
        found: `HeadSpecialization` of a stage.
        names: K names of labels.

    Returns:
        A figure of a page's width.

    Source: "head symmetry breaking" of arXiv:2501.12900, after its abstract.
    """
    order = label_order(found.nodes)
    shown = [names[label] for label in order]
    matrix_height = min(max(0.14 * found.num_heads, 1.0), 3.2)
    figure, grid = new_figure(
        PAGE,
        height_for(names, matrix_height + 1.9),
        nrows=2,
        ncols=2,
        height_ratios=(matrix_height, 1.4),
        width_ratios=(5, 1),
    )
    (panel, led), (shares, empty) = grid
    empty.remove()
    _draw_matrix(figure, panel, found.nodes.matrix[:, order])
    _draw_led(led, found.nodes.labels_led)
    _draw_shares(shares, found.nodes, order)
    for axes in (panel, shares):
        whole_labels(axes, names)
        if len(names) <= MOST_NAMES:
            label_axis(axes.xaxis, shown)
        else:
            axes.set_xticks([])
    panel.set_xticklabels([])
    shares.set_xlabel("label, by leading head")
    for axes in (led, panel):
        axes.set_ylim(found.num_heads - 0.5, -0.5)
    letter(panel, "A", "nodes with the label in a cluster")
    letter(led, "B")
    letter(shares, "C", _against_chance(found.nodes))
    handles, texts = shares.get_legend_handles_labels()
    legend_below(figure, handles, texts, 4)
    return figure


def _draw_matrix(figure: Figure, panel: Axes, counts: np.ndarray) -> None:
    from matplotlib.ticker import MaxNLocator

    image = panel.imshow(counts, cmap="viridis", vmin=0, aspect="auto", interpolation="none")
    if counts.shape[1] <= _MOST_WRITTEN and len(counts) <= _MOST_WRITTEN:
        middle = counts.max() / 2
        for (head, place), count in np.ndenumerate(counts):
            colour = "black" if count > middle else "white"
            panel.text(place, head, count, color=colour, fontsize=SMALL, ha="center", va="center")
    else:
        bar = figure.colorbar(image, cax=panel.inset_axes((1.01, 0, 0.015, 1)))
        bar.ax.tick_params(labelsize=SMALL)
        bar.ax.yaxis.set_major_locator(MaxNLocator(4, integer=True))
    panel.set_ylabel("head")
    panel.yaxis.set_major_locator(MaxNLocator(8, integer=True))
    tidy(panel)
    panel.grid(visible=False)
    panel.tick_params(length=2)


def _draw_led(panel: Axes, labels_led: np.ndarray) -> None:
    from matplotlib.ticker import MaxNLocator

    panel.barh(np.arange(len(labels_led)), labels_led, color=COLOURS[0], height=0.8)
    panel.set_xlabel("labels led")
    panel.xaxis.set_major_locator(MaxNLocator(3, integer=True))
    tidy(panel)
    panel.tick_params(left=False, labelleft=False)
    panel.grid(axis="y", visible=False)


def _draw_shares(panel: Axes, nodes: HeadShares, order: np.ndarray) -> None:
    places, share = np.arange(len(order)), nodes.share[order]
    small = nodes.label_p_values[order] < _SMALL_P
    size = 4 if len(order) <= MOST_NAMES else 2.5
    style: dict[str, Any] = {"color": COLOURS[0], "linestyle": "none", "markersize": size}
    panel.plot(places[small], share[small], "o", **style, label=f"$p$ < {_SMALL_P:g}")
    panel.plot(
        *(places[~small], share[~small], "o"),
        **{**style, "markerfacecolor": "white", "markeredgewidth": 0.8},
        label=f"$p$ ≥ {_SMALL_P:g}",
    )
    expected = nodes.expected_share[order]
    line: dict[str, Any] = {"color": COLOURS[1], "linewidth": 1, "label": "random nodes"}
    panel.step(places, expected, where="mid", **line)
    equal = 1 / len(nodes.matrix)
    panel.axhline(equal, color=GREY, linewidth=0.8, linestyle="--", label="1 / heads")
    panel.set_ylabel("share of leading head")
    tidy(panel)
    share_axis(panel)


def _against_chance(shares: HeadShares) -> str:
    return (
        f"mean share {shares.mean_share:.3f}, of random nodes {shares.expected_mean_share:.3f}, "
        f"p = {shares.p_value:.2g}"
    )


def leading_head_table(stage: str, names: Sequence[str], found: HeadSpecialization) -> ReportTable:
    """The leading head of every label of a stage, by nodes and by fields."""
    frame = found.to_frame()
    rows = [
        {
            "name": str(name),
            "label": label,
            "nodes": int(found.nodes.matrix[:, label].sum()),
            **{column.key: _number(frame[column.key][label]) for column in _COLUMNS[3:]},
        }
        for label, name in enumerate(names)
    ]
    return ReportTable(f"Leading heads, stage {stage}", _COLUMNS, rows)


def _number(value: float) -> float | None:
    # Of a label that no head has.
    return None if value == -1 else value


def _parts(stage: Stage, found: HeadSpecialization) -> Iterator[AnalysisPart]:
    nodes, fields = found.nodes, found.fields
    by_fields = f" By fields: {_against_chance(fields)}." if fields is not None else ""
    yield Drawing(
        "attention-heads",
        lambda: draw_attention_heads(found, stage.names),
        f"Heads of {stage.name}, {found.num_heads} of {found.nodes_per_head} nodes. A: nodes of "
        "each head that have the label in a cluster; labels by their leading head, the one with "
        "most of these nodes. B: labels that each head leads, equals in equal parts. C: share of "
        "each label's leading head, and of the strongest of heads whose nodes are drawn at random, "
        f"{found.permutations} times: {_against_chance(nodes)}.{by_fields}",
        "arXiv:2501.12900",
    )
    if len(stage.names) <= MOST_LABELS:
        table = leading_head_table(stage.name, stage.names, found)
        yield Tabled("attention-heads", table, folded="the leading head of every label")


ANALYSIS = Analysis(
    "attention_heads", Scope.STAGE, 7, lambda stage: stage.head_specialization, _parts
)
