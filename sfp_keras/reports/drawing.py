"""Figures as files hold them."""

from __future__ import annotations

import io
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

from sfp_keras.files import write_whole

if TYPE_CHECKING:  # Loading it takes a second, and most commands draw nothing.
    from matplotlib.figure import Figure


def drawn(figure: Figure, form: str) -> bytes:
    """A figure as a file holds it.

    Args:
        figure: `Figure`.
        form: `"png"` or `"svg"`.
    """
    import matplotlib
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.backends.backend_svg import FigureCanvasSVG

    data, canvas = io.BytesIO(), figure.canvas
    with matplotlib.rc_context({"svg.hashsalt": "sfp_keras"}), warnings.catch_warnings():
        # Names may hold letters of scripts that the font lacks: boxes, and no failure.
        warnings.filterwarnings("ignore", "Glyph .* missing from")
        warnings.filterwarnings("ignore", "Matplotlib currently does not support .* natively")
        # The canvases' own methods: `savefig` draws everything once more to find its place.
        if form == "png":
            FigureCanvasAgg(figure).print_png(data)
        else:
            # Without a date and with a fixed salt the same figure is the same file.
            FigureCanvasSVG(figure).print_svg(data, metadata={"Date": None})
    figure.set_canvas(canvas)
    return data.getvalue()


def save_figure(figure: Figure, path: str | Path) -> list[Path]:
    """Write a figure as PNG and SVG, each whole or not at all.

    Args:
        figure: `Figure`.
        path: `str` or `Path`, without an ending.

    Returns:
        The files.
    """
    path = Path(path)
    files = []
    for form in ("png", "svg"):
        data = drawn(figure, form)
        # Arranging takes most of the time, and is the same for both.
        figure.set_layout_engine("none")
        files.append(path.with_name(f"{path.name}.{form}"))
        with write_whole(files[-1]) as file:
            file.write(data)
    return files
