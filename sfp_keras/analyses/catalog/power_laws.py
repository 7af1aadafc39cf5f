"""Errors and noise against the number of filters, both logarithmic, with their power laws."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from sfp_keras.analyses.analysis import Analysis, AnalysisPart, Drawing, Scope, Tabled
from sfp_keras.analyses.subjects import Sweep
from sfp_keras.filters import LAYER_MEASURES
from sfp_keras.reports import Column, Paragraph, ReportTable, quantity_columns
from sfp_keras.reports.power_laws import (
    NETWORK,
    exponent_in_words,
    power_law,
    power_laws_in_words,
)
from sfp_keras.reports.style import (
    BARS,
    COLOURS,
    PAGE,
    SMALL,
    letter,
    log_axis,
    new_figure,
    ordered_styles,
    shown_name,
    tidy,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_OF_NETWORK = {"color": COLOURS[1], "marker": "o"}
# Wider sweeps have only some of their widths named at the axis.
_MOST_TICKS = 7


def draw_power_laws(members: pd.DataFrame, fits: pd.DataFrame) -> Figure:
    """Draw error and noise against width, and error against multiply-adds, logarithmic.

    Two widths have no line: any two points have one.

    Args:
        members: `DataFrame` with width, seed, stage, error, noise, network_error, operations.
        fits: `DataFrame` as of `fit_power_laws`.

    Returns:
        A `Figure` of a page's width: errors (A), noise of a filter (B), the network's error against
        its operations (C). Bands are `LineFit.band` of the logarithms.
    """
    figure, panels = new_figure(PAGE, 3.4, ncols=3)
    networks = members.drop_duplicates(["width", "seed"])
    stages = list(dict.fromkeys(members["stage"]))
    styles = dict(zip(stages, ordered_styles(len(stages)), strict=True))
    drawn: dict[str, list[tuple[str, dict[str, Any], pd.DataFrame]]] = {
        quantity: [
            (stage, styles[stage], _points(members[members["stage"] == stage], "width", quantity))
            for stage in stages
        ]
        for quantity in ("error", "noise")
    }
    drawn["error"].append((NETWORK, _OF_NETWORK, _points(networks, "width", "network_error")))
    titles = ("test error, 1 − accuracy", "noise $n$ of a filter")
    for axes, mark, (quantity, curves), title in zip(
        panels, "AB", drawn.items(), titles, strict=False
    ):
        for stage, style, points in curves:
            found = fits[(fits["quantity"] == quantity) & (fits["stage"] == stage)]
            _draw_power_law(axes, points, found.iloc[0], style)
        _finish(axes, mark, title, pd.concat([points for _, _, points in curves]))
        _width_axis(axes, sorted(members["width"].unique()))
    operations = _points(networks, "operations", "network_error")
    _draw_means(panels[2], operations, "operations", _OF_NETWORK, NETWORK)
    _finish(panels[2], "C", titles[0], operations)
    _operations_axis(panels[2])
    return figure


def _points(rows: pd.DataFrame, x: str, y: str) -> pd.DataFrame:
    """What can be drawn: x, seed and y, all above zero."""
    points = pd.DataFrame({x: rows[x], "y": rows[y].astype(float)}).astype(float)
    return points[(points > 0).all(axis=1)]


def _draw_power_law(
    axes: Axes, points: pd.DataFrame, fit: pd.Series, style: dict[str, Any]
) -> None:
    label = shown_name(str(fit["stage"]))
    law = points["width"].nunique() > 2
    if law:
        label += f", exponent {exponent_in_words(fit)}"
    _draw_means(axes, points, "width", style, label)
    if not law:
        return
    line = power_law(points)
    x = np.geomspace(points["width"].min(), points["width"].max(), 100)
    axes.plot(x, np.exp(line.at(np.log(x))), color=style["color"], linewidth=1)
    band = line.band(np.log(x))
    if np.isfinite(band).all():
        low, high = (np.exp(line.at(np.log(x)) + side * band) for side in (-1, 1))
        axes.fill_between(x, low, high, color=style["color"], alpha=0.12, linewidth=0)


def _draw_means(
    axes: Axes, points: pd.DataFrame, x: str, style: dict[str, Any], label: str
) -> None:
    """Single seeds small, and their means with deviations."""
    y = points.groupby(x)["y"]
    small: dict[str, Any] = {"markersize": 2.5, "alpha": 0.4, "markeredgewidth": 0}
    axes.plot(points[x], points["y"], linestyle="none", **style, **small)
    bars = {**BARS, "linestyle": "none", "markersize": 3.5, "label": label}
    axes.errorbar(y.mean().index, y.mean(), y.std().fillna(0), **style, **bars)


def _finish(axes: Axes, mark: str, title: str, points: pd.DataFrame) -> None:
    axes.set_ylabel(title)
    if not points.empty:
        log_axis(axes, points["y"].min(), points["y"].max())
    tidy(axes)
    letter(axes, mark)
    style: dict[str, Any] = {"loc": "upper center", "bbox_to_anchor": (0.5, -0.2)}
    axes.legend(**style, fontsize=SMALL - 1, frameon=False)


def _width_axis(axes: Axes, widths: list[int]) -> None:
    from matplotlib.ticker import NullFormatter, NullLocator

    axes.set_xscale("log")
    shown = widths[:: -(-len(widths) // _MOST_TICKS)]
    axes.set_xticks(shown, [str(width) for width in shown])
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.set_xlabel("filters of the first convolution")


def _operations_axis(axes: Axes) -> None:
    from matplotlib.ticker import EngFormatter, LogLocator, NullFormatter

    axes.set_xscale("log")
    low, high = axes.get_xlim()
    axes.xaxis.set_major_locator(LogLocator(10, subs=(1, 3) if high < 1000 * low else (1,)))
    axes.xaxis.set_major_formatter(EngFormatter(sep=""))
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.set_xlabel("multiply-adds for an image")


def exponents_table(fits: pd.DataFrame) -> ReportTable:
    """The power laws of the network and of all stages.

    Args:
        fits: `DataFrame` as of `fit_power_laws`.
    """
    columns = [
        Column("quantity", "quantity"),
        Column("stage", "stage"),
        Column("points", "points", "d"),
        Column("exponent", "exponent", ".3f"),
        Column("exponent_error", "± standard error", ".3f"),
        Column("exponent_low", "95% from", ".3f"),
        Column("exponent_high", "to", ".3f"),
        Column("amplitude", "amplitude", ".4g"),
        Column("amplitude_low", "95% from", ".4g"),
        Column("amplitude_high", "to", ".4g"),
        Column("exponent_mean", "exponent of seeds", ".3f"),
        Column("exponent_std", "± std", ".3f"),
    ]
    note = (
        "Least squares of the logarithms through all points: quantity = amplitude times width to "
        "the power of minus the exponent. The network's error is that of its own output, a "
        "stage's that of its head; noise is of a filter."
    )
    return ReportTable("Power laws of width", columns, fits.to_dict("records"), note=note)


def networks_table(summary: pd.DataFrame) -> ReportTable:
    """What networks of each width cost, and their error.

    Args:
        summary: `DataFrame` as of `summarise`.
    """
    columns = [
        Column("width", "width", "d"),
        Column("seeds", "seeds", "d"),
        Column("network_error", "error", ".4f"),
        Column("network_error_std", "± std", ".4f"),
        Column("parameters", "parameters", ",.0f"),
        Column("operations", "multiply-adds", ",.0f"),
    ]
    rows = _means(summary.drop_duplicates("width"))
    return ReportTable("Networks by width", columns, rows)


def stages_table(summary: pd.DataFrame) -> ReportTable:
    """Heads and filters of every stage, and whether the conservation law holds along them.

    Args:
        summary: `DataFrame` as of `summarise`.
    """
    measures = [q for q in LAYER_MEASURES if q.key in ("noise", "clusters", "cluster_size")]
    columns = [
        Column("width", "width", "d"),
        Column("stage", "stage"),
        Column("filters", "filters", ".0f"),
        Column("size_times_depth", "size times depth", ".1f"),
        Column("error", "error", ".4f"),
        Column("error_std", "± std", ".4f"),
        *quantity_columns(measures),
    ]
    note = (
        "Means over seeds. Size times depth is the square root of the outputs of a filter, as the "
        "stage's head has them, times the number of filters: equal along the layers where the "
        "conservation law of arXiv:2211.11106 holds."
    )
    return ReportTable("Stages by width", columns, _means(summary), note=note)


def _means(summary: pd.DataFrame) -> list[dict[Any, Any]]:
    return summary.rename(columns=lambda name: name.removesuffix("_mean")).to_dict("records")


def _parts(sweep: Sweep, fits: pd.DataFrame) -> Iterator[AnalysisPart]:
    yield Drawing(
        "power-laws",
        lambda: draw_power_laws(sweep.members, fits),
        "Test error (A) and noise of a filter (B) against the filters of the first convolution, to "
        "which those of all others are in proportion, and the network's error against its "
        "multiply-adds (C); all axes logarithmic. Small: single seeds; large: mean and standard "
        "deviation."
        + (
            " Lines: power laws, by least squares of the logarithms through all points, with the "
            "95% confidence bands and intervals of the lines."
            if sweep.members["width"].nunique() > 2
            else ""
        ),
        "arXiv:2211.11106",
    )
    for sentence in power_laws_in_words(fits, sweep.stage):
        yield Paragraph(sentence)
    yield Tabled("exponents", exponents_table(fits))
    yield Tabled("networks", networks_table(sweep.summary))
    yield Tabled("stages-over-width", stages_table(sweep.summary))


ANALYSIS = Analysis("power_laws", Scope.POWER_LAWS, 1, lambda sweep: sweep.fits, _parts)
