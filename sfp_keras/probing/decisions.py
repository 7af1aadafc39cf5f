"""Single-filter decisions of several stages from one pass over labelled images."""

from collections.abc import Iterator, Mapping

import keras
import numpy as np

from sfp_keras.filters import FilterDecisions, FilterFields, filter_decisions
from sfp_keras.probing.features import Batches, stage_outputs

_INPUTS_AT_ONCE = 1024
_HELD_BYTES = 2**27


def measure_decisions(
    cut: keras.Model,
    kernels: Mapping[str, np.ndarray],
    batches: Batches,
    matrices_of: Mapping[str, np.ndarray] | None = None,
) -> dict[str, FilterDecisions]:
    """Let every filter of every stage decide alone on every image, in one pass.

    Beside the network and its batch this holds outputs of up to 1,024 images or 128 MiB, twice
    while they are joined, and per stage `3 * (24 * F * K + 8 * n * K * K)` bytes for n matrices:
    the sum so far, the batch's and the new sum. With 1,280 filters, 1,000 labels and 16 matrices
    that is 0.44 GiB.

    Args:
        cut: model of `cut_stages`.
        kernels: dict from stage name to the head's (P, F, K) float32 weights, in the order of
            the outputs of `cut`.
        batches: (images, labels (n,) integers in 0 .. K-1).
        matrices_of: dict from stage name to the filters whose (K, K) matrices are kept; default
            `None`: of none.

    Returns:
        Dict from stage name to `FilterDecisions`.

    Raises:
        InputError: if a label lies outside 0 .. K-1, or a kernel does not fit its stage.

    Source: paper 1, Figure 3.
    """
    found: dict[str, FilterDecisions] = {}
    for outputs, labels in _gathered(cut, batches):
        for (name, kernel), output in zip(kernels.items(), outputs, strict=True):
            positions = output.reshape(len(output), -1, output.shape[-1])
            more = filter_decisions(positions, labels, kernel, (matrices_of or {}).get(name))
            found[name] = found[name] + more if name in found else more
    return found


def spread_filters(fields: FilterFields, count: int = 16) -> np.ndarray:
    """Choose filters evenly from the strongest to the weakest by their largest mean field.

    Args:
        fields: `FilterFields`.
        count: `int`. How many; fewer where fewer are alive. Defaults to 16.

    Returns:
        int64 array of filters, ascending; dead ones are never among them.
    """
    maxima = fields.maxima()
    order = np.argsort(-maxima, kind="stable")[: np.count_nonzero(maxima > 0)]
    places = np.linspace(0, len(order) - 1, min(count, len(order))).round().astype(int)
    return np.sort(order[places])


def _gathered(cut: keras.Model, batches: Batches) -> Iterator[tuple[list, np.ndarray]]:
    """Outputs of several batches together, for tables are added up once for each."""
    held: list[tuple[list, np.ndarray]] = []
    for outputs, labels in stage_outputs(cut, batches):
        held.append((outputs, labels))
        count = sum(len(of) for _, of in held)
        held_bytes = sum(output.nbytes for outputs, _ in held for output in outputs)
        if count >= _INPUTS_AT_ONCE or held_bytes >= _HELD_BYTES:
            yield _joined(held)
            held = []
    if held:
        yield _joined(held)


def _joined(held: list[tuple[list, np.ndarray]]) -> tuple[list, np.ndarray]:
    outputs, labels = zip(*held, strict=True)
    return [np.concatenate(of) for of in zip(*outputs, strict=True)], np.concatenate(labels)
