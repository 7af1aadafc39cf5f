"""How many kernels of a link label sets would keep that are drawn at random."""

import numpy as np


def expected_share(sources: np.ndarray, targets: np.ndarray | None, num_labels: int) -> float:
    """The share of a link that stays if label sets of these sizes are drawn at random.

    It is the mean over pairs of filters with s and t labels of 1 - C(K-s, t) / C(K, t), and of
    filters with labels the mean of s / K.

    Args:
        sources: number of labels of the filter that each input of the link's kernel is of.
        targets: number of labels of each filter it leads to; `None` where it leads to the labels.
        num_labels: `int`. K.

    Returns:
        `float` between 0 and 1.
    """
    if targets is None:
        return float(np.mean(sources) / num_labels)
    logs = np.concatenate([[0.0], np.cumsum(np.log(np.arange(1, num_labels + 1)))])
    s, t = np.ogrid[: num_labels + 1, : num_labels + 1]
    apart = num_labels - s - t >= 0
    rest = np.where(apart, num_labels - s - t, 0)
    # C(K-s, t) / C(K, t): that the second set misses the first.
    none = np.where(
        apart, np.exp(logs[num_labels - s] - logs[rest] + logs[num_labels - t] - logs[-1]), 0.0
    )
    of_sources = np.bincount(sources, minlength=num_labels + 1) / len(sources)
    of_targets = np.bincount(targets, minlength=num_labels + 1) / len(targets)
    return float(of_sources @ (1.0 - none) @ of_targets)
