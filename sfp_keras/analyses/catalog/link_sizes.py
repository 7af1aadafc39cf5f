"""Accuracy against the share of weights that links keep, over thresholds of the clusters."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pandas as pd

from sfp_keras.analyses.analysis import Analysis, AnalysisPart, Drawing, Scope
from sfp_keras.analyses.catalog.zeroed_links import link_name, mark_of, summarise_links
from sfp_keras.analyses.subjects import Run
from sfp_keras.reports.style import (
    BARS,
    LARGE,
    label_outer,
    legend_below,
    panels,
    shown_name,
    tidy,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def sizes_figure(summary: pd.DataFrame) -> Figure:
    """Draw accuracy after training against the share of weights kept, a panel for each links.

    Args:
        summary: rows of `summarise_links` of one start, of several thresholds.

    Returns:
        A figure of a page's width, or of a column's where there is one panel.
    """
    from sfp_keras.afcc import LINK_VARIANTS

    kinds = list(summary.groupby(["how", "links"], sort=False))
    figure, axes = panels(len(kinds), 2, 2.2 if len(kinds) > 1 else 3.2)
    for place, (panel, ((how, links), rows)) in enumerate(zip(axes, kinds, strict=True)):
        for name, variant in LINK_VARIANTS.items():
            mine = rows[rows["variant"] == name].sort_values("share")
            if variant.of_clusters and len(mine):
                panel.errorbar(
                    100 * mine["share"],
                    mine["accuracy_after"],
                    mine["accuracy_after_std"].fillna(0.0),
                    color=variant.colour,
                    marker=mark_of(name),
                    label=variant.title,
                    **BARS,
                )
        panel.axhline(
            rows["accuracy_before"].mean(), color="black", linewidth=0.8, linestyle="--",
            label="before",
        )  # fmt: skip
        panel.set_xlim(left=0)
        panel.ticklabel_format(axis="y", useOffset=False)
        title = shown_name(link_name(str(how), str(links)), 40)
        panel.set_title(title, loc="left", fontsize=LARGE, parse_math=False)
        label_outer(panel, "weights kept (%)", "test accuracy", place, len(kinds), 2)
        tidy(panel)
    found = [panel.get_legend_handles_labels() for panel in axes]
    shown = {name: mark for marks, names in found for mark, name in zip(marks, names, strict=True)}
    legend_below(figure, list(shown.values()), list(shown), 4)
    return figure


def _several(run: Run) -> pd.DataFrame | None:
    """The rows of links that were zeroed at several thresholds; `None` where there are none."""
    if run.links.empty:
        return None
    summary = summarise_links(run.links)
    of_clusters = summary[summary["clusters_from"] != ""]
    kinds = of_clusters.groupby(["how", "links", "start", "clusters_from"], sort=False)
    found = [rows for _, rows in kinds if len(set(rows["threshold"])) > 1]
    return pd.concat(found) if found else None


def _parts(run: Run, summary: pd.DataFrame) -> Iterator[AnalysisPart]:
    for (start, images), rows in summary.groupby(["start", "clusters_from"], sort=False):
        scratch = start == "scratch"
        yield Drawing(
            f"link-sizes-{'scratch-' if scratch else ''}{images}",
            functools.partial(sizes_figure, rows),
            "Test accuracy after "
            + ("training from scratch" if scratch else "fine-tuning")
            + " against the share of the links' weights that is kept, at several thresholds of "
            f"the clusters of {images} images; dashed, of the network before. Bars are standard "
            "deviations over seeds.",
            counterpart="arXiv:2501.12880",
        )


ANALYSIS = Analysis("link_sizes", Scope.LINKS, 2, _several, _parts)
