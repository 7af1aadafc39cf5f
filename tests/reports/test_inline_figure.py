"""Figures in a notebook."""

import io

from PIL import Image

from sfp_keras.reports import save_figure
from sfp_keras.reports.style import new_figure


def test_a_figure_shows_itself_and_can_be_saved_after(tmp_path):
    figure, axes = new_figure(3, 2)
    axes.plot([1, 2], [3, 4])
    picture, size = figure._repr_png_()
    assert size == {"width": 288, "height": 192}
    with Image.open(io.BytesIO(picture)) as image:
        assert image.size == (600, 400)
    png, _ = save_figure(figure, tmp_path / "figure")
    with Image.open(png) as image:
        assert image.size == (900, 600)
