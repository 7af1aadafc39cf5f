"""AFCC between layers beside its controls: what each link loses, and what training gives back."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pandas as pd
from rich.console import Console

from sfp_keras.analyses.analysis import Analysis, AnalysisPart, Drawing, Scope, Tabled
from sfp_keras.analyses.subjects import Run
from sfp_keras.reports import Column, ReportTable, print_table
from sfp_keras.reports.style import (
    BARS,
    PAGE,
    SMALL,
    joined,
    letter,
    new_figure,
    shown_name,
    tidy,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_SUMMED = ("place", "kept", "total", "share", "expected_share")
_ACCURACIES = ("accuracy_before", "accuracy_zeroed", "accuracy_after")
_KINDS = ("how", "links", "start", "variant", "clusters_from", "threshold")
_WAY = ["start", "clusters_from", "threshold"]
# A mark for each variant.
_MARKS = "os^vDPX*<h"
# Links of one row of panels.
_ROW = 8
_SPREAD = (Column("accuracy_after_std", "± std", ".4f"), Column("seeds", "seeds", "d"))
_HOW = {
    "alone": "each link alone",
    "sequence": "links one after another from the output side",
    "together": "all links at once",
}


def summarise_links(results: pd.DataFrame) -> pd.DataFrame:
    """Mean and standard deviation over seeds.

    Args:
        results: `DataFrame` with the columns of results.csv, of any links.

    Returns:
        A row for each kind of training: what distinguishes it, `seeds`, means of the numbers, and
        `<accuracy>_std` (of a sample, so NaN for one seed).
    """
    rows = []
    for kind, group in results.groupby(list(_KINDS), sort=False):
        row: dict[str, Any] = dict(zip(_KINDS, kind, strict=True))
        row["seeds"] = len(group)
        for name in (*_SUMMED, *_ACCURACIES):
            row[name] = group[name].astype(float).mean()
        for name in _ACCURACIES:
            row[f"{name}_std"] = group[name].astype(float).std()
        rows.append(row)
    return pd.DataFrame(rows)


def links_table(summary: pd.DataFrame, how: str) -> ReportTable:
    """The links that are zeroed in one way, with all that was trained.

    Args:
        summary: `DataFrame` of `summarise_links`.
        how: `str`. `alone`, `sequence` or `together`.
    """
    from sfp_keras.afcc import LINK_VARIANTS

    mine = summary[summary["how"] == how]
    several = len(set(mine["start"])) > 1 or "scratch" in set(mine["start"])
    columns = [
        Column("link", "link"),
        Column("title", "kept"),
        *([Column("start", "weights")] if several else []),
        Column("clusters_from", "clusters of"),
        Column("threshold", "threshold", "g"),
        Column("share", "share", ".1%", "Share of the weights that is kept."),
        Column(
            "expected_share",
            "by chance",
            ".1%",
            "Share that label sets of the same sizes keep if they are drawn at random.",
        ),
        Column("accuracy_before", "before", ".4f"),
        Column("accuracy_zeroed", "zeroed", ".4f"),
        Column("accuracy_after", "after", ".4f"),
        *(_SPREAD if mine["seeds"].max() > 1 else []),
    ]
    rows = [
        {
            **row,
            "link": link_name(how, row["links"]),
            "title": LINK_VARIANTS[row["variant"]].title,
            "threshold": row["threshold"] if row["clusters_from"] else None,
            "kept": round(row["kept"]),
            "total": round(row["total"]),
        }
        for row in mine.to_dict("records")
    ]
    note = (
        "Test accuracies: of the network before, just after zeroing, and after fine-tuning; means "
        "over seeds."
    )
    if "random_afcc" in set(mine["variant"]):
        note += (
            " Of 100 labels, 5 a filter, Random AFCC of arXiv:2501.12880 keeps 5% of the link to "
            "the labels and 23% of the others."
        )
    return ReportTable(f"AFCC between layers, {_HOW[how]}", columns, rows, note=note)


def print_links(results: pd.DataFrame, console: Console) -> None:
    """Print what was trained.

    Args:
        results: `DataFrame` with the columns of results.csv.
        console: `rich.console.Console`.
    """
    summary = summarise_links(results)
    for how in _hows(summary):
        print_table(links_table(summary, how), console)


def links_figure(summary: pd.DataFrame) -> Figure:
    """Draw accuracies just after zeroing and after training, variants side by side at each link.

    Args:
        summary: rows of `summarise_links` of one `how`, in the order of the axis.

    Returns:
        A figure of a page's width.
    """
    from sfp_keras.afcc import LINK_VARIANTS

    links = list(dict.fromkeys(summary["links"]))
    parts = [links[i : i + _ROW] for i in range(0, len(links), _ROW)]
    figure, grid = new_figure(
        PAGE, 0.7 + 3.4 * len(parts), nrows=2 * len(parts), squeeze=False, sharey=False
    )
    panels = list(grid.flat)
    variants = [name for name in LINK_VARIANTS if name in set(summary["variant"])]
    for place, part in enumerate(parts):
        for panel, column, title in zip(
            panels[2 * place : 2 * place + 2],
            ("accuracy_zeroed", "accuracy_after"),
            ("just after zeroing", "after training"),
            strict=True,
        ):
            _draw(panel, summary[summary["links"].isin(part)], part, variants, column)
            letter(panel, "AB"[column == "accuracy_after"] if place == 0 else "", title)
    handles, names = panels[1].get_legend_handles_labels()
    style: dict[str, Any] = {
        "loc": "outside lower center",
        "ncols": 4,
        "fontsize": SMALL,
        "frameon": False,
    }
    figure.legend(handles, names, **style)
    return figure


def _draw(
    panel: Axes, rows: pd.DataFrame, links: list[str], variants: list[str], column: str
) -> None:
    from sfp_keras.afcc import LINK_VARIANTS

    how = rows["how"].iloc[0]
    step = 0.7 / max(1, len(variants) - 1)
    for number, name in enumerate(variants):
        mine = rows[rows["variant"] == name].set_index("links")
        places = [i for i, link in enumerate(links) if link in mine.index]
        values = mine.loc[[links[i] for i in places]]
        variant = LINK_VARIANTS[name]
        panel.errorbar(
            [place - 0.35 + number * step for place in places],
            values[column],
            values[f"{column}_std"].fillna(0.0),
            color=variant.colour,
            marker=mark_of(name),
            linestyle=joined(values[column], ":") if how == "sequence" else "none",
            label=variant.title,
            **BARS,
        )
    before = float(rows["accuracy_before"].mean())
    panel.axhline(before, color="black", linewidth=0.8, linestyle="--", label="before")
    shares = rows[rows["variant"] == "clusters"].groupby("links")["share"].mean()
    shown = [
        shown_name(link_name(how, link)) + (f"\n{shares[link]:.1%} kept" if link in shares else "")
        for link in links
    ]
    panel.set_xticks(range(len(links)), shown, parse_math=False)
    panel.set_xlim(-0.5, len(links) - 0.5)
    panel.set_ylabel("test accuracy")
    panel.ticklabel_format(axis="y", useOffset=False)
    tidy(panel)
    panel.grid(visible=False, axis="x")


def mark_of(variant: str) -> str:
    """The mark of a variant in figures."""
    from sfp_keras.afcc import LINK_VARIANTS

    return _MARKS[[*LINK_VARIANTS].index(variant) % len(_MARKS)]


def link_name(how: str, links: str) -> str:
    """A link, or the one that a sequence zeroes last, or how many there are."""
    if how == "alone":
        return links  # Its name may hold spaces.
    names = links.split(" ")
    if how == "together" and len(names) > 3:
        return f"{len(names)} links"
    if how == "together":
        return ", ".join(names)
    return f"+ {names[-1]}" if len(names) > 1 else names[-1]


def _hows(summary: pd.DataFrame) -> list[str]:
    return [how for how in _HOW if (summary["how"] == how).any()]


def _with_first(summary: pd.DataFrame, how: str) -> pd.DataFrame:
    """The rows of one way; a sequence begins with the rows of its first link alone."""
    mine = summary[summary["how"] == how].sort_values("place", kind="stable")
    if how == "sequence":
        first = {links.split(" ")[0] for links in mine["links"]}
        alone = summary[(summary["how"] == "alone") & summary["links"].isin(first)]
        # The link alone may have been trained in more ways than the sequence.
        ways = set(mine[_WAY].itertuples(index=False, name=None))
        starts = {start for start, _, _ in ways}
        went_on = [
            way in ways or (way[1] == "" and way[0] in starts)
            for way in alone[_WAY].itertuples(index=False, name=None)
        ]
        alone = alone[went_on]
        mine = pd.concat([alone, mine], ignore_index=True)
        mine["how"] = how
        return mine.sort_values("links", key=lambda of: of.str.count(" "), kind="stable")
    return mine


def _parts(run: Run, summary: pd.DataFrame) -> Iterator[AnalysisPart]:
    for how in _hows(summary):
        mine = _with_first(summary, how)
        yield Tabled(f"links-{how}", links_table(mine, how))
        for start, images, threshold in _drawn(mine):
            of_kind = (mine["clusters_from"] == "") | (
                (mine["clusters_from"] == images) & (mine["threshold"] == threshold)
            )
            rows = mine[of_kind & (mine["start"] == start)]
            words = f"{images} images, threshold {threshold:g}" if images else "no clusters"
            names = [f"links-{how}", "scratch" if start == "scratch" else "", images]
            yield Drawing(
                "-".join([*filter(None, names), f"{threshold:g}"]),
                functools.partial(links_figure, rows),
                f"Test accuracy, {_HOW[how]} (clusters of {words}): A, just after weights are "
                "zeroed; B, after "
                + ("training from scratch" if start == "scratch" else "fine-tuning")
                + "; dashed, of the network before. Below each link is the share of its weights "
                "that AFCC keeps; the published script and Random AFCC keep other shares. Bars are "
                "standard deviations over seeds.",
                counterpart="arXiv:2501.12880",
            )


def _drawn(rows: pd.DataFrame) -> list[tuple[str, str, float]]:
    """Start, images and threshold of each figure."""
    of_clusters = rows[rows["clusters_from"] != ""]
    kinds = of_clusters if len(of_clusters) else rows
    return list(kinds[_WAY].drop_duplicates().itertuples(index=False, name=None))


ANALYSIS = Analysis(
    "zeroed_links",
    Scope.LINKS,
    1,
    lambda run: None if run.links.empty else summarise_links(run.links),
    _parts,
)
