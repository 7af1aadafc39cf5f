"""Which cluster of a filter is which at the next step, and what has become of it."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

# What becomes of a cluster that has a match at the next step.
MATCHED = ("kept", "grown", "shrunk", "moved")
# How a cluster begins that has none at the step before.
BEGINNINGS = ("born", "split")
# How a cluster ends that has none at the next step.
ENDS = ("dissolved", "merged")
# The type of arrays of these.
TEXT = "U9"


class NumberedClusters(NamedTuple):
    """The clusters of all filters, numbered through: filter by filter in the order found.

    Attributes:
        of_label: int32 `(F, K)`. Number of the cluster that holds a label of a filter, or -1.
        filter_of: int64 `(n,)`. The filter of each cluster, ascending.
        sizes: int64 `(n,)`. Labels of each cluster.
    """

    of_label: np.ndarray
    filter_of: np.ndarray
    sizes: np.ndarray

    @property
    def num_clusters(self) -> int:
        """Number of clusters, `n`."""
        return len(self.sizes)

    @property
    def in_cluster(self) -> np.ndarray:
        """bool `(F, K)`: whether a label is in a cluster of a filter."""
        return self.of_label >= 0


def numbered(cluster_id: np.ndarray) -> NumberedClusters:
    """Number the clusters of a layer through.

    Args:
        cluster_id: as of `FilterClusters`.
    """
    clusters = cluster_id.max(axis=1).astype(np.int64) + 1
    begin = np.cumsum(clusters) - clusters
    of_label = np.where(cluster_id >= 0, begin[:, None] + cluster_id, -1).astype(np.int32)
    sizes = np.bincount(of_label[of_label >= 0], minlength=int(clusters.sum()))
    return NumberedClusters(of_label, np.repeat(np.arange(len(clusters)), clusters), sizes)


class Overlaps(NamedTuple):
    """The clusters of one step and another that have labels in common, pair by pair.

    Attributes:
        before: int64 `(m,)`. Number of the cluster of the one step.
        now: int64 `(m,)`. Number of that of the other step.
        shared: int64 `(m,)`. Labels in both.
        share: float64 `(m,)`. The same as a share of the labels in either.
    """

    before: np.ndarray
    now: np.ndarray
    shared: np.ndarray
    share: np.ndarray


def overlaps(before: NumberedClusters, now: NumberedClusters) -> Overlaps:
    """Find all pairs of clusters with a label in common."""
    both = before.in_cluster & now.in_cluster
    key = before.of_label[both].astype(np.int64) * max(now.num_clusters, 1) + now.of_label[both]
    keys, shared = np.unique(key, return_counts=True)
    earlier, later = np.divmod(keys, max(now.num_clusters, 1))
    share = shared / (before.sizes[earlier] + now.sizes[later] - shared)
    return Overlaps(earlier, later, shared, share)


class Passage(NamedTuple):
    """What becomes of the clusters of one step at the next.

    Attributes:
        earlier: int64 `(n,)`. Of each cluster of the later step, the one it was, or -1.
        becomes: of each cluster of the later step, a text of `MATCHED` or `BEGINNINGS`.
        ends: of each cluster of the earlier step, a text of `ENDS`; empty where it goes on.
        label_stability: float64 `(F,)`. As of `FollowedClusters`.
        cluster_stability: float64 `(F,)`. As of `FollowedClusters`.
    """

    earlier: np.ndarray
    becomes: np.ndarray
    ends: np.ndarray
    label_stability: np.ndarray
    cluster_stability: np.ndarray


def passage(before: NumberedClusters, now: NumberedClusters) -> Passage:
    """Match the clusters of two steps, by the rules of `follow_clusters`."""
    pairs = overlaps(before, now)
    matched = _largest_first(pairs)
    one, other = pairs.before[matched], pairs.now[matched]
    earlier = np.full(now.num_clusters, -1)
    earlier[other] = one
    shared = pairs.shared[matched]
    lost, gained = shared < before.sizes[one], shared < now.sizes[other]
    becomes = np.full(now.num_clusters, "born", TEXT)
    becomes[pairs.now] = "split"
    becomes[other] = np.choose(gained + 2 * lost, ("kept", "grown", "shrunk", "moved"))
    ends = np.full(before.num_clusters, "dissolved", TEXT)
    ends[pairs.before] = "merged"
    ends[one] = ""
    return Passage(earlier, becomes, ends, *_stabilities(before, now, pairs))


def chance_stabilities(
    before: NumberedClusters, now: NumberedClusters, draws: int, rng: np.random.Generator
) -> np.ndarray:
    """Stability of labels and of clusters if those of the later step were of labels at random.

    Args:
        before: `NumberedClusters` of a step.
        now: of the next. Each filter's labels are put in random order, `draws` times.
        draws: `int`.
        rng: `numpy.random.Generator`.

    Returns:
        float64 `(draws, 2, F)`.
    """
    drawn = (now._replace(of_label=rng.permuted(now.of_label, axis=1)) for _ in range(draws))
    return np.array([_stabilities(before, at, overlaps(before, at)) for at in drawn])


def _stabilities(
    before: NumberedClusters, now: NumberedClusters, pairs: Overlaps
) -> tuple[np.ndarray, np.ndarray]:
    """Stability of labels and of clusters, `(F,)` each, as of `FollowedClusters`."""
    filters = len(before.of_label)
    in_both = (before.in_cluster & now.in_cluster).sum(axis=1)
    in_either = (before.in_cluster | now.in_cluster).sum(axis=1)
    pairs_in_both = _of_filters(before.filter_of[pairs.before], pairs.shared**2, filters)
    pairs_before = _of_filters(before.filter_of, before.sizes**2, filters)
    pairs_now = _of_filters(now.filter_of, now.sizes**2, filters)
    of_pairs = ratio(pairs_in_both, pairs_before + pairs_now - pairs_in_both)
    return ratio(in_both, in_either), of_pairs


def ratio(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    """Shares, float64; NaN where they are shares of nothing."""
    undefined = np.full(np.shape(whole), np.nan)
    return np.divide(part, whole, out=undefined, where=np.asarray(whole) > 0)


def _largest_first(pairs: Overlaps) -> np.ndarray:
    """Numbers of the pairs that are matched: the largest first, each cluster once."""
    left = np.lexsort((pairs.now, pairs.before, -pairs.share))
    matched = []
    while left.size:
        # What comes first for both its clusters is matched, whatever the others are.
        firsts = np.zeros(left.size, np.int64)
        for side in (pairs.before, pairs.now):
            firsts[np.unique(side[left], return_index=True)[1]] += 1
        chosen = left[firsts == 2]
        matched.append(chosen)
        taken_before = np.isin(pairs.before[left], pairs.before[chosen])
        left = left[~taken_before & ~np.isin(pairs.now[left], pairs.now[chosen])]
    return np.concatenate(matched) if matched else left


def _of_filters(filter_of: np.ndarray, values: np.ndarray, filters: int) -> np.ndarray:
    return np.bincount(filter_of, values, minlength=filters)
