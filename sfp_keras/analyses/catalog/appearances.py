"""How many clusters of a stage hold each label."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

import numpy as np

from sfp_keras.analyses.analysis import Analysis, AnalysisPart, Drawing, Scope
from sfp_keras.analyses.subjects import Split
from sfp_keras.reports.style import (
    COLOURS,
    LARGE,
    MOST_NAMES,
    label_outer,
    panels,
    shown_name,
    tidy,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def draw_appearances(
    appearances: Mapping[str, np.ndarray],
    paper: Mapping[str, float] | None = None,
) -> Figure:
    """Draw in how many clusters of a stage each label is, with the average dashed.

    Args:
        appearances: dict from stage to integers `(K,)`, input side first.
        paper: dict from stage to the paper's average; default None.

    Returns:
        A figure of a page's width, a panel a stage.

    Source: paper 1, Figure 5B.
    """
    from matplotlib.ticker import MaxNLocator

    figure, axes = panels(len(appearances), 3, 1.6, sharex=True)
    for place, (panel, (stage, counts)) in enumerate(zip(axes, appearances.items(), strict=True)):
        if len(counts) <= MOST_NAMES:
            panel.bar(np.arange(len(counts)), counts, color=COLOURS[0], width=0.8)
        else:
            edges = np.arange(len(counts) + 1) - 0.5
            panel.stairs(counts, edges, fill=True, color=COLOURS[0])
        mean = counts.mean()
        panel.axhline(mean, color=COLOURS[1], linestyle="--", linewidth=1)
        theirs = (paper or {}).get(stage)
        beside = f", paper {theirs:g}" if theirs is not None else ""
        panel.set_title(
            f"{shown_name(stage)}:  mean {mean:.1f}{beside}", fontsize=LARGE, parse_math=False
        )
        panel.xaxis.set_major_locator(MaxNLocator(5, integer=True))
        panel.yaxis.set_major_locator(MaxNLocator(4, integer=True))
        panel.set_xlim(-0.6, len(counts) - 0.4)
        panel.set_ylim(bottom=0)
        label_outer(panel, "label", "clusters with it", place, len(axes), 3)
        tidy(panel)
        panel.grid(axis="x", visible=False)
    return figure


def _parts(split: Split, appearances: Mapping[str, np.ndarray]) -> Iterator[AnalysisPart]:
    yield Drawing(
        "appearances",
        lambda: draw_appearances(appearances, split.paper.fields.column("appearances")),
        "Number of clusters of a stage that hold each label; dashed: the average.",
        "paper 1, Figure 5B",
    )


ANALYSIS = Analysis(
    "appearances",
    Scope.CLUSTERS,
    2,
    lambda split: {stage.name: stage.label_statistics.appearances for stage in split.stages},
    _parts,
)
