"""How all figures look: sizes of a paper's columns, colours for the colour-blind too."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

if TYPE_CHECKING:  # Loading it takes a second, and most commands draw nothing.
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis
    from matplotlib.figure import Figure

# Okabe and Ito's.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
CLUSTER, NOISE, NOTHING = "#FFFFFF", "#F0E442", "#000000"
GREY = "#555555"
# Inches: one and two columns of a journal.
COLUMN, PAGE = 3.5, 7.2
# Points, at the size of print: of ticks and legends, of axis labels and titles.
SMALL, LARGE = 7, 8
MARKERS = "osD^vPX*"
# Points with bars of deviations, and hollow ones of a paper.
POINT: dict[str, Any] = {"markersize": 4, "linewidth": 1}
BARS: dict[str, Any] = {"capsize": 2, "elinewidth": 0.8, **POINT}
HOLLOW: dict[str, Any] = {"markersize": 4, "markerfacecolor": "white", "linewidth": 0.8}
# Up to so many labels are named on an axis; more are numbered.
MOST_NAMES = 12


def new_figure(
    width: float = COLUMN, height: float = 2.6, *, square: bool = False, **subplots: Any
) -> tuple[Figure, Any]:
    """A figure that no window is opened for, and that notebooks show.

    Args:
        width: `float`. Inches. Defaults to a journal's column.
        height: `float`. Inches.
        square: `bool`, default False. Whether panels are images of equal sides.
        subplots: as of `matplotlib.figure.Figure.subplots`.

    Returns:
        The figure and its axes.
    """
    from sfp_keras.reports.inline_figure import InlineFigure

    layout: Literal["compressed", "constrained"] = "compressed" if square else "constrained"
    figure = InlineFigure(figsize=(width, height), dpi=300, layout=layout)
    return figure, figure.subplots(**subplots)


def panels(count: int, columns: int, height: float, **subplots: Any) -> tuple[Figure, list[Axes]]:
    """A figure of a page's width with a panel a stage; the last row may be shorter.

    Args:
        count: `int`. Panels.
        columns: `int`. Panels in a row, at most.
        height: `float`. Inches a row.
        subplots: as of `new_figure`.

    Returns:
        The figure and its panels, row by row.
    """
    columns = min(columns, count)
    rows = math.ceil(count / columns)
    width = PAGE if columns > 1 else COLUMN
    figure, grid = new_figure(
        width, height * rows, nrows=rows, ncols=columns, squeeze=False, **subplots
    )
    axes = list(grid.flat)
    for unused in axes[count:]:
        unused.remove()
    return figure, axes[:count]


def label_outer(panel: Axes, x: str, y: str, place: int, count: int, columns: int) -> None:
    """Label axes at the left and at the bottom only, where panels share them."""
    if place % columns == 0:
        panel.set_ylabel(y)
    if place + columns >= count:
        panel.set_xlabel(x)
        panel.tick_params(labelbottom=True)


def tidy(axes: Axes) -> None:
    """Small type, a light grid, no frame above and to the right."""
    axes.tick_params(labelsize=SMALL)
    axes.xaxis.label.set_fontsize(LARGE)
    axes.yaxis.label.set_fontsize(LARGE)
    axes.title.set_fontsize(LARGE)
    axes.grid(alpha=0.25, linewidth=0.5)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)


def letter(axes: Axes, text: str, title: str = "") -> None:
    """Mark a panel as A, B, C, with a short title behind it, drawn as it is."""
    shown = f"{text}   {title}".rstrip()
    axes.set_title(shown, loc="left", fontsize=LARGE, parse_math=False)


def legend_below(
    figure: Figure,
    handles: Sequence[Any],
    texts: Sequence[str],
    columns: int,
    *,
    fontsize: float = SMALL,
    parse_math: bool = True,
) -> None:
    """A legend below all panels, in fewer columns where it would be wider than the figure.

    Args:
        figure: `Figure`.
        handles: what stands for each curve.
        texts: the name of each.
        columns: `int`. Columns at most.
        fontsize: `float`. Points.
        parse_math: `bool`, default True. Whether $ in a name begins a formula.
    """
    style: dict[str, Any] = {"loc": "outside lower center", "fontsize": fontsize}
    for ncols in range(max(1, min(columns, len(texts))), 0, -1):
        legend = figure.legend(handles, texts, ncols=ncols, frameon=False, **style)
        for text in legend.get_texts():
            text.set_parse_math(parse_math)
        if ncols == 1 or legend.get_window_extent().width <= figure.bbox.width:
            return
        legend.remove()


def log_axis(axes: Axes, low: float, high: float) -> None:
    """Make the y axis logarithmic, with plain numbers as ticks.

    Args:
        axes: `Axes`.
        low: `float`. The smallest positive value drawn.
        high: `float`. The largest.
    """
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    axes.set_yscale("log")
    few_decades = high < 100 * low
    axes.yaxis.set_major_locator(LogLocator(10, subs=(1, 2, 5) if few_decades else (1,)))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.yaxis.set_minor_formatter(NullFormatter())


def share_axis(axes: Axes, whole: float = 1.0) -> None:
    """Make the y axis one of shares: from 0, and never above the whole.

    Marks at its ends are drawn whole. Call it when all is drawn.

    Args:
        axes: `Axes`.
        whole: `float`. 100 for percent. Defaults to 1.
    """
    top = axes.get_ylim()[1]
    axes.set_ylim(0, whole if top > 0.85 * whole else top)
    for line in axes.lines:
        heights = np.asarray(line.get_ydata(), float)
        heights = heights[np.isfinite(heights)]
        # What is outside, such as the end of a deviation's bar, stays hidden.
        if heights.size and heights.min() >= 0 and heights.max() <= whole:
            line.set_clip_on(False)


def joined(values: Sequence[float] | np.ndarray | pd.Series, style: str = "-") -> str:
    """The line through points: none where there are two, through which any line goes.

    Args:
        values: their heights; those that are not finite are not drawn.
        style: `str`. As of matplotlib. Defaults to `"-"`.
    """
    return style if np.isfinite(np.asarray(values, float)).sum() > 2 else "none"


def whole_labels(axes: Axes, names: Sequence[Any] | np.ndarray) -> None:
    """Make the x axis that of the labels, from the first to the last and no further."""
    axes.set_xlim(-0.5 - 0.01 * len(names), len(names) - 0.5 + 0.01 * len(names))


def shown_name(name: str, longest: int = 18) -> str:
    """A label's name as it can be drawn: one line, without control characters, not too long."""
    clean = "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in str(name))
    return clean if len(clean) <= longest else clean[: longest - 1] + "…"


