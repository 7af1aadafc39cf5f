"""Decisions of single filters: which label each input gets when one filter alone decides."""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from sfp_keras.filters import FilterDecisions
from sfp_keras.reports.style import LARGE, PAGE, SMALL, height_for, label_axis, new_figure


def draw_decisions(
    decisions: FilterDecisions, names: Sequence[str], filters: Sequence[int] | None = None
) -> Figure:
    """Draw the shares of each filter's decisions, input labels against decided labels.

    Args:
        decisions: `FilterDecisions` with matrices.
        names: K names of labels.
        filters: numbers of up to three filters of `decisions.filters`; default None: the first
            three.

    Returns:
        A figure of a page's width. Above each panel: the share of right decisions, among inputs
        that the filter decides, and the share of its most frequent decision.

    Raises:
        ValueError: if no matrix is kept, or none of a filter asked for.

    Source: paper 1, Figure 3B.
    """
    kept = decisions.filters.tolist()
    chosen = kept[:3] if filters is None else list(filters)[:3]
    if not chosen or not set(chosen) <= set(kept):
        raise ValueError(f"matrices are kept of filters {kept}, and {chosen} are asked for")
    figure, axes = new_figure(PAGE, height_for(names, 2.5), ncols=3, square=True)
    rows, right = decisions.rows, decisions.accuracy_of_active
    for panel, number in zip(axes, chosen, strict=False):
        image = panel.imshow(
            rows[kept.index(number)], cmap="viridis", vmin=0, vmax=1, interpolation="none"
        )
        favourite = int(np.argmax(decisions.by_output[number]))
        share = decisions.share_of_favourite[number]
        panel.set_title(
            f"filter {number}: {_percent(right[number])} right\n"
            f"{_percent(share)} of decisions for label {favourite}",
            fontsize=SMALL,
        )
        for axis in (panel.xaxis, panel.yaxis):
            label_axis(axis, names)
        panel.set(xlabel="decided label", ylabel="input label")
        panel.tick_params(labelsize=SMALL, length=2)
        panel.xaxis.label.set_fontsize(LARGE)
        panel.yaxis.label.set_fontsize(LARGE)
        if panel is not axes[0]:
            panel.set_ylabel("")
            panel.tick_params(labelleft=False)
    for unused in axes[len(chosen) :]:
        unused.remove()
    bar = figure.colorbar(image, ax=list(axes[: len(chosen)]), shrink=0.7, aspect=25, pad=0.01)
    bar.set_label("share of decisions of a row", fontsize=SMALL)
    bar.ax.tick_params(labelsize=SMALL)
    return figure


def _percent(share: float) -> str:
    return f"{100 * share:.1f}%" if np.isfinite(share) else "none"
