"""Batches of cached outputs of a network's frozen part, for what is trained behind it."""

from collections.abc import Callable, Iterable, Iterator, Sequence

import keras
import numpy as np

from sfp_keras.data import epoch_rows
from sfp_keras.distribution import current_devices
from sfp_keras.probing import FeatureCache, RowReader
from sfp_keras.training import TrainingData

Batch = tuple[np.ndarray, np.ndarray]


class CachedBatches:
    """Training and test batches of the one array of a `FeatureCache`.

    Args:
        cache: `FeatureCache` of one output.
        shape: of one row, as the layers behind it take it.
        batch_size: `int`.
        seed: `int`. Of the order of the images.
    """

    def __init__(self, cache: FeatureCache, shape: Sequence[int], batch_size: int, seed: int):
        (features,) = cache.arrays.values()
        self.cache, self.shape = cache, tuple(shape)
        self.batch_size, self.seed = batch_size, seed
        self._read = RowReader(features)

    @property
    def test_count(self) -> int:
        """Test images."""
        return len(self.cache.labels) - self.cache.train_count

    def training_data(self) -> TrainingData:
        """What a training is given."""
        return TrainingData(
            self.shuffled,
            -(-self.cache.train_count // self.batch_size),
            self.test,
            -(-self.test_count // self.batch_size),
        )

    def shuffled(self, first_epoch: int) -> Iterator[Batch]:
        """Training batches from an epoch on, without end."""
        count, size = self.cache.train_count, self.batch_size
        for rows, _ in epoch_rows(count, size, self.seed, first_epoch=first_epoch):
            yield self._batch(rows)

    def test(self) -> Iterator[Batch]:
        """One pass over the test images."""
        end, size = len(self.cache.labels), self.batch_size
        for begin in range(self.cache.train_count, end, size):
            yield self._batch(np.arange(begin, min(begin + size, end)))

    def _batch(self, rows: np.ndarray) -> Batch:
        features = self._read(rows).astype(np.float32)
        return features.reshape(-1, *self.shape), self.cache.labels[rows]


def accuracy_of(
    network: keras.Model,
    batches: Iterable[Batch],
    size: int,
    chosen: Callable[[Sequence[np.ndarray]], np.ndarray] = lambda outputs: outputs[0].argmax(1),
) -> float:
    """The share of images for which a network chooses their label.

    Args:
        network: `keras.Model`.
        batches: of inputs and labels.
        size: `int`. Rows of a batch; shorter ones are filled.
        chosen: the labels that outputs choose. Defaults to the largest of the first output.
    """
    correct = count = 0
    for inputs, labels in batches:
        # A full last batch keeps one compiled function.
        padded = np.concatenate([inputs, inputs[:1].repeat(size - len(labels), axis=0)])
        outputs = current_devices().predict(network, padded)
        correct += int((chosen([output[: len(labels)] for output in outputs]) == labels).sum())
        count += len(labels)
    return correct / max(1, count)