def number_of_labels_axis(axes: Axes) -> None:
    """Make the x axis the number of labels K, from zero."""
    from matplotlib.ticker import MaxNLocator

    axes.set_xlim(left=0)
    axes.xaxis.set_major_locator(MaxNLocator(6, integer=True))
    axes.set_xlabel("number of labels $K$")


def ordered_styles(count: int) -> list[dict[str, Any]]:
    """Colours of an order, dark to light, distinct for the colour-blind too, and markers."""
    import matplotlib

    colours = matplotlib.colormaps["viridis"](np.linspace(0, 0.85, count))
    return [
        {"color": colour, "marker": MARKERS[i % len(MARKERS)]} for i, colour in enumerate(colours)
    ]


def label_axis(axis: Axis, names: Sequence[str]) -> None:
    """Name labels on an axis where they are few; number them from 0 where they are many.

    Args:
        axis: `Axis` whose positions 0, 1, ... are the labels.
        names: K names; names of strangers, drawn as they are and never read as formulas.
    """
    from matplotlib.axis import XAxis
    from matplotlib.ticker import MaxNLocator

    if len(names) > MOST_NAMES:
        axis.set_major_locator(MaxNLocator(5, integer=True))
        return
    shown = [shown_name(name, 12) for name in names]
    turned = 90 if isinstance(axis, XAxis) and max(map(len, shown)) > 2 else 0
    axis.set_ticks(range(len(names)), shown, parse_math=False, rotation=turned)
    axis.set_tick_params(labelsize=SMALL)


def label_marks(values: Sequence[float] | np.ndarray) -> float:
    """Size of marks in points, one a label: larger where they are few."""
    return 5 if len(values) <= MOST_NAMES else 2.5


def height_for(names: Sequence[str], height: float) -> float:
    """The height of a figure with room for names below its panels, where they are named."""
    if len(names) > MOST_NAMES:
        return height
    return height + 0.06 * max(min(len(name), 12) for name in names)
