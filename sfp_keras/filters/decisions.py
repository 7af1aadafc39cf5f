"""Single-filter decisions: which label each input gets when one filter alone decides."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from sfp_keras.errors import InputError
from sfp_keras.filters.blas_threads import one_blas_thread
from sfp_keras.filters.fields import BLOCK_BYTES, Filters, filter_indices
from sfp_keras.short_repr import ShortRepr

_INPUTS_AT_ONCE = 1024


@dataclass(frozen=True, eq=False, repr=False)
class FilterDecisions(ShortRepr):
    """Counts of input labels against decided labels (paper 1, Figure 3).

    For all filters what takes no matrix: `24 * F * K` bytes, 31 MB at 1,280 filters and 1,000
    labels. For chosen filters the whole matrix, `8 * K * K` bytes each. Inputs whose fields are
    all zero decide nothing and are left out of every count.

    Results of several batches are added: `decisions = decisions + more`.

    Attributes:
        label_counts: int64 array `(K,)`. Inputs of each label, those left out included.
        by_input: int64 array `(F, K)`. Inputs of label `i` that filter `f` decides.
        by_output: int64 array `(F, K)`. Inputs that filter `f` decides to be of label `j`.
        correct: int64 array `(F, K)`. Inputs of label `i` that filter `f` decides to be of it.
        filters: int64 array `(n,)`, ascending. The filters whose matrices are kept.
        counts: int64 array `(n, K, K)`. Row: input label, column: decided label.
    """

    label_counts: np.ndarray
    by_input: np.ndarray
    by_output: np.ndarray
    correct: np.ndarray
    filters: np.ndarray
    counts: np.ndarray

    def __add__(self, other: "FilterDecisions") -> "FilterDecisions":
        if self.correct.shape != other.correct.shape or not np.array_equal(
            self.filters, other.filters
        ):
            raise InputError("decisions of other filters or labels cannot be added")
        return FilterDecisions(
            self.label_counts + other.label_counts,
            self.by_input + other.by_input,
            self.by_output + other.by_output,
            self.correct + other.correct,
            self.filters,
            self.counts + other.counts,
        )

    @property
    def inputs(self) -> int:
        """Number of inputs, those left out included."""
        return int(self.label_counts.sum())

    @property
    def rows(self) -> np.ndarray:
        """`counts` with each row normalised to one, float64; a row without inputs is zeros."""
        totals = self.counts.sum(-1, keepdims=True)
        return self.counts / np.maximum(totals, 1)

    @property
    def accuracy_of_active(self) -> np.ndarray:
        """Share of correct decisions among those made, float64 `(F,)`; NaN where none was made."""
        return self._share_of_made(self.correct.sum(axis=1))

    @property
    def accuracy(self) -> np.ndarray:
        """Share of correct decisions among all inputs, float64 `(F,)`."""
        return self.correct.sum(axis=1) / max(self.inputs, 1)

    @property
    def share_of_favourite(self) -> np.ndarray:
        """Share of the decisions made that are for the filter's most frequent output label.

        float64 `(F,)`, NaN where none was made. It is 1 where a filter "selects a single output
        label, independent of the input label" (paper 1 on layer 13), as every filter does that
        has one output, never negative: its fields are one vector times a positive number.
        """
        return self._share_of_made(self.by_output.max(axis=1))

    def _share_of_made(self, decisions: np.ndarray) -> np.ndarray:
        made = self.by_input.sum(axis=1)
        return np.divide(decisions, made, out=np.full(len(made), np.nan), where=made > 0)


def filter_decisions(
    outputs: np.ndarray,
    labels: np.ndarray,
    kernel: np.ndarray,
    matrices_of: Filters | None = None,
) -> FilterDecisions:
    """Let every filter alone decide on every input of a batch.

    The decision is the first of the largest of the K fields that the filter's own weights give:
    of each input's fields, not of mean fields. Beside its arguments and its result it holds
    one to four bytes an input and filter, and blocks of a few MiB.

    Args:
        outputs: array `(n, P, F)`. Stage outputs.
        labels: integers `(n,)` in 0 .. K-1.
        kernel: array `(P, F, K)`. Weights of the head.
        matrices_of: index, slice, or array of indices or bools, default None: of no filter.
            Filters whose (K, K) matrices are kept; `slice(None)` keeps all, F * K * K numbers.

    Returns:
        `FilterDecisions` of the batch.

    Raises:
        InputError: if the shapes do not fit, or a label lies outside 0 .. K-1.

    Source: paper 1, Figure 3 and its explanation in the supplement.
    """
    outputs, labels, kernel = checked_inputs(
        np.asarray(outputs), np.asarray(labels), np.asarray(kernel)
    )
    return count_decisions(labels, decided_labels(outputs, kernel), kernel.shape[2], matrices_of)


def decided_labels(outputs: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    """The label that each filter alone gives to each input.

    Args:
        outputs: float array `(n, P, F)`. Stage outputs.
        kernel: float array `(P, F, K)`. Weights of the head.

    Returns:
        Array `(n, F)` of the smallest unsigned integers that hold 0 .. K: the label, or K where
        the filter's fields are all zero and it decides nothing.
    """
    positions, filters, num_labels = kernel.shape
    found = np.empty((len(outputs), filters), np.min_scalar_type(num_labels))
    for inputs, block in _blocks(len(outputs), filters, positions + num_labels):
        decide = _decide_by_sign if positions == 1 else _decide
        decided, made = decide(outputs[inputs, :, block], kernel[:, block])
        found[inputs, block] = np.where(made, decided, num_labels).T
    return found


def count_decisions(
    labels: np.ndarray,
    decided: np.ndarray,
    num_labels: int,
    matrices_of: Filters | None = None,
) -> FilterDecisions:
    """Count labels of inputs against the labels that filters decide them to be.

    Args:
        labels: integers `(n,)` in 0 .. K-1.
        decided: integers `(n, F)` of `decided_labels`. May be mapped from a file.
        num_labels: `int`. K.
        matrices_of: as in `filter_decisions`.

    Returns:
        `FilterDecisions` of these inputs.
    """
    filters = decided.shape[1]
    kept = np.unique(filter_indices([] if matrices_of is None else matrices_of, filters))
    shape = (filters, num_labels)
    by_input, by_output, correct = (np.zeros(shape, np.int64) for _ in range(3))
    counts = np.zeros((len(kept), num_labels, num_labels), np.int64)
    for inputs, block in _blocks(len(labels), filters, num_labels):
        of_input = labels[inputs, None].astype(np.intp)
        of_output = decided[inputs, block].astype(np.intp)
        made = of_output < num_labels
        for table, chosen, mask in (
            (by_input, np.broadcast_to(of_input, made.shape), made),
            (by_output, of_output, made),
            (correct, of_output, of_output == of_input),
        ):
            size = made.shape[1]
            flat = (chosen + num_labels * np.arange(size))[mask]
            table[block] += np.bincount(flat, minlength=size * num_labels).reshape(size, num_labels)
    for matrix, filter_index in zip(counts, kept, strict=True):
        of_output = decided[:, filter_index]
        made = of_output < num_labels
        np.add.at(matrix, (labels[made], of_output[made]), 1)
    return FilterDecisions(
        np.bincount(labels, minlength=num_labels), by_input, by_output, correct, kept, counts
    )


def _decide(outputs: np.ndarray, kernel: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Decided label, and whether any field is not zero, both `(filters, inputs)`."""
    # Contiguous copies: matmul falls back to a slow loop on other strides.
    x = np.ascontiguousarray(outputs.transpose(2, 0, 1), kernel.dtype)
    weights = np.ascontiguousarray(kernel.transpose(1, 0, 2))
    with one_blas_thread(x.shape[1], x.shape[2], weights.shape[-1]):
        fields = x @ weights
    return fields.argmax(-1), fields.any(-1)


