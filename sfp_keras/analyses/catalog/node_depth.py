"""Nodes of attention heads and of the other stages, apart, against depth."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

import pandas as pd

from sfp_keras.analyses.analysis import Analysis, AnalysisPart, Drawing, Scope
from sfp_keras.analyses.depth_panels import PANELS, draw_line, scale_panel
from sfp_keras.analyses.subjects import Split, Stage
from sfp_keras.reports.style import COLOURS, PAGE, SMALL, letter, new_figure, tidy

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def draw_node_depth(lines: Mapping[str, pd.DataFrame]) -> Figure:
    """Draw the layer table's numbers against blocks, a line for each kind of stage.

    Args:
        lines: dict from the kind to a `DataFrame` with the columns of layers.csv and `block`.

    Returns:
        A figure of a page's width. Ratios that are infinite are left out.

    Source: arXiv:2501.12900, after its abstract; equations 1-4 of paper 2.
    """
    from matplotlib.ticker import MaxNLocator

    figure, grid = new_figure(PAGE, 4.2, nrows=2, ncols=3)
    most = max(rows["block"].max() for rows in lines.values())
    for mark, panel, (column, text) in zip("ABCDEF", grid.flat, PANELS, strict=True):
        for (kind, rows), colour, marker in zip(lines.items(), COLOURS, "os", strict=False):
            values = rows[column].astype(float).to_numpy()
            style = {"color": colour, "marker": marker, "label": kind}
            draw_line(panel, rows["block"].tolist(), values, "-", **style)
        scale_panel(panel, column)
        panel.set(ylabel=text.replace("a filter", "a node"))
        panel.set_xlim(0.6, most + 0.4)
        panel.xaxis.set_major_locator(MaxNLocator(8, integer=True, min_n_ticks=1))
        if panel in grid[-1]:
            panel.set_xlabel("block")
        tidy(panel)
        letter(panel, mark)
    handles, texts = grid.flat[0].get_legend_handles_labels()
    figure.legend(
        handles, texts, loc="outside lower center", ncols=2, fontsize=SMALL, frameon=False
    )
    return figure


def lines_of(split: Split) -> dict[str, pd.DataFrame] | None:
    """The stages of attention heads, and the last of the other stages of each block.

    A block begins with its heads. What comes before the first is no part of a block.

    Args:
        split: `Split`.

    Returns:
        Lines of `draw_node_depth`; `None` with fewer than two blocks.
    """
    heads: dict[int, Stage] = {}
    others: dict[int, Stage] = {}
    for stage in split.stages:
        if stage.heads:
            heads[len(heads) + 1] = stage
        elif heads:
            others[len(heads)] = stage
    if len(heads) < 2:
        return None
    kinds = {"attention heads": heads}
    if others:
        feed_forward = all("ff" in stage.name for stage in others.values())
        kinds["feed-forward" if feed_forward else "other stages"] = others
    return {
        kind: pd.DataFrame([{"block": block, **one.row} for block, one in stages.items()])
        for kind, stages in kinds.items()
    }


def _parts(split: Split, lines: Mapping[str, pd.DataFrame]) -> Iterator[AnalysisPart]:
    kinds = " and ".join(f"{kind} ({', '.join(rows['stage'])})" for kind, rows in lines.items())
    yield Drawing(
        "node-depth",
        lambda: draw_node_depth(lines),
        f"Single nodes of {kinds}, against the number of the block. A: accuracy of the head. B: "
        "noise n. C: clusters of a node N_c. D: labels of a cluster C_s. E and F: signal-to-noise "
        "ratios SNR_I and SNR_E; infinite ones are left out.",
        "arXiv:2501.12900",
    )


ANALYSIS = Analysis("node_depth", Scope.CLUSTERS, 6, lines_of, _parts)
