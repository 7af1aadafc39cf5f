"""Signal and noises of each label: counts of ones, and accumulated fields."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from sfp_keras.analyses.analysis import Analysis, AnalysisPart, Drawing, Scope
from sfp_keras.analyses.catalog.label_means import signal_and_noises
from sfp_keras.analyses.subjects import Stage
from sfp_keras.filters import LabelStatistics
from sfp_keras.reports.style import (
    COLOURS,
    PAGE,
    SMALL,
    height_for,
    label_axis,
    label_marks,
    letter,
    log_axis,
    new_figure,
    tidy,
    whole_labels,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


# Paper 2's colours are blue, red and orange; its names, and the keys of its averages.
_LINES = (
    ("signal", "signal", COLOURS[0], "o"),
    ("noise_internal", "noise$_I$", COLOURS[1], "s"),
    ("noise_internal_plus_external", "noise$_I$ + noise$_E$", COLOURS[4], "^"),
)


def draw_label_noise(
    statistics: LabelStatistics,
    names: Sequence[str],
    paper: Mapping[str, Mapping[str, float]] | None = None,
) -> Figure:
    """Draw signal and noises of each label, with their averages.

    A: counts of the ones of clipped matrices. B: accumulated fields of the same elements.
    Dashed lines are averages over labels; hollow marks at the right edge are the paper's. The
    scale is logarithmic; a value of zero is a cross at its lower end.

    Args:
        statistics: `LabelStatistics` with fields.
        names: K names of labels.
        paper: the paper's averages: dict from boolean and fields to dict from signal,
            noise_internal and noise_internal_plus_external to a number. Default None.

    Returns:
        A figure of a page's width.

    Source: paper 2, Figure 2.
    """
    figure, axes = new_figure(PAGE, height_for(names, 2.5), ncols=2)
    kinds = (("boolean", "number of ones"), ("fields", "accumulated field"))
    for mark, panel, (kind, unit) in zip("AB", axes, kinds, strict=True):
        values = signal_and_noises(statistics, fields=kind == "fields")
        _draw(panel, values, (paper or {}).get(kind, {}))
        label_axis(panel.xaxis, names)
        panel.set(xlabel="label", ylabel=unit)
        tidy(panel)
        letter(panel, mark, "Boolean" if kind == "boolean" else "fields")
    handles, texts = axes[0].get_legend_handles_labels()
    figure.legend(
        handles, texts, loc="outside lower center", ncols=4, fontsize=SMALL, frameon=False
    )
    return figure


def _draw(panel: Axes, values: Mapping[str, np.ndarray], paper: Mapping[str, float]) -> None:
    from matplotlib.lines import Line2D

    positive = np.concatenate([v[v > 0] for v in values.values()])
    if positive.size:
        log_axis(panel, float(positive.min()), float(positive.max()))
    for name, text, colour, marker in _LINES:
        value = values[name]
        labels = np.arange(len(value))
        drawn, size = value > 0, label_marks(value)
        panel.plot(
            labels[drawn],
            value[drawn],
            marker,
            color=colour,
            markersize=size,
            label=text,
            mew=0,
        )
        lowest = np.full((~drawn).sum(), 0.01)
        panel.plot(
            labels[~drawn],
            lowest,
            "x",
            color=colour,
            markersize=3,
            transform=panel.get_xaxis_transform(),
        )
        if value.mean() > 0:
            panel.axhline(value.mean(), color=colour, linestyle="--", linewidth=0.8)
        if name in paper:
            panel.plot(
                1.02,
                paper[name],
                "<",
                color=colour,
                markerfacecolor="none",
                markersize=5,
                clip_on=False,
                transform=panel.get_yaxis_transform(),
            )
    if paper:
        hollow = Line2D([], [], color="0.3", marker="<", linestyle="", markerfacecolor="none")
        hollow.set_label("paper's average")
        panel.add_line(hollow)
    whole_labels(panel, value)


def _parts(stage: Stage, statistics: LabelStatistics) -> Iterator[AnalysisPart]:
    paper = stage.paper.label_means.get(stage.name)
    beside = " Hollow marks at the right: the paper's averages." if paper else ""
    yield Drawing(
        "label-noise",
        lambda: draw_label_noise(statistics, stage.names, paper),
        f"Signal, noise_I and noise_I + noise_E of each label of {stage.name}, dashed: averages "
        f"over labels; crosses: zero.{beside} A: counts of ones of clipped matrices. "
        "B: accumulated fields of the same elements.",
        "paper 2, Figure 2",
    )


ANALYSIS = Analysis("label_noise", Scope.STAGE, 2, lambda stage: stage.label_statistics, _parts)
