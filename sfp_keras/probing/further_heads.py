"""How many images further heads of a stage classify correctly."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from keras import ops

from sfp_keras.probing.accumulator import ProbedStage


class FurtherHeadsAccumulator:
    """Counts the images that each of several heads of a stage classifies correctly.

    An `Accumulator` whose result is a dict from the heads' names to int64 (K,), by label. Their
    fields need no pass: mean stage outputs are the same for all heads.

    Args:
        stage: `ProbedStage`.
        kernels: dict from the heads' names to their weights, (P, F, K) float32.
    """

    def __init__(self, stage: ProbedStage, kernels: Mapping[str, np.ndarray]):
        self._names, self._labels = list(kernels), stage.num_labels
        flat = [kernel.reshape(-1, self._labels) for kernel in kernels.values()]
        self._heads = ops.convert_to_tensor(np.concatenate(flat, axis=1))
        self._correct = np.zeros((len(flat), self._labels), np.int64)

    def add(self, outputs: np.ndarray, labels: np.ndarray) -> None:
        """Take a batch of (n, P, F) stage outputs with their labels (n,)."""
        logits = ops.convert_to_numpy(ops.matmul(outputs.reshape(len(outputs), -1), self._heads))
        chosen = logits.reshape(len(outputs), len(self._names), self._labels).argmax(2)
        for correct, decided in zip(self._correct, chosen.T, strict=True):
            correct += np.bincount(labels[decided == labels], minlength=self._labels)

    def state(self) -> dict[str, Any]:
        """Arrays from which the pass can go on."""
        return {"correct": self._correct}

    def restore(self, arrays: dict[str, np.ndarray]) -> bool:
        """Go on from what `state` gave, if the arrays are such."""
        found = arrays["correct"]
        if (found.shape, found.dtype) != (self._correct.shape, self._correct.dtype):
            return False
        self._correct = found
        return True

    def result(self) -> dict[str, np.ndarray]:
        """The counts by head."""
        return dict(zip(self._names, self._correct, strict=True))
