"""Which filters of a stage are shown where nobody names any: three that differ."""

from collections.abc import Collection, Iterator

import numpy as np

from sfp_keras.filters import FilterClusters


def typical_filters(clusters: FilterClusters, count: int = 3) -> list[int]:
    """The filters nearest to the layer's averages of noise, clusters and cluster size.

    Each distance is in standard deviations of the layer. Filters without a cluster come last.

    Args:
        clusters: `FilterClusters` of the layer.
        count: `int`. Filters wanted.

    Returns:
        Their numbers, the most typical first; fewer where the layer has fewer.
    """
    number = clusters.num_clusters
    has = number > 0
    covered = clusters.in_cluster.sum(axis=1)
    size = covered / np.maximum(number, 1)
    average = np.array(
        [clusters.noise.mean(), number.mean(), covered.sum() / max(int(number.sum()), 1)]
    )
    values = np.stack([clusters.noise, number, size], axis=1)
    spread = values[has].std(axis=0) if has.any() else np.ones(3)
    distance = np.linalg.norm((values - average) / np.where(spread > 0, spread, 1), axis=1)
    return np.lexsort((distance, clusters.dead, ~has))[:count].tolist()


def differing_filters(
    clusters: FilterClusters, among: Collection[int] | None = None
) -> dict[int, str]:
    """Three filters that differ: of few labels, of several clusters, and noisy.

    The first is the one of the fewest labels, and of these of the least noise; the second the
    most typical of those with several clusters; the third the one of the most noise. Where there
    is none, or another has taken it, the most typical one left takes its place.

    Args:
        clusters: `FilterClusters` of the layer.
        among: numbers of the filters to choose from. Default: all.

    Returns:
        Dict from their numbers to what they are, in words; fewer where the layer has fewer.
    """
    typical = typical_filters(clusters, clusters.num_filters)
    left = [number for number in typical if among is None or number in among]
    chosen: dict[int, str] = {}
    for words, candidates in _kinds(clusters, left):
        kind = [number for number in candidates if number not in chosen]
        rest = [number for number in left if number not in chosen]
        if kind or rest:
            chosen[(kind or rest)[0]] = words if kind else "one of the most typical"
    return chosen


def _kinds(clusters: FilterClusters, filters: list[int]) -> Iterator[tuple[str, list[int]]]:
    """What a filter is chosen for, and the filters from which it is, the first first."""
    covered, noise = clusters.in_cluster.sum(axis=1), clusters.noise
    some = [number for number in filters if covered[number]]
    yield "the one of the fewest labels", sorted(some, key=lambda f: (covered[f], noise[f]))
    several = [number for number in some if clusters.num_clusters[number] > 1]
    yield "a typical one of several clusters", several
    yield "the one of the most noise", sorted(some, key=lambda f: -noise[f])
