"""Histograms of the fields below the threshold."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from sfp_keras.analyses.analysis import Analysis, AnalysisPart, Drawing, Scope
from sfp_keras.analyses.subjects import Stage
from sfp_keras.filters import FieldHistogram, SubThresholdFields
from sfp_keras.reports.style import COLOURS, PAGE, SMALL, letter, new_figure, share_axis, tidy

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def draw_sub_threshold(fields: SubThresholdFields) -> Figure:
    """Draw histograms of the normalised fields that are not above the threshold.

    A: rows of labels in a cluster of the filter. B: other rows. The dashed line is the mean of
    all, of those left of the axis too, whose share stands in the panel.

    Args:
        fields: `SubThresholdFields` of a stage.

    Returns:
        A figure of a page's width.

    Source: paper 1, Figure 5C.
    """
    figure, axes = new_figure(PAGE, 2.2, ncols=2)
    kinds = ((fields.cluster_rows, "rows of cluster labels"), (fields.other_rows, "other rows"))
    for mark, panel, (histogram, text) in zip("AB", axes, kinds, strict=True):
        shares = 100 * histogram.counts / max(histogram.size, 1)
        panel.stairs(shares, histogram.edges, fill=True, color=COLOURS[5])
        if histogram.size:
            panel.axvline(histogram.mean, color=COLOURS[1], linestyle="--", linewidth=1)
        panel.text(
            0.03,
            0.95,
            _in_words(histogram),
            fontsize=SMALL,
            va="top",
            transform=panel.transAxes,
        )
        panel.set(xlabel="normalised field", ylabel="share of fields a bin (%)")
        panel.set_xlim(histogram.edges[0], histogram.edges[-1])
        tidy(panel)
        share_axis(panel, 100)
        letter(panel, mark, text)
    return figure


def _in_words(histogram: FieldHistogram) -> str:
    if not histogram.size:
        return "no fields"
    lower = histogram.below / histogram.size
    lines = [f"mean {histogram.mean:.2g}".replace("-", "\N{MINUS SIGN}")]
    if lower:
        shown = f"{100 * lower:.2g}%" if lower >= 5e-5 else "<0.01%"
        lines.append(f"below {histogram.edges[0]:g}: {shown}".replace("-", "\N{MINUS SIGN}"))
    return "\n".join(lines)


def _parts(stage: Stage, fields: SubThresholdFields) -> Iterator[AnalysisPart]:
    yield Drawing(
        "sub-threshold",
        lambda: draw_sub_threshold(fields),
        f"Normalised fields of {stage.name} that are not above the threshold, dashed: their mean. "
        "A: rows of labels in a cluster of the filter. B: other rows.",
        "paper 1, Figure 5C",
    )


ANALYSIS = Analysis("sub_threshold", Scope.STAGE, 3, lambda stage: stage.sub_threshold, _parts)
