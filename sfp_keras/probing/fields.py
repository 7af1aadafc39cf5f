"""Phase 3: one pass over labelled images gives the fields of every filter of every stage."""

import dataclasses
from collections.abc import Mapping

import keras
import numpy as np
from keras import ops

from sfp_keras.checkpoints import PassCheckpoint
from sfp_keras.errors import InputError
from sfp_keras.filters import FilterFields
from sfp_keras.probing.class_means import ClassMeans
from sfp_keras.probing.features import Batches, BatchesFrom, position_shapes, stage_outputs


@dataclasses.dataclass(frozen=True, eq=False)
class Measurement:
    """What one pass over a split says of one stage.

    Attributes:
        fields: `FilterFields` of the stage.
        correct: (K,) int64, images of each label that the whole head classifies rightly.
    """

    fields: FilterFields
    correct: np.ndarray

    @property
    def accuracy(self) -> float:
        """Share of all images that the whole head classifies rightly."""
        return float(self.correct.sum() / max(1, self.fields.label_counts.sum()))

    @property
    def label_accuracy(self) -> np.ndarray:
        """(K,) float64, the same for each label; NaN for a label without images."""
        counts = self.fields.label_counts
        return np.divide(self.correct, counts, out=np.full(len(counts), np.nan), where=counts > 0)


def measure_fields(
    cut: keras.Model,
    kernels: Mapping[str, np.ndarray],
    batches: Batches | BatchesFrom,
    record: PassCheckpoint | None = None,
) -> dict[str, Measurement]:
    """Silence every filter but one, for each filter, in one pass for all of them.

    A head is linear and has no bias, so the mean field that label i's images produce through
    filter f alone is the product of the mean stage outputs of label i with f's weights
    (paper 1, figures 3 and 4). The pass therefore only sums stage outputs by label.

    Args:
        cut: model of `cut_stages`.
        kernels: dict from stage name to the head's (P, F, K) float32 weights, in the order of
            the outputs of `cut`.
        batches: (images, labels (n,) integers in 0 .. K-1), in a fixed order; or a function of
            the first row that gives those from there on: only so a pass can go on.
        record: `PassCheckpoint` from which a pass that was killed goes on, with the same result to
            the last bit. Whoever gave it deletes it. Defaults to `None`.

    Returns:
        Dict from stage name to `Measurement`.

    Raises:
        InputError: if a label lies outside 0 .. K-1, a kernel does not fit its stage, or kernels
            are of different numbers of labels.
    """
    shapes = position_shapes(cut, list(kernels))
    flat = {}
    for (name, kernel), output in zip(kernels.items(), cut.outputs, strict=True):
        filters = int(output.shape[-1])
        positions = int(np.prod(shapes[name], dtype=int))
        if kernel.ndim != 3 or kernel.shape[:2] != (positions, filters):
            raise InputError(
                f"the head of stage {name} has shape {kernel.shape}; the stage needs "
                f"({positions}, {filters}, labels)"
            )
        flat[name] = np.ascontiguousarray(kernel.reshape(positions * filters, -1), np.float32)
    counts = {name: kernel.shape[2] for name, kernel in kernels.items()}
    labels_count, *others = set(counts.values())
    if others:
        raise InputError(f"heads have different numbers of labels: {counts}")
    sums = {name: ClassMeans(labels_count, len(head)) for name, head in flat.items()}
    # Not by NumPy: its threads and the backend's would wait for each other.
    heads = {name: ops.convert_to_tensor(head) for name, head in flat.items()}
    correct = {name: np.zeros(labels_count, np.int64) for name in flat}
    done = np.zeros(2, np.int64)  # Rows, and the largest batch.
    state: dict[str, np.ndarray] = {"done": done}
    for i, name in enumerate(flat):
        state[f"sums{i}"], state[f"counts{i}"] = sums[name].sums, sums[name].counts
        state[f"correct{i}"] = correct[name]
    if callable(batches):
        for name, array in (record.read() if record else {}).items():
            state[name][...] = array
        batches = batches(int(done[0]))
    else:
        record = None
    for outputs, labels in stage_outputs(cut, batches, int(done[1])):
        if len(labels) and not (labels.min() >= 0 and labels.max() < labels_count):
            raise InputError(
                f"labels run from {labels.min()} to {labels.max()}, the heads have "
                f"{labels_count} outputs"
            )
        for (name, head), output in zip(heads.items(), outputs, strict=True):
            features = output.reshape(len(output), -1)
            sums[name].add(features, labels)
            logits = ops.convert_to_numpy(ops.matmul(features, head))
            hits = labels[logits.argmax(1) == labels]
            correct[name] += np.bincount(hits, minlength=labels_count)
        done[:] = done[0] + len(labels), max(done[1], len(labels))
        if record is not None and record.due:
            record.save(**state)
    return {
        name: Measurement(
            FilterFields(
                sums[name].means().reshape(labels_count, *kernel.shape[:2]),
                np.asarray(kernel, np.float32),
                sums[name].counts,
                shapes[name],
            ),
            correct[name],
        )
        for name, kernel in kernels.items()
    }
