"""Single-filter decisions: which label each input gets when one filter alone decides."""

from dataclasses import dataclass

import numpy as np

from sfp_keras.errors import InputError

_BLOCK_BYTES = 64 << 20


@dataclass(frozen=True, eq=False)
class FilterDecisions:
    """Counts of input label against decided label, one matrix a filter (paper 1, figure 3).

    Results of several batches are added: `decisions = decisions + more`.

    Attributes:
        counts: (F, K, K) int64; row: input label, column: decided label. Inputs whose fields are
            all zero decide nothing and are left out.
        inputs: number of inputs, those left out included.
    """

    counts: np.ndarray
    inputs: int

    def __add__(self, other: "FilterDecisions") -> "FilterDecisions":
        return FilterDecisions(self.counts + other.counts, self.inputs + other.inputs)

    @property
    def rows(self) -> np.ndarray:
        """(F, K, K) float64, each row normalised to one; a row without inputs is zeros."""
        totals = self.counts.sum(-1, keepdims=True)
        return self.counts / np.maximum(totals, 1)

    @property
    def accuracy_of_active(self) -> np.ndarray:
        """(F,) float64, share of right decisions among those made; NaN where none was made."""
        made = self.counts.sum((1, 2))
        return np.divide(self._right, made, out=np.full(len(made), np.nan), where=made > 0)

    @property
    def accuracy(self) -> np.ndarray:
        """(F,) float64, share of right decisions among all inputs."""
        return self._right / max(self.inputs, 1)

    @property
    def _right(self) -> np.ndarray:
        return np.trace(self.counts, axis1=1, axis2=2)


def filter_decisions(
    outputs: np.ndarray, labels: np.ndarray, kernel: np.ndarray
) -> FilterDecisions:
    """Let every filter alone decide on every input of a batch.

    The decision is the first of the largest of the K fields that the filter's own weights give:
    of each input's fields, not of mean fields (paper 1, figure 3 and its supplement).

    Args:
        outputs: (n, P, F) stage outputs.
        labels: (n,) integers in 0 .. K-1.
        kernel: (P, F, K) head.

    Returns:
        `FilterDecisions` of the batch. Fields of a block of filters are held at a time; for many
        filters and labels give the filters of interest alone, for the counts take F * K * K
        numbers.

    Raises:
        InputError: if the shapes do not fit, or a label lies outside 0 .. K-1.
    """
    outputs, labels, kernel = np.asarray(outputs), np.asarray(labels), np.asarray(kernel)
    if kernel.ndim != 3 or outputs.ndim != 3 or outputs.shape[1:] != kernel.shape[:2]:
        raise InputError(
            f"outputs {outputs.shape} and kernel {kernel.shape} do not fit: (inputs, P, F) and "
            "(P, F, K) are needed"
        )
    _, filters, num_labels = kernel.shape
    if labels.shape != outputs.shape[:1]:
        raise InputError(f"{len(outputs)} outputs but labels of shape {labels.shape}")
    if len(labels) and not (labels.min() >= 0 and labels.max() < num_labels):
        raise InputError(f"labels must lie in 0 .. {num_labels - 1}, got {labels.max()}")
    counts = np.zeros((filters, num_labels * num_labels), np.int64)
    size = max(1, _BLOCK_BYTES // max(1, 4 * len(labels) * num_labels))
    for begin in range(0, filters, size):
        block = slice(begin, begin + size)
        fields = np.matmul(
            outputs[:, :, block].transpose(2, 0, 1), kernel[:, block].transpose(1, 0, 2)
        )
        cells = labels * num_labels + fields.argmax(-1)
        active = fields.any(-1)
        for f, (cell, used) in enumerate(zip(cells, active, strict=True), begin):
            counts[f] = np.bincount(cell[used], minlength=num_labels * num_labels)
    return FilterDecisions(counts.reshape(filters, num_labels, num_labels), len(labels))
