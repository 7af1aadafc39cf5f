"""Phase 3: one pass over labelled images gives the fields of every filter of every stage."""

from typing import Any

import keras
import numpy as np
from keras import ops

from sfp_keras.checkpoints import PassCheckpoint
from sfp_keras.filters import FilterFields, StageMeasurement
from sfp_keras.probing.accumulator import ProbedStage
from sfp_keras.probing.class_means import ClassMeans
from sfp_keras.probing.features import Labelled
from sfp_keras.probing.image_pass import Heads, heads_by_stage, measure_stages


class FieldsAccumulator:
    """Sums stage outputs by label, which gives the mean fields, and counts correct images.

    An `Accumulator` whose result is a `StageMeasurement`. It holds 8 * K * P * F bytes of sums.
    """

    def __init__(self, stage: ProbedStage):
        self._stage = stage
        flat = np.ascontiguousarray(stage.kernel.reshape(-1, stage.num_labels))
        self._means = ClassMeans(stage.num_labels, len(flat))
        # Not by NumPy: its threads and the backend's would wait for each other.
        self._head = ops.convert_to_tensor(flat)
        self._correct = np.zeros(stage.num_labels, np.int64)

    def add(self, outputs: np.ndarray, labels: np.ndarray) -> None:
        """Take a batch of (n, P, F) stage outputs with their labels (n,)."""
        features = outputs.reshape(len(outputs), -1)
        self._means.add(features, labels)
        logits = ops.convert_to_numpy(ops.matmul(features, self._head))
        correct = labels[logits.argmax(1) == labels]
        self._correct += np.bincount(correct, minlength=len(self._correct))

    def state(self) -> dict[str, Any]:
        """Arrays from which the pass can go on."""
        return {"sums": self._means.sums, "counts": self._means.counts, "correct": self._correct}

    def restore(self, arrays: dict[str, np.ndarray]) -> bool:
        """Go on from what `state` gave, if the arrays are such."""
        now = self.state()
        if any((arrays[n].shape, arrays[n].dtype) != (x.shape, x.dtype) for n, x in now.items()):
            return False
        self._means.sums, self._means.counts = arrays["sums"], arrays["counts"]
        self._correct = arrays["correct"]
        return True

    def result(self) -> StageMeasurement:
        """The fields and the numbers of correct images."""
        kernel = self._stage.kernel
        fields = FilterFields(
            self._means.means().reshape(self._stage.num_labels, *kernel.shape[:2]),
            kernel,
            self._means.counts,
            self._stage.position_shape,
        )
        return StageMeasurement(fields, self._correct)


def measure_fields(
    cut: keras.Model,
    kernels: Heads,
    batches: Labelled,
    checkpoint: PassCheckpoint | None = None,
) -> dict[str, StageMeasurement]:
    """Silence every filter but one, for each filter, in one pass for all of them.

    A head is linear and has no bias, so the mean field that label i's images produce through
    filter f alone is the product of the mean stage outputs of label i with f's weights
    (paper 1, figures 3 and 4). The pass therefore only sums stage outputs by label.

    Example:

    ```python
    measured = measure_fields(cut, heads, (x_test, y_test))["pool2"]
    clusters = find_clusters(measured.fields)
    ```

    Args:
        cut: model of `cut_stages`.
        kernels: dict from stage name to its `Head`, as `train_heads` gives them, or to the head's
            (P, F, K) float32 weights; or that of the only stage alone.
        batches: images with labels (n,), integers in 0 .. K-1: a pair of arrays `(x, y)`, or
            batches of such pairs in a fixed order, such as a list or a `tf.data.Dataset`; or a
            function of the first row that gives batches from there on: only so a pass can go on.
        checkpoint: `PassCheckpoint` from which a pass that was killed goes on, with the same
            result to the last bit. The caller deletes it. Defaults to `None`.

    Returns:
        Dict from stage name to `StageMeasurement`.

    Raises:
        InputError: as `measure_stages`.
    """
    by_stage = heads_by_stage(cut, kernels)
    accumulators = {name: {"fields": FieldsAccumulator} for name in by_stage}
    found = measure_stages(cut, by_stage, batches, accumulators, checkpoint)
    return {name: of_stage["fields"] for name, of_stage in found.items()}
