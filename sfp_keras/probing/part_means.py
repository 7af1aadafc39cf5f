"""Mean stage outputs of parts of each label's images, for error bars."""

from typing import Any

import numpy as np
from keras import ops

from sfp_keras.filters import PartMeans
from sfp_keras.probing.accumulator import ProbedStage

# An error from so many parts is known to a sixth of itself, and of K labels together better.
_PARTS = 20


class PartMeansAccumulator:
    """Sums stage outputs by label and part of the label's images.

    An `Accumulator` whose result is `PartMeans`. The images of a label go to its parts in turn, so
    that parts are of one size. It holds 4 * 20 * K * P * F bytes of float32 sums: 13 MB for layer 2
    of VGG-16 (16,384 outputs) and 10 labels, 131 MB for 100; of labels with fewer than 20 images,
    less. Fields of parts would take F * K * K numbers instead of K * P * F: more at the output
    side, and they follow from these.
    """

    def __init__(self, stage: ProbedStage):
        self._stage = stage
        labels = stage.num_labels
        flat = np.ascontiguousarray(stage.kernel.reshape(-1, labels))
        self._head = ops.convert_to_tensor(flat)
        # Memory of parts that are never reached is not taken.
        self._sums = np.zeros((labels, _PARTS, len(flat)), np.float32)
        self._counts = np.zeros((labels, _PARTS), np.int64)
        self._correct = np.zeros((labels, _PARTS), np.int64)

    def add(self, outputs: np.ndarray, labels: np.ndarray) -> None:
        """Take a batch of (n, P, F) stage outputs with their labels (n,)."""
        features = outputs.reshape(len(outputs), -1)
        chosen = ops.convert_to_numpy(ops.matmul(features, self._head)).argmax(1)
        seen = self._counts.sum(1)
        for row, label, decided in zip(features, labels, chosen, strict=True):
            part = seen[label] % _PARTS
            self._sums[label, part] += row
            self._counts[label, part] += 1
            self._correct[label, part] += decided == label
            seen[label] += 1

    def state(self) -> dict[str, Any]:
        """Arrays from which the pass can go on."""
        return {"sums": self._sums, "counts": self._counts, "correct": self._correct}

    def restore(self, arrays: dict[str, np.ndarray]) -> bool:
        """Go on from what `state` gave, if the arrays are such."""
        now = self.state()
        if any((arrays[n].shape, arrays[n].dtype) != (x.shape, x.dtype) for n, x in now.items()):
            return False
        self._sums, self._counts = arrays["sums"], arrays["counts"]
        self._correct = arrays["correct"]
        return True

    def result(self) -> PartMeans:
        """The mean outputs of the parts that have images."""
        parts = int((self._counts > 0).sum(1).max(initial=1)) or 1
        counts = self._counts[:, :parts]
        means = self._sums[:, :parts]
        means /= np.maximum(counts, 1).astype(np.float32)[:, :, None]
        shape = (*counts.shape, *self._stage.kernel.shape[:2])
        return PartMeans(means.reshape(shape), counts, self._correct[:, :parts])
