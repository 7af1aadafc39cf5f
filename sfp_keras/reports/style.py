"""How all figures look: sizes of a paper's columns, colours that the colour-blind tell apart."""

import io
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from sfp_keras.files import write_whole

# Okabe and Ito's.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
CLUSTER, NOISE, NOTHING = "#FFFFFF", "#F0E442", "#000000"
GREY = "#555555"
# Inches: one and two columns of a journal.
COLUMN, PAGE = 3.5, 7.2
FORMATS = ("png", "svg")


def new_figure(width: float = COLUMN, height: float = 2.6, **subplots: Any) -> tuple[Figure, Any]:
    """A figure that no window is opened for.

    Args:
        width: `float`. Inches. Defaults to a journal's column.
        height: `float`. Inches.
        subplots: as of `matplotlib.figure.Figure.subplots`.

    Returns:
        The figure and its axes.
    """
    figure = Figure(figsize=(width, height), dpi=200, layout="constrained")
    FigureCanvasAgg(figure)
    return figure, figure.subplots(**subplots)


def tidy(axes: Axes) -> None:
    """Small type, a light grid, no frame above and to the right."""
    axes.tick_params(labelsize=7)
    axes.xaxis.label.set_size(8)
    axes.yaxis.label.set_size(8)
    axes.title.set_size(8)
    axes.grid(alpha=0.25, linewidth=0.5)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)


def save_figure(figure: Figure, path: Path) -> list[Path]:
    """Write a figure as PNG and SVG, each whole or not at all.

    Args:
        figure: `Figure`.
        path: `Path` without an ending.

    Returns:
        The files.
    """
    files = []
    for ending in FORMATS:
        data = io.BytesIO()
        # Without a date the same figure is the same file.
        figure.savefig(data, format=ending, metadata={"Date": None} if ending == "svg" else None)
        files.append(path.with_name(f"{path.name}.{ending}"))
        with write_whole(files[-1]) as file:
            file.write(data.getvalue())
    return files
