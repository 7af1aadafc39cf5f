"""Following the clusters of filters over the steps of a training."""

from __future__ import annotations

import dataclasses
import itertools
import numbers
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from sfp_keras.errors import InputError, as_whole
from sfp_keras.filters.cluster_matching import (
    BEGINNINGS,
    ENDS,
    MATCHED,
    TEXT,
    NumberedClusters,
    Passage,
    chance_stabilities,
    numbered,
    overlaps,
    passage,
    ratio,
)
from sfp_keras.filters.clusters import FilterClusters
from sfp_keras.filters.kinds import check_kind
from sfp_keras.short_repr import ShortRepr

if TYPE_CHECKING:
    import pandas as pd

CHANGES = (*MATCHED, *BEGINNINGS, *ENDS)
# Random orders of labels, of all filters together: the mean over them is known to 0.005.
_RANDOM_ORDERS = 4000
_MOST_DRAWS = 200


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class ClusterLives(ShortRepr):
    """The clusters of all filters, each from its first step to its last; sorted by filter.

    Attributes:
        filter: int64 `(n,)`. The filter it belongs to.
        number: int64 `(n,)`. Number among the filter's, as in `life_id`.
        first: int64 `(n,)`. First step it was measured at.
        last: int64 `(n,)`. Last step it was measured at.
        begins: array of `n` texts: `born`, `split`, or empty if it was there at the first step.
        ends: array of `n` texts: `dissolved`, `merged`, or empty if it is there at the last step.
        birth: float64 `(n,)`. Of one that is there at the last step: the step from which on it
            persists, see `follow_clusters`. NaN for others.
    """

    filter: np.ndarray
    number: np.ndarray
    first: np.ndarray
    last: np.ndarray
    begins: np.ndarray
    ends: np.ndarray
    birth: np.ndarray

    @property
    def at_end(self) -> np.ndarray:
        """bool `(n,)`: whether it is there at the last step."""
        return ~np.isnan(self.birth)

    def to_frame(self) -> pd.DataFrame:
        """A table with a row for each cluster that was followed."""
        import pandas as pd

        columns = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        return pd.DataFrame(columns)


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class FollowedClusters(ShortRepr):
    """How the clusters of a layer's filters form, move and dissolve over S steps.

    Attributes:
        steps: int64 `(S,)`. The steps measured, ascending.
        life_id: int32 `(S, F, K)`. Number of the cluster of filter `f` that holds label `i`; the
            same number at two steps is the same cluster, followed. Counted for each filter from 0
            in the order of appearance; -1 where the label is in none.
        changes: dict from each of `kept`, `grown`, `shrunk`, `moved`, `born`, `split`,
            `dissolved`, `merged` to int64 `(S - 1, F)`: clusters between each step and the next.
        label_stability: float64 `(S - 1, F)`. Labels in a cluster at a step and at the next, as
            a share of those in a cluster at either. NaN where there are none.
        cluster_stability: float64 `(S - 1, F)`. The same of pairs of labels in one cluster, each
            label with itself among them: 1 where clusters are the same.
        lives: `ClusterLives`. First and last step of each cluster, and how it begins and ends.
        label_chance: float64 `(S - 1,)`. Mean of `label_stability` over filters if the clusters of
            the later step were as many and as large, but of labels at random.
        cluster_chance: float64 `(S - 1,)`. The same of `cluster_stability`.
    """

    steps: np.ndarray
    life_id: np.ndarray
    changes: Mapping[str, np.ndarray]
    label_stability: np.ndarray
    cluster_stability: np.ndarray
    lives: ClusterLives
    label_chance: np.ndarray
    cluster_chance: np.ndarray

    @property
    def num_filters(self) -> int:
        """Number of filters, `F`."""
        return self.life_id.shape[1]

    def step_columns(self) -> dict[str, np.ndarray]:
        """What is said of each step, `(S,)` each; NaN where a share is one of nothing.

        `clusters`: their number a filter. `kept` to `split`: what share of the clusters of this
        step are which, since the step before; they add up to 1. `dissolved`, `merged`: what share
        of the clusters of the step before. `label_stability`, `cluster_stability`: mean over
        filters, since the step before. `formed`: share of the clusters of the last step that
        persist from this step or an earlier one. `label_chance`, `cluster_chance`: what stability
        of labels and clusters would be by chance.
        """
        counts = {name: of.sum(axis=1) for name, of in self.changes.items()}
        lives, each = self.lives, self.steps[:, None]
        now = ((lives.first <= each) & (lives.last >= each)).sum(axis=1)
        births = lives.birth[lives.at_end]
        formed = (births <= each).sum(axis=1)
        return {
            "step": self.steps,
            "clusters": now / self.num_filters,
            **{
                name: _after_first(ratio(counts[name], now[:-1] if name in ENDS else now[1:]))
                for name in CHANGES
            },
            "label_stability": _after_first(_mean(self.label_stability, axis=1)),
            "cluster_stability": _after_first(_mean(self.cluster_stability, axis=1)),
            "formed": ratio(formed, np.full(len(self.steps), births.size)),
            "label_chance": _after_first(self.label_chance),
            "cluster_chance": _after_first(self.cluster_chance),
        }

    def filter_columns(self) -> dict[str, np.ndarray]:
        """What is said of each filter, `(F,)` each; NaN where it is undefined.

        `clusters`: those of the last step. `birth`: step from which on the first of them
        persists. `complete`: step from which on all do. `lives`: clusters in all that were
        followed. `longest_life`: steps from the first to the last measurement of the one that
        was there longest. `label_stability`, `cluster_stability`: mean over the steps.
        """
        lives, count = self.lives, self.num_filters
        birth, complete = np.full(count, np.inf), np.full(count, -np.inf)
        final = lives.filter[lives.at_end]
        np.minimum.at(birth, final, lives.birth[lives.at_end])
        np.maximum.at(complete, final, lives.birth[lives.at_end])
        longest = np.full(count, -1.0)
        np.maximum.at(longest, lives.filter, lives.last - lives.first)
        return {
            "filter": np.arange(count),
            "clusters": np.bincount(final, minlength=count),
            "birth": np.where(np.isfinite(birth), birth, np.nan),
            "complete": np.where(np.isfinite(complete), complete, np.nan),
            "label_stability": _mean(self.label_stability, axis=0),
            "cluster_stability": _mean(self.cluster_stability, axis=0),
            "lives": np.bincount(lives.filter, minlength=count),
            "longest_life": np.where(longest >= 0, longest, np.nan),
        }

    def to_frame(self) -> pd.DataFrame:
        """A table with a row for each filter, and the columns of `filter_columns`."""
        import pandas as pd

        return pd.DataFrame(self.filter_columns())

    def steps_frame(self) -> pd.DataFrame:
        """A table with a row for each step, and the columns of `step_columns`."""
        import pandas as pd

        return pd.DataFrame(self.step_columns())


