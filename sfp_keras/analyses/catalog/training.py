"""Training curves: of the network, and of the heads of its stages."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from sfp_keras.analyses.analysis import Analysis, AnalysisPart, Drawing, Scope
from sfp_keras.analyses.subjects import Run
from sfp_keras.reports import Paragraph
from sfp_keras.reports.style import (
    COLOURS,
    PAGE,
    SMALL,
    joined,
    legend_below,
    letter,
    new_figure,
    share_axis,
    shown_name,
    tidy,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def draw_training(curve: pd.DataFrame) -> Figure:
    """Draw loss and accuracies of phase 1.

    Args:
        curve: `DataFrame` with the columns of training.csv.

    Returns:
        A figure of a page's width.
    """
    figure, axes = new_figure(PAGE, 2.4, ncols=2)
    epochs = curve["epoch"] + 1
    axes[0].plot(epochs, curve["loss"], color=COLOURS[0], **_marks(curve))
    axes[0].set(ylabel="training loss")
    for column, text, colour, line in (
        ("accuracy", "training images", COLOURS[0], "-"),
        ("test_accuracy", "test images", COLOURS[1], "--"),
    ):
        axes[1].plot(epochs, curve[column], color=colour, label=text, **_marks(curve, line))
    axes[1].set(ylabel="accuracy")
    axes[1].legend(fontsize=SMALL, frameon=False)
    _finish(axes)
    return figure


def draw_heads(curves: Mapping[str, pd.DataFrame]) -> Figure:
    """Draw the loss and the test accuracy of each stage's head.

    Args:
        curves: dict from stage to a `DataFrame` with the columns of head.csv, input side first.

    Returns:
        A figure of a page's width; darker lines are nearer to the input.
    """
    import matplotlib

    figure, axes = new_figure(PAGE, 2.6, ncols=2)
    colours = matplotlib.colormaps["viridis"](np.linspace(0, 0.9, len(curves)))
    for (stage, curve), colour in zip(curves.items(), colours, strict=True):
        epochs = curve["epoch"] + 1
        axes[0].plot(epochs, curve["loss"], color=colour, **_marks(curve))
        axes[1].plot(
            epochs, curve["test_accuracy"], color=colour, label=shown_name(stage), **_marks(curve)
        )
    axes[0].set(ylabel="training loss")
    axes[1].set(ylabel="test accuracy")
    handles, texts = axes[1].get_legend_handles_labels()
    legend_below(figure, handles, texts, 6, parse_math=False)
    _finish(axes)
    return figure


def _marks(curve: pd.DataFrame, line: str = "-") -> dict:
    """Marks where epochs are few: a line through one point is not seen."""
    marks = {"marker": "o" if len(curve) < 20 else "", "markersize": 3}
    return {"linewidth": 1, "linestyle": joined(curve["epoch"], line), **marks}


def _finish(axes: np.ndarray) -> None:
    from matplotlib.ticker import MaxNLocator

    panel: Axes
    for mark, panel in zip("AB", axes, strict=True):
        panel.set_xlabel("epoch")
        panel.xaxis.set_major_locator(MaxNLocator(6, integer=True))
        panel.set_xlim(left=max(panel.get_xlim()[0], 0.5))
        panel.set_ylim(bottom=0)
        tidy(panel)
        letter(panel, mark)
    share_axis(axes[1])


def _parts(run: Run, training: pd.DataFrame | Paragraph) -> Iterator[AnalysisPart]:
    if isinstance(training, Paragraph):
        yield training
    else:
        figure = functools.partial(draw_training, training)
        yield Drawing("training", figure, "Training of the network (phase 1).", None)
    if run.heads:
        yield Drawing(
            "heads",
            lambda: draw_heads(run.heads),
            "Training of the heads (phase 2); dark: near the input.",
            None,
        )


ANALYSIS = Analysis(
    "training",
    Scope.TRAINING,
    1,
    lambda run: Paragraph("The network came trained.") if run.training is None else run.training,
    _parts,
)
