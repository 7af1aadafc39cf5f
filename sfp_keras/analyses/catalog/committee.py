"""Several networks that vote: their accuracy, the committee's gain, how often they agree."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from sfp_keras.analyses.analysis import Analysis, AnalysisPart, Drawing, Scope, Tabled
from sfp_keras.analyses.subjects import Committee
from sfp_keras.reports import Column, ReportTable
from sfp_keras.reports.style import BARS, COLOURS, GREY, PAGE, SMALL, letter, new_figure, tidy

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Cells of the agreement carry numbers up to so many members.
_MOST_NUMBERS = 8
_LONGEST_NAME = 24


def member_table(committee: Committee) -> ReportTable:
    """The members, and their accuracy."""
    columns = [
        Column("member", "member"),
        Column("model", "network"),
        Column("seed", "seed", "d"),
        Column("accuracy", "accuracy", ".4f"),
        Column("accuracy_error", "±", ".4f", "Standard error over the test images"),
    ]
    return ReportTable("Members", columns, committee.members.to_dict("records"))


def vote_table(committee: Committee) -> ReportTable:
    """Accuracy of the committee, and its gain over the mean and the best member."""
    error = "Standard error over the test images, of the difference image by image"
    columns = [
        Column("vote", "vote"),
        Column("accuracy", "accuracy", ".4f"),
        Column("accuracy_error", "±", ".4f", "Standard error over the test images"),
        Column("mean_member", "mean member", ".4f"),
        Column("gain_over_mean", "gain", "+.4f", "Accuracy above that of the members on average"),
        Column("gain_over_mean_error", "±", ".4f", error),
        Column("gain_over_best", "over the best", "+.4f", "Accuracy above that of the best member"),
        Column("gain_over_best_error", "±", ".4f", error),
        Column("tied", "ties", ".4f", "Share of images for which labels have equally many votes"),
    ]
    note = (
        "Soft vote: the label of the largest mean probability. Hard vote: the label that most "
        "members choose, ties by mean probability. The best member is chosen by the same images, "
        "whose luck favours it."
    )
    return ReportTable("Committee", columns, committee.votes.to_dict("records"), note=note)


def agreement_table(committee: Committee) -> ReportTable:
    """How often each two members choose the same label."""
    columns = [
        Column("member", "member"),
        Column("other", "other"),
        Column("agreement", "agreement", ".4f"),
        Column("agreement_error", "±", ".4f", "Standard error over the test images"),
    ]
    return ReportTable("Agreement of members", columns, committee.agreement.to_dict("records"))


def draw_committee(committee: Committee) -> Figure:
    """Draw the accuracies of members and votes, and the agreement of each two members.

    Args:
        committee: `Committee`.

    Returns:
        A `Figure` of a page's width.
    """
    count = len(committee.members)
    height = max(2.2, 0.22 * (count + 4))
    figure, (left, right) = new_figure(PAGE, height, ncols=2, width_ratios=[1.25, 1])
    _draw_accuracies(left, committee)
    _draw_agreement(right, committee)
    letter(left, "A")
    letter(right, "B")
    return figure


def _draw_accuracies(axes: Axes, committee: Committee) -> None:
    members, votes = committee.members, committee.votes
    mean = votes.head(1)
    groups: list[tuple[list[str], pd.Series, pd.Series, str]] = [
        (_short(members["member"]), members["accuracy"], members["accuracy_error"], GREY),
        (["mean member"], mean["mean_member"], mean["mean_member_error"], COLOURS[0]),
        (
            [f"{vote} vote" for vote in votes["vote"]],
            votes["accuracy"],
            votes["accuracy_error"],
            COLOURS[1],
        ),
    ]
    names: list[str] = []
    for of_group, values, errors, colour in groups:
        places = np.arange(len(names), len(names) + len(of_group))
        axes.errorbar(values, places, xerr=errors.fillna(0), fmt="o", color=colour, **BARS)
        names += of_group
    axes.set_yticks(range(len(names)), names, parse_math=False)
    axes.invert_yaxis()
    axes.set_xlabel("test accuracy")
    tidy(axes)


def _draw_agreement(axes: Axes, committee: Committee) -> None:
    names = list(committee.members["member"])
    matrix = np.full((len(names), len(names)), np.nan)
    for row in committee.agreement.itertuples():
        first, second = names.index(row.member), names.index(row.other)
        matrix[first, second] = matrix[second, first] = row.agreement
    shown = axes.imshow(matrix, cmap="viridis")
    low, high = float(np.nanmin(matrix)), float(np.nanmax(matrix))
    if len(names) <= _MOST_NUMBERS:
        for (i, j), value in np.ndenumerate(matrix):
            if np.isfinite(value):
                colour = "black" if value > (low + high) / 2 and high > low else "white"
                axes.text(
                    j, i, f"{value:.3f}", ha="center", va="center", fontsize=SMALL, color=colour
                )
    axes.set_yticks(range(len(names)), _short(pd.Series(names)), parse_math=False)
    axes.set_xticks(range(len(names)), [""] * len(names))
    axes.set_xlabel("member, in the same order")
    tidy(axes)
    axes.grid(visible=False)
    bar = axes.figure.colorbar(shown, ax=axes, shrink=0.9)
    bar.set_label("agreement", fontsize=SMALL)
    bar.ax.tick_params(labelsize=SMALL)


def _short(names: pd.Series) -> list[str]:
    """Names of members, of long ones the end, by which runs differ."""
    return [n if len(n) <= _LONGEST_NAME else f"…{n[1 - _LONGEST_NAME :]}" for n in names]


def _parts(committee: Committee, found: Committee) -> Iterator[AnalysisPart]:
    yield Drawing(
        "committee",
        lambda: draw_committee(found),
        "A: test accuracy of the members, of the members on average and of their committee, with "
        "standard errors over the test images. B: share of the test images for which two members "
        "choose the same label.",
        "arXiv:2506.23832",
    )
    yield Tabled("votes", vote_table(found))
    yield Tabled("members", member_table(found))
    yield Tabled("agreement", agreement_table(found))


ANALYSIS = Analysis("committee", Scope.COMMITTEE, 1, lambda committee: committee, _parts)
