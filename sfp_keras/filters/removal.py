"""What a head decides when some of its filters are silenced."""

from collections.abc import Callable, Iterable, Iterator, Sequence

import numpy as np

from sfp_keras.errors import InputError
from sfp_keras.filters.decisions import checked_inputs

# A mask's number, and the correct inputs of each label among some.
_Step = tuple[int, np.ndarray]
_BLOCK_BYTES = 2**25
_INPUTS_AT_ONCE = 2048


def correct_without(
    outputs: np.ndarray,
    labels: np.ndarray,
    kernel: np.ndarray,
    silenced: Sequence[np.ndarray],
    each: Callable[[Iterable[_Step], int], Iterable[_Step]] = lambda steps, count: steps,
) -> np.ndarray:
    """Count the inputs a head classifies correctly while some filters are silenced.

    Nothing is trained again: the weights of the silenced filters count as zero. A head is linear,
    so what is left is summed up over the filters that stay, or where those are the more, the
    silenced filters' part is taken off the whole. Inputs to which no filter left responds have
    fields of exactly zero either way; of equal fields the first label's counts.

    Args:
        outputs: array `(n, P, F)`. Stage outputs; may be mapped from a file.
        labels: integers `(n,)` in 0 .. K-1.
        kernel: array `(P, F, K)`. Weights of the head.
        silenced: bool arrays `(F,)`, true for the filters silenced together.
        each: of the steps of the work and how many there are, gives the steps back one by one,
            to show how far it is. Default: nothing is shown.

    Returns:
        int64 array `(len(silenced), K)`: inputs of each label that are classified correctly.

    Raises:
        InputError: if the shapes do not fit, or a label lies outside 0 .. K-1.

    Source: paper 1, discussion (random removal, and of the filters that include a label).
    """
    arrays = np.asanyarray(outputs), np.asarray(labels), np.asarray(kernel)
    outputs, labels, kernel = checked_inputs(*arrays)
    positions, filters, num_labels = kernel.shape
    masks = [np.asarray(mask) for mask in silenced]
    for mask in masks:
        if mask.shape != (filters,) or mask.dtype != bool:
            raise InputError(
                f"`silenced` must be bool arrays ({filters},); received {mask.dtype} {mask.shape}"
            )
    # Filters first: choosing some then copies whole rows.
    weights = np.ascontiguousarray(kernel.transpose(1, 0, 2))
    blocks = list(_blocks(len(labels), positions * filters + num_labels))
    correct = np.zeros((len(masks), num_labels), np.int64)
    counts = _counts(outputs, labels, weights, masks, blocks)
    for number, of_rows in each(counts, len(blocks) * len(masks)):
        correct[number] += of_rows
    return correct


def _counts(
    outputs: np.ndarray,
    labels: np.ndarray,
    weights: np.ndarray,
    masks: Sequence[np.ndarray],
    blocks: Sequence[slice],
) -> Iterator[tuple[int, np.ndarray]]:
    """Of each block of inputs and each mask: its number, and the correct ones of each label."""
    filters, _, num_labels = weights.shape
    for rows in blocks:
        x = np.ascontiguousarray(outputs[rows].transpose(2, 1, 0), weights.dtype)
        of_rows = labels[rows]
        responds = np.any(x, axis=1) & np.any(weights, axis=(1, 2))[:, None]
        whole = _fields(x, weights, np.ones(filters, bool))
        for number, mask in enumerate(masks):
            if 2 * mask.sum() <= filters:
                fields = whole - _fields(x, weights, mask)
                fields[~responds[~mask].any(0)] = 0
            else:
                fields = _fields(x, weights, ~mask)
            of_correct = of_rows[fields.argmax(1) == of_rows]
            yield number, np.bincount(of_correct, minlength=num_labels)


def _fields(x: np.ndarray, weights: np.ndarray, chosen: np.ndarray) -> np.ndarray:
    """Fields `(n, K)` of outputs `(F, P, n)` through the chosen filters' weights `(F, P, K)`."""
    size, labels = x.shape[2], weights.shape[2]
    return x[chosen].reshape(-1, size).T @ weights[chosen].reshape(-1, labels)


def _blocks(inputs: int, numbers: int) -> Iterator[slice]:
    size = min(_INPUTS_AT_ONCE, max(1, _BLOCK_BYTES // (4 * numbers)))
    for begin in range(0, inputs, size):
        yield slice(begin, min(begin + size, inputs))