def follow_clusters(
    clusters: Mapping[int, FilterClusters],
    *,
    least_overlap: float = 0.5,
    seed: int = 0,
    chance: bool = True,
) -> FollowedClusters:
    """Follow the clusters of every filter from step to step.

    The overlap of two clusters is the number of labels in both, as a share of those in either
    (the Jaccard index). From a step to the next, each filter's clusters are matched by overlap,
    the largest first and each cluster once; of equal ones the pair whose cluster of the earlier
    step comes first, then that of the later. Clusters without a label in common are never matched.

    * A cluster with a match is `kept` (the same labels), `grown` (it has more), `shrunk` (it has
      fewer), or `moved` (it has lost some labels and gained others). It is the same cluster still.
    * A cluster of the later step without a match is `born` if all its labels were in no
      cluster, else it is `split` off.
    * A cluster of the earlier step without a match has `dissolved` if all its labels are in no
      cluster, else it has `merged` into others.

    A cluster of the last step is born, as `birth` has it, at the first step from which on every
    step has a cluster that overlaps with it by `least_overlap` at least.

    Stability by chance puts the labels of each filter at the later of two steps in random order:
    its clusters are as many and as large as they are, but of labels at random. The mean over
    filters is that of 4000 orders in all, of one filter of 200 at most.

    Example:

    ```python
    fields = read_log("runs/mine/events/heads").stages["layer13"]   # dict of steps
    found = follow_clusters({step: find_clusters(at) for step, at in fields.items()})
    found.steps_frame()           # shares of clusters kept, born, dissolved ... at every step
    found.to_frame()              # birth and stability of every filter
    found.life_id[:, 7]           # (S, K): the clusters of filter 7, at every step
    ```

    Args:
        clusters: dict from two or more steps to the `FilterClusters` of a layer, of one threshold.
        least_overlap: `float` above 0 and at most 1, default 0.5. What persists overlaps by as
            much with what is there in the end.
        seed: `int`, default 0. Of the random orders.
        chance: `bool`, default True. Whether to find stability by chance, which takes most of the
            time for a few filters; without, it is NaN.

    Returns:
        `FollowedClusters`.

    Raises:
        InputError: if there are fewer than two steps, or shapes or thresholds differ.

    Source: the clusters are the papers'; following them is this package's.
    """
    steps = _checked_steps(clusters, least_overlap)
    found = [numbered(clusters[int(step)].cluster_id) for step in steps]
    passages = [passage(before, now) for before, now in itertools.pairwise(found)]
    lives = _lives_of(found[0], passages)
    number, table = _table(steps, found, passages, lives, least_overlap)
    life_id = [
        np.append(number[life], -1)[at.of_label] for life, at in zip(lives, found, strict=True)
    ]
    return FollowedClusters(
        steps,
        np.stack(life_id).astype(np.int32),
        _changes(found, passages),
        np.stack([one.label_stability for one in passages]),
        np.stack([one.cluster_stability for one in passages]),
        table,
        *_chance(found, as_whole("seed", seed, 0), _RANDOM_ORDERS if chance else 0),
    )


