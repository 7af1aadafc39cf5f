"""Which weights of a head are kept: those to clusters' labels, and controls of the same size."""

from collections.abc import Sequence

import numpy as np

from sfp_keras.errors import InputError
from sfp_keras.filters import FilterClusters, check_clusters


def cluster_mask(clusters: FilterClusters, positions: int = 1) -> np.ndarray:
    """Keep the weights of each filter to the labels of its clusters.

    Args:
        clusters: `FilterClusters` of a stage.
        positions: `int`. P, the outputs of one filter. Defaults to `1`.

    Returns:
        bool (P, F, K), true where a weight is kept; for `MaskedDense`.

    Raises:
        InputError: if no filter has a cluster.

    Source: paper 2, AFCC ("applied filter's cluster connections").
    """
    check_clusters(clusters)
    if positions < 1:
        raise InputError(f"`positions` must be at least 1, received {positions}")
    labels = clusters.in_cluster
    if not labels.any():
        raise InputError(
            f"no filter has a cluster at threshold {clusters.threshold:g}, so AFCC would keep no "
            "weight: use a lower threshold"
        )
    return np.repeat(labels[None], positions, axis=0)


def random_label_mask(mask: np.ndarray, seed: int = 0) -> np.ndarray:
    """Keep as many labels a filter as `mask` does, drawn at random, every label equally often.

    Args:
        mask: bool (P, F, K) of `cluster_mask`: the same labels at all positions.
        seed: `int`. Of the draw.

    Returns:
        bool (P, F, K) with the same number of labels a filter; how often labels are used differs
        by at most one.

    Raises:
        InputError: if the mask has another shape, or other labels at other positions.
    """
    if np.ndim(mask) != 3:
        raise InputError(
            f"`mask` must have shape (positions, filters, labels), received {np.shape(mask)}"
        )
    positions, filters, labels = mask.shape
    if not (mask == mask[:1]).all():
        raise InputError("`mask` must keep the same labels at all positions")
    rng = np.random.default_rng(seed)
    counts = mask[0].sum(axis=1)
    left = np.full(labels, counts.sum() // labels)
    left[rng.permutation(labels)[: counts.sum() % labels]] += 1
    drawn = np.zeros((filters, labels), bool)
    # The labels with most uses left, at random among equals: this never runs out, because the
    # numbers of uses left never differ by more than they need to (Gale and Ryser).
    for index in np.argsort(-counts, kind="stable"):
        order = np.lexsort(np.stack([rng.random(labels), -left.astype(float)]))
        chosen = order[: counts[index]]
        drawn[index, chosen] = True
        left[chosen] -= 1
    return np.repeat(drawn[None], positions, axis=0)


def magnitude_mask(kernel: np.ndarray, kept: int) -> np.ndarray:
    """Keep the weights of largest magnitude, as pruning commonly does.

    Args:
        kernel: (P, F, K) weights of a head.
        kept: `int`. Number of weights to keep.

    Returns:
        bool (P, F, K) with exactly `kept` true elements.

    Raises:
        InputError: if `kept` is not from 1 to the number of weights.
    """
    if not 0 < kept <= kernel.size:
        raise InputError(f"`kept` must be 1 to {kernel.size} weights, received {kept}")
    order = np.argsort(-np.abs(kernel), axis=None, kind="stable")
    mask = np.zeros(kernel.size, bool)
    mask[order[:kept]] = True
    return mask.reshape(kernel.shape)


def short_mask(mask: np.ndarray, kept: Sequence[int] = (-2, -1)) -> np.ndarray:
    """Shorten a mask to 1 along the axes on which it is the same everywhere.

    Args:
        mask: bool, of a kernel's shape.
        kept: axes that stay as they are. Defaults to the last two.

    Returns:
        bool, with as many axes.
    """
    for axis in set(range(mask.ndim)) - {axis % mask.ndim for axis in kept}:
        first = mask.take([0], axis)
        mask = first if (mask == first).all() else mask
    return mask
