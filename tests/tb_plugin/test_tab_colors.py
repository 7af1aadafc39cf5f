"""The tab and the report show the same thing in the same colour."""

import re

import matplotlib
import numpy as np

from sfp_keras.reports import style
from tb_plugin.static_files import FOLDER

TEXT = (FOLDER / "lib" / "colors.js").read_text()


def named(name):
    """The colours of a constant of colors.js."""
    declared = TEXT[TEXT.index(f"const {name} = ") :]
    return re.findall(r"#[0-9a-f]{6}", declared[: declared.index(";")])


def colormap(name, low, high, count):
    colours = matplotlib.colormaps[name](np.linspace(low, high, count))
    return [matplotlib.colors.to_hex(colour) for colour in colours]


def near(first, second):
    of = [np.array(matplotlib.colors.to_rgb(colour)) for colour in (first, second)]
    return np.abs(of[0] - of[1]).max() <= 2 / 255


def test_colours_are_those_of_the_report():
    expected = [colour.lower() for colour in style.COLOURS]
    assert named("LIGHT")[: len(expected)] == expected
    assert named("LIGHT")[-1] == style.GREY.lower()
    assert named("NOISE") == [style.NOISE.lower()]
    assert (style.CLUSTER, style.NOTHING) == ("#FFFFFF", "#000000")
    assert "WHITE = pack([255, 255, 255])" in TEXT
    assert "BLACK = pack([0, 0, 0])" in TEXT
    stages = [matplotlib.colors.to_hex(s["color"]) for s in style.ordered_styles(7)]
    assert named("DEPTH_LIGHT") == stages
    for shown, ours in zip(named("FIELDS"), colormap("RdBu_r", 0, 1, 11), strict=True):
        assert near(shown, ours)
    for name in ("styles/filter.css", "components/matrixlegend.js"):
        assert style.NOISE.lower() in (FOLDER / name).read_text()