def _decide_by_sign(outputs: np.ndarray, kernel: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The same for filters with one output, without the fields.

    They are the output times the filter's weights, so that its sign decides alone.
    """
    x, weights = outputs[:, 0].T, kernel[0]
    decided = np.where(x > 0, weights.argmax(-1)[:, None], weights.argmin(-1)[:, None])
    return decided, (x != 0) & weights.any(-1)[:, None]


def _blocks(inputs: int, filters: int, numbers: int) -> Iterator[tuple[slice, slice]]:
    """Slices of inputs and of filters whose outputs and fields together stay in the cache."""
    for begin in range(0, inputs, _INPUTS_AT_ONCE):
        end = min(begin + _INPUTS_AT_ONCE, inputs)
        size = max(1, BLOCK_BYTES // (4 * (end - begin) * numbers))
        for first in range(0, filters, size):
            yield slice(begin, end), slice(first, min(first + size, filters))


def checked_inputs(
    outputs: np.ndarray, labels: np.ndarray, kernel: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The arguments with floating weights and labels that can index; refused where wrong."""
    if kernel.ndim != 3 or outputs.ndim != 3 or outputs.shape[1:] != kernel.shape[:2]:
        raise InputError(
            f"`outputs` {outputs.shape} and `kernel` {kernel.shape} do not fit: (inputs, P, F) and "
            "(P, F, K) are needed"
        )
    num_labels = kernel.shape[2]
    if labels.shape != outputs.shape[:1] or labels.dtype.kind not in "iu":
        raise InputError(
            f"`labels` must be {len(outputs)} integers, one an output; "
            f"received shape {labels.shape} of {labels.dtype}"
        )
    if len(labels) and not (labels.min() >= 0 and labels.max() < num_labels):
        raise InputError(
            f"`labels` must lie in 0 .. {num_labels - 1}, got {labels.min()} .. {labels.max()}"
        )
    floating = np.result_type(outputs, kernel, np.float32)
    return outputs, labels.astype(np.intp), kernel.astype(floating, copy=False)
