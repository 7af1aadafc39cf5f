"""How the clusters of filters form, move and dissolve over the epochs of a training."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from sfp_keras.analyses.analysis import Analysis, AnalysisPart, Drawing, Scope, Tabled
from sfp_keras.analyses.subjects import Run
from sfp_keras.errors import InputError
from sfp_keras.file_names import file_name
from sfp_keras.filters import FollowedClusters
from sfp_keras.reports import Column, ReportTable
from sfp_keras.reports.style import (
    COLOURS,
    GREY,
    MARKERS,
    PAGE,
    SMALL,
    joined,
    letter,
    new_figure,
    share_axis,
    shown_name,
    tidy,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Rows of a map that have their labels' names.
_MOST_NAMED = 24
# Labels of which those that are never in a cluster are drawn too.
_MOST_LABELS = 12
_IN_NONE = "#EBEBEB"
_OF_PHASE = {
    "train": "the network",
    "train_stages": "the network, through heads trained for each measurement",
    "heads": "the head",
}
_BECOMES = (
    ("kept", ("kept",)),
    ("grown, shrunk or moved", ("grown", "shrunk", "moved")),
    ("born or split off", ("born", "split")),
    ("dissolved or merged", ("dissolved", "merged")),
)
_STABILITY = (
    ("label_stability", "labels", COLOURS[4]),
    ("cluster_stability", "clusters", COLOURS[5]),
    ("formed", "formed for good", GREY),
)
# What stability would be by chance.
_CHANCE = (
    ("label_chance", "labels by chance", COLOURS[4]),
    ("cluster_chance", "clusters by chance", COLOURS[5]),
)
_EPOCH = "epoch, counted from 0"


def draw_following(
    found: FollowedClusters, names: Sequence[str], filters: Sequence[int] = ()
) -> Figure:
    """Draw what becomes of a stage's clusters, and the clusters of some filters at every step.

    A: clusters that are kept, that change, that are born or split off, as shares of those of the
    step; that dissolve or merge, of those of the step before. B: stability of the labels and of
    the clusters of filters, dotted what it would be by chance, and the share of the last step's
    clusters that persist from then on.
    Then, of each filter, its labels by the steps: each cluster in one colour as long as it is the
    same, up to six; other clusters are grey.

    Example:

    ```python
    log = read_log("runs/mine/events/heads")
    clusters = {step: find_clusters(at) for step, at in log.stages["layer13"].items()}
    save_figure(draw_following(follow_clusters(clusters), log.labels), "following")
    ```

    Args:
        found: `FollowedClusters` of a stage.
        names: K names of labels.
        filters: numbers of the filters to draw. Default: `changing_filters(found)`.

    Returns:
        A figure of a page's width.

    Raises:
        InputError: if there is no such filter, or not a name for each label.
    """
    chosen = list(filters) or changing_filters(found)
    beyond = [one for one in chosen if not 0 <= one < found.num_filters]
    if beyond:
        raise InputError(f"`filters`: there is no filter {beyond[0]} of {found.num_filters}")
    if len(names) != found.life_id.shape[2]:
        raise InputError(f"`names`: {len(names)} names of {found.life_id.shape[2]} labels")
    shown = [shown_labels(found.life_id[:, one]) for one in chosen]
    most = max(map(len, shown), default=1)
    below = 0.5 + (0.13 if most <= _MOST_NAMED else 0.05) * min(most, 60)
    figure, whole = new_figure(PAGE, 2.3 + below)
    whole.remove()
    count = len(chosen)
    grid = figure.add_gridspec(2, 2 * count, height_ratios=(2.3, below))
    _draw_becoming(figure.add_subplot(grid[0, :count]), found)
    _draw_stability(figure.add_subplot(grid[0, count:]), found)
    for place, (one, labels) in enumerate(zip(chosen, shown, strict=True)):
        panel = figure.add_subplot(grid[1, 2 * place : 2 * place + 2])
        _draw_map(panel, found, one, labels, names)
        letter(panel, "CDEFGHIJKL"[place] if place < 10 else "", f"filter {one}")
    return figure


def changing_filters(found: FollowedClusters, count: int = 3) -> list[int]:
    """Filters of low, of middle and of high stability, as far as there are some with clusters.

    Args:
        found: `FollowedClusters` of a stage.
        count: `int`. Filters wanted: those at equal distances from the 10% to the 90% quantile of
            cluster stability, among filters that have a cluster at the last step.

    Returns:
        Their numbers, the least stable first.
    """
    columns = found.filter_columns()
    some = np.flatnonzero(columns["clusters"])
    ordered = some[np.argsort(columns["cluster_stability"][some], kind="stable")]
    if not ordered.size:
        return [0]
    places = np.rint(np.linspace(0.1, 0.9, count) * (ordered.size - 1)).astype(int)
    return ordered[np.unique(places)].tolist()


def shown_labels(life: np.ndarray) -> list[int]:
    """The labels of a filter's map, from above: by their clusters at the last step.

    Those in none stand below, by the step they were last in one. Of many labels, those that are
    never in a cluster are left out, as long as there are others.

    Args:
        life: array `(S, K)`, as of `FollowedClusters.life_id` of one filter.
    """
    steps, labels = life.shape
    there = life >= 0
    last = np.where(there[-1], life[-1], np.iinfo(np.int32).max)
    ended = np.argmax(there[::-1], axis=0)
    begun = np.where(there.any(axis=0), np.argmax(there, axis=0), steps)
    ended = np.where(there.any(axis=0), ended, steps)
    order = np.lexsort((np.arange(labels), begun, ended, last))
    some = [i for i in order.tolist() if labels <= _MOST_LABELS or there[:, i].any()]
    return some or order.tolist()[:_MOST_LABELS]


def _draw_becoming(panel: Axes, found: FollowedClusters) -> None:
    columns = found.step_columns()
    for (name, keys), colour, mark in zip(_BECOMES, COLOURS, MARKERS, strict=False):
        _line(panel, found.steps, sum(columns[key] for key in keys), name, colour, mark)
    _finish(panel, found.steps, "share of clusters")
    letter(panel, "A", "since the measurement before")


def _draw_stability(panel: Axes, found: FollowedClusters) -> None:
    columns = found.step_columns()
    for (key, name, colour), mark in zip(_STABILITY, MARKERS, strict=False):
        _line(panel, found.steps, columns[key], name, colour, mark)
    for key, name, colour in _CHANCE:
        panel.plot(found.steps, columns[key], ":", color=colour, label=name, linewidth=1)
    _finish(panel, found.steps, "stability")
    letter(panel, "B")


def _line(panel: Axes, steps: np.ndarray, values: Any, name: str, colour: str, mark: str) -> None:
    style: dict[str, Any] = {"color": colour, "marker": mark, "linewidth": 1, "markersize": 3}
    panel.plot(steps, values, linestyle=joined(values), label=name, **style)


def _finish(panel: Axes, steps: np.ndarray, what: str) -> None:
    from matplotlib.ticker import MaxNLocator

    panel.set(ylabel=what, xlabel=_EPOCH)
    panel.xaxis.set_major_locator(MaxNLocator(6, integer=True))
    tidy(panel)
    share_axis(panel)
    panel.set_ylim(0, 1)
    panel.legend(fontsize=SMALL, frameon=False, loc="best")


def _draw_map(
    panel: Axes, found: FollowedClusters, one: int, labels: list[int], names: Sequence[str]
) -> None:
    from matplotlib.colors import to_rgb

    life = found.life_id[:, one][:, labels].T
    colours = cluster_colours(found, one)
    pixels = np.full((*life.shape, 3), to_rgb(_IN_NONE))
    for number, colour in colours.items():
        pixels[life == number] = to_rgb(colour)
    panel.imshow(pixels, aspect="auto", interpolation="none")
    panel.set_yticks(np.arange(len(labels) + 1) - 0.5, minor=True)
    panel.grid(axis="y", which="minor", color="white", linewidth=0.8)
    tidy(panel)
    panel.grid(visible=False, which="major")
    panel.tick_params(length=0, which="minor")
    panel.tick_params(length=2)
    if len(labels) <= _MOST_NAMED:
        shown = [shown_name(names[label], 14) for label in labels]
        panel.set_yticks(range(len(labels)), shown, parse_math=False)
    else:
        panel.set_yticks([])
        panel.set_ylabel(f"{len(labels)} labels")
    # As many steps as there is room for, the last among them.
    every = -(-len(found.steps) // 6)
    places = np.arange(len(found.steps))[::-1][::every][::-1]
    panel.set_xticks(places, [str(found.steps[place]) for place in places])
    panel.set_xlabel(_EPOCH)


def cluster_colours(found: FollowedClusters, one: int) -> dict[int, str]:
    """The colour of each cluster of a filter, those of the last step first; the rest are grey.

    Args:
        found: `FollowedClusters` of a stage.
        one: `int`. The filter.

    Returns:
        Dict from their numbers to colours.
    """
    life = found.life_id[:, one]
    numbers, elements = np.unique(life[life >= 0], return_counts=True)
    at_end = np.isin(numbers, life[-1])
    order = np.lexsort((numbers, np.where(at_end, 0, -elements), ~at_end))
    ordered = numbers[order].tolist()
    return {n: COLOURS[i] if i < len(COLOURS) else GREY for i, n in enumerate(ordered)}


def _table(training: str, found: FollowedClusters) -> ReportTable:
    columns = [
        Column("step", "epoch", "d"),
        Column("clusters", "clusters a filter", ".2f"),
        *(Column(name, name, ".3f") for _, names in _BECOMES for name in names),
        Column("label_stability", "stability of labels", ".3f"),
        Column("cluster_stability", "of clusters", ".3f"),
        Column("formed", "formed for good", ".3f"),
        Column("label_chance", "stability of labels by chance", ".3f"),
        Column("cluster_chance", "of clusters by chance", ".3f"),
    ]
    rows = found.steps_frame().to_dict("records")
    return ReportTable(f"Clusters followed over {training}", columns, rows)


def _caption(training: str) -> str:
    return (
        f"Clusters followed over {training}. A: what has become of them since the measurement "
        "before, as shares of the clusters of the later one, of dissolved and merged ones of the "
        "earlier. B: labels in a cluster, and pairs of labels in one cluster, at both of two "
        "measurements in succession, as a share of those at either, mean over filters; dotted: if "
        "the clusters of the later one were as many and as large, but of labels at random; "
        "clusters of the last measurement that persist from then on, with half their labels at "
        "least. "
        "C to E: filters at the 10%, 50% and 90% quantile of the stability of clusters, their "
        "labels by epoch; a cluster has one colour as long as it is the same, grey ones were "
        "there for the shortest time, light is no cluster."
    )


def _parts(
    run: Run, followed: Mapping[tuple[str, str], FollowedClusters]
) -> Iterator[AnalysisPart]:
    names = run.splits[0].stages[0].names
    for (phase, stage), found in followed.items():
        training = f"the training of {_OF_PHASE[phase]}, stage {stage}"
        name = f"following-{phase}-{file_name(stage)}"
        draw = functools.partial(draw_following, found, names)
        yield Drawing(name, draw, _caption(training), None)
        yield Tabled(name, _table(training, found), folded="the numbers of every measurement")


ANALYSIS = Analysis("following", Scope.TRAINING, 2, lambda run: run.followed or None, _parts)