def _chance(found: Sequence[NumberedClusters], seed: int, orders: int) -> np.ndarray:
    """Stability of labels and of clusters by chance, `(2, S - 1)`, of so many orders in all."""
    if not orders:
        return np.full((2, len(found) - 1), np.nan)
    rng = np.random.default_rng(seed)
    draws = min(_MOST_DRAWS, -(-orders // len(found[0].of_label)))
    by_chance = [
        _mean(chance_stabilities(before, now, draws, rng), axis=(0, 2))
        for before, now in itertools.pairwise(found)
    ]
    return np.transpose(by_chance)


def _checked_steps(clusters: Mapping[int, FilterClusters], least_overlap: float) -> np.ndarray:
    """The steps, ascending."""
    if not isinstance(clusters, Mapping) or len(clusters) < 2:
        raise InputError("`clusters` must be a dict from two or more steps to their clusters")
    if not isinstance(least_overlap, numbers.Real) or not 0 < least_overlap <= 1:
        raise InputError(f"`least_overlap` must be above 0 and at most 1, not {least_overlap!r}")
    for step, one in clusters.items():
        if isinstance(step, bool) or not isinstance(step, int | np.integer):
            raise InputError(f"`clusters`: a step is a whole number, not {step!r}")
        check_kind(f"clusters[{step}]", one, FilterClusters, "find_clusters(fields)")
    layers = {(one.num_filters, one.num_labels, one.threshold) for one in clusters.values()}
    if len(layers) > 1:
        listed = " and ".join(f"{f} filters, {k} labels, threshold {t:g}" for f, k, t in layers)
        raise InputError(f"`clusters` must be those of one layer at one threshold, not of {listed}")
    return np.array(sorted(clusters), np.int64)


def _lives_of(first: NumberedClusters, passages: Sequence[Passage]) -> list[np.ndarray]:
    """Of the clusters of each step, which of all that are followed they are."""
    lives, count = [np.arange(first.num_clusters)], first.num_clusters
    for one in passages:
        begun = one.earlier < 0
        life = np.empty(begun.size, np.int64)
        life[~begun] = lives[-1][one.earlier[~begun]]
        life[begun] = count + np.arange(begun.sum())
        lives.append(life)
        count += int(begun.sum())
    return lives


def _table(
    steps: np.ndarray,
    found: Sequence[NumberedClusters],
    passages: Sequence[Passage],
    lives: Sequence[np.ndarray],
    least_overlap: float,
) -> tuple[np.ndarray, ClusterLives]:
    """The number of each cluster followed among its filter's, and the table of them."""
    count = 1 + max(life.max(initial=-1) for life in lives)
    filter_of, first, last = np.zeros((3, count), np.int64)
    begins, ends = np.full((2, count), "", TEXT)
    for place in reversed(range(len(steps))):
        first[lives[place]] = steps[place]
        if place:
            begins[lives[place]] = passages[place - 1].becomes
    for place, life in enumerate(lives):
        last[life] = steps[place]
        filter_of[life] = found[place].filter_of
        ends[life] = passages[place].ends if place < len(passages) else ""
    begins[first == steps[0]] = ""
    birth = np.full(count, np.nan)
    birth[lives[-1]] = steps[_births(found, least_overlap)]
    # They were counted in the order of appearance.
    order = np.argsort(filter_of, kind="stable")
    number = np.empty(count, np.int64)
    number[order] = np.arange(count) - np.searchsorted(filter_of[order], filter_of[order])
    columns = (filter_of, number, first, last, begins, ends, birth)
    return number, ClusterLives(*(column[order] for column in columns))


def _births(found: Sequence[NumberedClusters], least_overlap: float) -> np.ndarray:
    """Of each cluster of the last step, the place of the step from which on it persists."""
    final = found[-1]
    births = np.full(final.num_clusters, len(found) - 1)
    persists = np.ones(final.num_clusters, bool)
    for place in reversed(range(len(found) - 1)):
        pairs = overlaps(found[place], final)
        there = np.zeros(final.num_clusters, bool)
        there[pairs.now[pairs.share >= least_overlap]] = True
        persists &= there
        births[persists] = place
    return births


def _changes(
    found: Sequence[NumberedClusters], passages: Sequence[Passage]
) -> dict[str, np.ndarray]:
    """Clusters of each kind of change, `(S - 1, F)`."""
    filters = len(found[0].of_label)

    def count(clusters: NumberedClusters, chosen: np.ndarray) -> np.ndarray:
        return np.bincount(clusters.filter_of[chosen], minlength=filters)

    later, earlier = found[1:], found[:-1]
    begun = {
        name: [count(at, one.becomes == name) for at, one in zip(later, passages, strict=True)]
        for name in (*MATCHED, *BEGINNINGS)
    }
    ended = {
        name: [count(at, one.ends == name) for at, one in zip(earlier, passages, strict=True)]
        for name in ENDS
    }
    return {name: np.stack(counts) for name, counts in (begun | ended).items()}


def _after_first(values: np.ndarray) -> np.ndarray:
    """Values of all steps but the first, float64, with NaN for that."""
    return np.concatenate([[np.nan], values])


def _mean(values: np.ndarray, axis: int | tuple[int, ...]) -> np.ndarray:
    """The mean of what is defined; NaN where nothing is."""
    defined = ~np.isnan(values)
    return ratio(np.where(defined, values, 0).sum(axis=axis), defined.sum(axis=axis))
