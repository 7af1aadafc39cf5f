"""The class selectivity index of filters, to compare with their clusters."""

import numpy as np


def class_selectivity(activation: np.ndarray) -> np.ndarray:
    """Class selectivity index of filters: `(max - rest) / (max + rest)`.

    `max` is the filter's largest class mean and `rest` the mean over the other classes: 1 means
    that one class alone drives the filter, 0 that all classes drive it alike. The index is made
    for rectified activations. It is NaN where it has no meaning: where `rest` is negative, where
    both are zero (a silent filter), and where there is only one class.

    Args:
        activation: array `(classes, F)`. Mean activation of each filter over each class.

    Returns:
        float64 array `(F,)` with values in [0, 1] or NaN.

    Source: A. S. Morcos, D. G. T. Barrett, N. C. Rabinowitz, M. Botvinick, "On the importance of
    single directions for generalization", ICLR 2018.
    """
    activation = np.asarray(activation, np.float64)
    classes, filters = activation.shape
    index = np.full(filters, np.nan)
    if classes < 2:
        return index
    # Sorted, so that `rest` never suffers from subtracting the largest value from the sum.
    ordered = np.sort(activation, axis=0)
    largest, rest = ordered[-1], ordered[:-1].mean(axis=0)
    defined = (rest >= 0) & (largest > 0)
    index[defined] = ((largest - rest) / np.where(defined, largest + rest, 1))[defined]
    return index
