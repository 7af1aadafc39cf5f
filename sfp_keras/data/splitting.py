"""One set of labelled images into a training and a test part, label by label."""

import numpy as np

from sfp_keras.data.draws import random_words
from sfp_keras.errors import InputError


def stratified_split(
    labels: np.ndarray, test_fraction: float = 0.2, keys: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Split so that each label has the same fraction of test images.

    Args:
        labels: array (N,) of int64.
        test_fraction: `float` between 0 and 1. Default 0.2. Of a label's n images
            `round(n * test_fraction)` go to the test part, at least one and not all where n > 1;
            a single image goes to the training part.
        keys: array (N,), sortable; the images of a label with the smallest keys go to the test
            part. Default: fixed random numbers.

    Returns:
        The indices of the training part and of the test part, ascending, int64.

    Raises:
        InputError: if `test_fraction` is not between 0 and 1.
    """
    if not 0 < test_fraction < 1:
        raise InputError(f"--test_fraction must be between 0 and 1, got {test_fraction}")
    if keys is None:
        keys = random_words(len(labels), "split")
    order = np.lexsort((keys, labels))
    _, starts, counts = np.unique(labels[order], return_index=True, return_counts=True)
    wanted = np.clip(np.rint(counts * test_fraction), 1, np.maximum(counts - 1, 0)).astype(np.int64)
    rank = np.arange(len(labels)) - np.repeat(starts, counts)
    in_test = np.zeros(len(labels), dtype=bool)
    in_test[order] = rank < np.repeat(wanted, counts)
    return np.flatnonzero(~in_test), np.flatnonzero(in_test)
