"""Fields summed over the filters whose clusters hold the input's label: right and wrong units."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from sfp_keras.analyses.analysis import Analysis, AnalysisPart, Drawing, Scope
from sfp_keras.analyses.subjects import Stage
from sfp_keras.filters import SummedFields
from sfp_keras.reports.style import (
    COLOURS,
    GREY,
    PAGE,
    height_for,
    label_axis,
    label_marks,
    legend_below,
    letter,
    new_figure,
    shown_name,
    tidy,
    whole_labels,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def draw_summed_fields(
    sums: SummedFields, names: Sequence[str], label: int | None = None
) -> Figure:
    """Draw fields summed over the filters whose clusters hold the input's label.

    A: the paper's scheme on real fields: every output unit for inputs of one label. B: the same
    for all labels, as the right unit, the strongest wrong one and the mean of the wrong ones.
    Fields are in units of the mean field on the right unit from one such filter.

    Args:
        sums: `SummedFields` of a stage.
        names: K names of labels.
        label: `int`. The label of A; default None: the one of median signal,
            of those that have any.

    Returns:
        A figure of a page's width.

    Source: paper 1, Figure 6C.
    """
    figure, axes = new_figure(PAGE, height_for(names, 2.4), ncols=2)
    unit = sums.unit_field if np.isfinite(sums.unit_field) and sums.unit_field > 0 else 1.0
    labels = np.arange(len(names))
    if label is None:
        ordered = np.argsort(sums.signal, kind="stable")
        ordered = ordered[sums.signal[ordered] > 0] if sums.signal.any() else ordered
        label = int(ordered[len(ordered) // 2])
    right = labels == label
    for chosen, colour, text in (
        (right, COLOURS[0], "right unit"),
        (~right, COLOURS[1], "wrong units"),
    ):
        row = sums.fields[label][chosen] / unit
        axes[0].bar(labels[chosen], row, color=colour, width=1 if len(names) > 50 else 0.8)
        axes[0].plot([], [], "s", color=colour, label=text)
    # Among a thousand bars one is hard to find.
    axes[0].plot(label, sums.signal[label] / unit, "o", color=COLOURS[0], markersize=3)
    axes[0].set(xlabel="output unit", ylabel="summed field (units)")
    points = (
        (sums.signal, COLOURS[0], "o", "right unit"),
        (sums.largest_noise, COLOURS[1], "^", "strongest wrong unit"),
        (sums.noise, COLOURS[4], "s", "mean of wrong units"),
    )
    size = label_marks(labels)
    for values, colour, marker, text in points:
        axes[1].plot(
            labels,
            values / unit,
            marker,
            color=colour,
            markersize=size,
            mew=0,
            label=text,
        )
        axes[1].axhline(values.mean() / unit, color=colour, linestyle="--", linewidth=0.8)
    axes[1].set(xlabel="input label", ylabel="summed field (units)")
    titles = (f"inputs of label {label} ({shown_name(names[label])})", "all labels")
    for mark, panel, title in zip("AB", axes, titles, strict=True):
        panel.axhline(0, color=GREY, linewidth=0.6)
        label_axis(panel.xaxis, names)
        whole_labels(panel, names)
        tidy(panel)
        letter(panel, mark, title)
    # One legend: both panels have the right unit's colour.
    handles, texts = axes[1].get_legend_handles_labels()
    bars, words = axes[0].get_legend_handles_labels()
    legend_below(figure, [bars[1], *handles], [words[1], *texts], 4)
    return figure


def _parts(stage: Stage, sums: SummedFields) -> Iterator[AnalysisPart]:
    yield Drawing(
        "summed-fields",
        lambda: draw_summed_fields(sums, stage.names),
        f"Whole fields of {stage.name}, below the threshold too, summed over the filters whose "
        "clusters hold the input's label, in units of the mean field on the right unit from one "
        "such filter. A: inputs of one label. B: all labels, dashed: averages.",
        "paper 1, Figure 6C",
    )


ANALYSIS = Analysis("summed_fields", Scope.STAGE, 4, lambda stage: stage.sums, _parts)
