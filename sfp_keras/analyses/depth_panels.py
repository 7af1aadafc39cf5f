"""Panels of the layer table's numbers against depth."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from sfp_keras.filters import Interval
from sfp_keras.reports.style import joined, log_axis, share_axis

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Columns of layers.csv with the text of their axes.
PANELS = (
    ("accuracy", "accuracy"),
    ("noise", "noise $n$ (elements a filter)"),
    ("clusters", "clusters a filter, $N_c$"),
    ("cluster_size", "cluster size $C_s$ (labels)"),
    ("snr_internal", "SNR$_I$"),
    ("snr_external", "SNR$_E$"),
)
# Above every axis, where what is drawn is cut off.
_BEYOND = 1e30
# A wider range than this is drawn on a logarithmic scale.
_WIDE = 20


def draw_line(
    panel: Axes, places: Sequence[int], values: np.ndarray, line: str, **style: object
) -> None:
    """Draw values against depth; infinite ones are left out."""
    shown = np.where(np.isfinite(values), values, np.nan)
    look = {"linewidth": 1, "markersize": 4, "linestyle": joined(shown, line), **style}
    panel.plot(places, shown, **look)  # type: ignore[arg-type]


def draw_bars(
    panel: Axes, places: Sequence[int], intervals: Sequence[Interval | None], colour: str
) -> None:
    """Draw 95% intervals at their places, to the upper edge where they end at infinity."""
    for place, one in zip(places, intervals, strict=True):
        if one is None or not math.isfinite(one.low) or math.isnan(one.high):
            continue
        panel.vlines(place, one.low, min(one.high, _BEYOND), colors=colour, linewidth=1)
        ends = [end for end in (one.low, one.high) if math.isfinite(end)]
        style = {"linestyle": "", "marker": "_", "markersize": 5, "color": colour}
        panel.plot([place] * len(ends), ends, **style)  # type: ignore[arg-type]


def scale_panel(panel: Axes, column: str) -> None:
    """Scale the y axis for what is drawn; call it when all is."""
    values = np.concatenate([line.get_ydata() for line in panel.lines])
    values = values[np.isfinite(values)]
    if not values.size:
        panel.set_yticks([])
        panel.text(0.5, 0.5, "nowhere finite", ha="center", transform=panel.transAxes)
    elif column == "accuracy":
        share_axis(panel)
    elif values.min() > 0 and values.max() / values.min() > _WIDE:
        log_axis(panel, values.min(), values.max())
    else:
        panel.set_ylim(0, 1.08 * values.max() or 1)
