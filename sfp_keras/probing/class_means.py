"""Mean features of each label, summed up batch by batch."""

import numpy as np


class ClassMeans:
    """Sums rows by label, in float64.

    Args:
        num_labels: `int`. K.
        size: `int`. Length of a row.

    Attributes:
        counts: (K,) int64, rows of each label so far.
        sums: (K, size) float64 of them.
    """

    def __init__(self, num_labels: int, size: int):
        self.counts = np.zeros(num_labels, np.int64)
        self.sums = np.zeros((num_labels, size))

    def add(self, rows: np.ndarray, labels: np.ndarray) -> None:
        """Add (n, size) float32 rows with their labels (n,), integers in 0 .. K-1."""
        # Row by row is faster than sorting them by label, and the same however they are batched.
        for row, label in zip(rows, labels, strict=True):
            self.sums[label] += row
        self.counts += np.bincount(labels, minlength=len(self.counts))

    def means(self) -> np.ndarray:
        """(K, size) float32; zeros for a label without rows."""
        return (self.sums / np.maximum(self.counts, 1)[:, None]).astype(np.float32)
