"""The papers' layer table, and the same against depth."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from sfp_keras.analyses.analysis import Analysis, AnalysisPart, Drawing, Scope, Tabled
from sfp_keras.analyses.depth_panels import PANELS, draw_bars, draw_line, scale_panel
from sfp_keras.analyses.subjects import Run
from sfp_keras.papers import PaperNumbers
from sfp_keras.reports import Intervals, layer_table
from sfp_keras.reports.style import (
    COLOURS,
    GREY,
    PAGE,
    legend_below,
    letter,
    new_figure,
    shown_name,
    tidy,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure


# Characters of a stage's name that are drawn.
_LONGEST = 20


def draw_layer_curves(
    layers: pd.DataFrame,
    paper: PaperNumbers | None = None,
    intervals: Intervals | None = None,
) -> Figure:
    """Draw a run's layer table against depth, the paper's numbers hollow beside it.

    Args:
        layers: `DataFrame` with the columns of layers.csv, of one threshold, input side first.
        paper: `PaperNumbers`, or None. They are of the test set and of threshold 0.3.
        intervals: dict from stage and split to a dict from column to `Interval`, drawn as bars.
            Default: none.

    Returns:
        A figure of a page's width. Ratios that are infinite are left out.

    Source: paper 1, Figures 2B, 5A and 7; paper 2, Tables 1-6 and equations 1-4.
    """
    stages = list(dict.fromkeys(map(str, layers["stage"])))
    numbers = _numbers(stages)
    names = [shown_name(stage, _LONGEST) for stage in stages]
    room = 0.0 if numbers else 0.06 * max(map(len, names))
    figure, grid = new_figure(PAGE, 4.2 + room, nrows=2, ncols=3)
    for mark, panel, (column, text) in zip("ABCDEF", grid.flat, PANELS, strict=True):
        for (split, rows), colour in zip(
            layers.groupby("split", sort=False), COLOURS, strict=False
        ):
            places = [stages.index(str(stage)) for stage in rows["stage"]]
            values = rows[column].astype(float).to_numpy()
            draw_line(panel, places, values, "-", color=colour, marker="o", label=f"{split} images")
            if intervals:
                found = [intervals.get((str(s), str(split)), {}) for s in rows["stage"]]
                draw_bars(panel, places, [one.get(column) for one in found], colour)
        if paper and paper.layers:
            theirs = _paper_values(paper, stages, column)
            style = {"markerfacecolor": "white", "marker": "s", "label": paper.layers.source.paper}
            draw_line(panel, range(len(stages)), theirs, "--", color=GREY, **style)
        scale_panel(panel, column)
        panel.set(ylabel=text)
        panel.set_xlim(-0.4, len(stages) - 0.6)
        if numbers:
            kind, ticks = numbers
            panel.set_xticks(range(len(stages)), ticks)
            panel.set_xlabel(kind)
        else:
            # Names are long: once, below the panels of the last row.
            is_last = panel in grid[-1]
            panel.set_xticks(range(len(stages)), names, rotation=90, parse_math=False)
            panel.tick_params(labelbottom=is_last)
        tidy(panel)
        letter(panel, mark)
    handles, texts = grid.flat[0].get_legend_handles_labels()
    if len(texts) > 1:
        legend_below(figure, handles, texts, 3)
    return figure


def _paper_values(paper: PaperNumbers, stages: list[str], column: str) -> np.ndarray:
    rows = [paper.layer_row(stage) or {} for stage in stages]
    return np.array([row.get(column, np.nan) for row in rows], float)


def _numbers(stages: list[str]) -> tuple[str, list[str]] | None:
    """What stages called layer2, layer4 or stage1 are, and their numbers; else `None`."""
    numbered = [re.fullmatch(r"(layer|stage)(\d+)", stage) for stage in stages]
    kinds = {match[1] for match in numbered if match}
    if len(kinds) != 1 or not all(numbered):
        return None
    return kinds.pop(), [match[2] for match in numbered if match]


def _parts(run: Run, rows: pd.DataFrame) -> Iterator[AnalysisPart]:
    for split in run.splits:
        of_split = rows[rows["split"] == split.name]
        yield Tabled(
            f"{split.name}-layers", layer_table(of_split, split.name, split.paper, run.intervals)
        )
    paper = next((split.paper for split in run.splits if split.paper.layers), PaperNumbers())
    hollow = f" Hollow: {paper.layers.source}." if paper.layers else ""
    bars = ""
    if run.intervals:
        bars = " Bars: 95% intervals over the images; one without an upper end ends at infinity."
    yield Drawing(
        "layer-curves",
        lambda: draw_layer_curves(rows, paper, run.intervals),
        "Against depth: A: accuracy of the head. B: noise n, elements of a filter's clipped matrix "
        "that lie in no cluster. C: clusters of a filter N_c. D: labels of a cluster C_s. E and F: "
        "signal-to-noise ratios SNR_I and SNR_E; infinite ones are left out."
        f"{hollow}{bars}",
        "paper 1, Figures 2B and 5A; paper 2, Tables 1-6",
    )


ANALYSIS = Analysis("layers", Scope.LAYERS, 1, lambda run: run.rows, _parts)
