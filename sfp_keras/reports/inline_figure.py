"""A figure that notebooks show without a magic line."""

from typing import Any

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from sfp_keras.reports.drawing import drawn

# Dots an inch of a picture in a notebook, and those of its screen.
_DOTS, _SCREEN = 200, 96


class InlineFigure(Figure):
    """A figure without a window, which a notebook shows where a cell ends with it.

    A kernel knows how to show figures only once `matplotlib.pyplot` is imported, and then shows
    them as large as they are in print; this one shows itself, of the size of a page.
    """

    def __init__(self, *arguments: Any, **more: Any):
        super().__init__(*arguments, **more)
        FigureCanvasAgg(self)

    def _ipython_display_(self) -> None:
        # Before the ways of showing a figure that pyplot registers, which come before `_repr_png_`.
        from IPython.display import display

        picture, size = self._repr_png_()
        data = {"image/png": picture, "text/plain": repr(self)}
        display(data, metadata={"image/png": size}, raw=True)

    def _repr_png_(self) -> tuple[bytes, dict[str, int]]:
        """The picture, and its size on the screen."""
        before = self.get_dpi()
        self.set_dpi(_DOTS)
        try:
            picture = drawn(self, "png")
        finally:
            self.set_dpi(before)
        width, height = (round(inches * _SCREEN) for inches in self.get_size_inches())
        return picture, {"width": width, "height": height}
