"""A training that is over gives back the memory of its model and its data."""

import gc
import weakref

import keras
import numpy as np
import pytest

from sfp_keras.distribution import aligned_empty, current_devices
from sfp_keras.training import SGD, AdamW


class Held(keras.Model):
    """A linear classifier of rows it holds."""

    def __init__(self, rows: np.ndarray):
        super().__init__()
        self.rows = current_devices().constant(rows)
        self.logits = keras.layers.Dense(3)
        self.logits.build((None, rows.shape[1]))
        self.built = True

    def call(self, indices):
        rows = keras.ops.cast(indices, "int32")
        return self.logits(keras.ops.take(self.rows, rows, axis=0))


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="others copy the rows")
@pytest.mark.parametrize("optimizer", [SGD, AdamW])
def test_nothing_is_kept_of_a_training(optimizer: type) -> None:
    """TensorFlow keeps what any `tf.custom_gradient` reaches, for as long as the process lives."""
    rows = aligned_empty((20, 4), np.dtype(np.float32))
    rows[:] = 1
    model = Held(rows)
    model.compile(optimizer(0.1), keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    model.fit(np.arange(20), np.arange(20) % 3, verbose=0)
    held = weakref.ref(rows)
    assert held() is not None
    del model, rows
    gc.collect()
    assert held() is None
