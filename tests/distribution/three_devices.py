"""Trains a small network on one device and on three, also going over from one to the other.

python three_devices.py <folder for checkpoints>, with KERAS_BACKEND, and XLA_FLAGS where it is jax.
"""

import gc
import os
import sys
import weakref
from collections.abc import Iterator
from pathlib import Path

import numpy as np

if os.environ["KERAS_BACKEND"] == "tensorflow":
    import tensorflow as tf

    (cpu,) = tf.config.list_physical_devices("CPU")
    tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 3)

import keras

from sfp_keras import MaskedDense
from sfp_keras.checkpoints import TrainingCheckpoint
from sfp_keras.data import epoch_order
from sfp_keras.distribution import distributed
from sfp_keras.settings import RecipeSettings, TrainingSettings
from sfp_keras.training import (
    TrainingData,
    compile_classifier,
    fit_with_resume,
    with_exact_loss,
)

JAX = keras.backend.backend() == "jax"
# What each backend cuts in a way of its own, and a last batch without an image for every device.
IMAGES, SIZE = (20, 9) if JAX else (22, 10)
rng = np.random.default_rng(0)
x = rng.normal(2, 1, (IMAGES, 8, 8, 3)).astype(np.float32)
y = rng.integers(0, 4, IMAGES)
mask = rng.random((12, 4)) < 0.5
mask[0] = True
made: list[weakref.ref[np.ndarray]] = []
SHARES = rng.dirichlet(np.ones(4), IMAGES).astype(np.float32)


class Stopped(Exception):
    pass


class Watched(np.ndarray):
    """Images of which one can ask whether they are still there."""


def network() -> keras.Model:
    inputs = keras.Input((8, 8, 3))
    h = keras.layers.Conv2D(6, 3, kernel_initializer=keras.initializers.HeNormal(1))(inputs)
    h = keras.layers.BatchNormalization()(h)
    h = keras.layers.MaxPooling2D(4)(keras.layers.ReLU()(h))
    h = keras.layers.Dense(12, kernel_initializer=keras.initializers.HeNormal(2), name="fc")(
        keras.layers.Flatten()(h)
    )
    if JAX:
        # The other backend draws other numbers on every device.
        h = keras.layers.Dropout(0.3, seed=4)(h)
    head = MaskedDense(4, mask, kernel_initializer=keras.initializers.HeNormal(3), name="head")
    return keras.Model(inputs, head(h))


def batches(first_epoch: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    epoch = first_epoch
    while True:
        order = epoch_order(0, epoch, IMAGES)
        for begin in range(0, IMAGES, SIZE):
            rows = order[begin : begin + SIZE]
            images = x[rows].view(Watched)
            made.append(weakref.ref(images))
            yield images, y[rows]
            del images
        epoch += 1


def test_batches() -> Iterator[tuple[np.ndarray, np.ndarray]]:
    yield x[:2], y[:2]


def train(kind: str | None, file: str, stop_after: int = 0) -> tuple[list[np.ndarray], list[dict]]:
    """Weights, outputs, history; with `stop_after` it ends as if killed after that epoch."""

    def stop(history: list[dict]) -> None:
        if len(history) == stop_after:
            raise Stopped

    with distributed(kind) as devices:
        assert devices.count == (3 if kind else 1)
        model = network()
        settings = TrainingSettings(
            epochs=3,
            schedule_epochs=None,
            lr=0.05,
            momentum=0.9,
            l2=1e-2,
            decay="0.5/2",
            group=("fc/: lr=0.02 momentum=0.5 l2=1e-3 decay=0.5/1",),
        )
        compile_classifier(model, settings)
        history = fit_with_resume(
            model,
            TrainingData(batches, 3, test_batches, 1),
            settings,
            TrainingCheckpoint(Path(sys.argv[1]) / file, every_seconds=0),
            on_epoch=stop,
        )
        kernel = keras.ops.convert_to_numpy(model.get_layer("head").kernel)
        assert not kernel[~mask].any()
        assert (kernel[mask] != 0).all()
        assert not model.layers[2].get_config()["synchronized"]
        weights = [*model.get_weights(), *devices.predict(model, x[:7])]
        return weights, with_exact_loss(history)


alone, curve = train(None, "one")
for first, then in (("data_parallel", None), (None, "data_parallel")):
    file = f"{first}-{then}"
    try:
        train(first, file, stop_after=1)
        raise AssertionError("it was to stop")
    except Stopped:
        pass
    weights, history = train(then, file)
    for row, expected in zip(history, curve, strict=True):
        for name, value in expected.items():
            np.testing.assert_allclose(row[name], value, rtol=1e-4, err_msg=f"{file} {name}")
    for found, expected in zip(weights, alone, strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-3, atol=2e-5, err_msg=file)
    print(file, max(np.abs(a - b).max() for a, b in zip(weights, alone, strict=True)))


gc.collect()
assert made
assert all(images() is None for images in made)


def train_on_shares(kind: str | None) -> list[np.ndarray]:
    """Weights after a training with smoothed shares of labels, as mixed images have them.

    The network is the same: TensorFlow numbers what devices exchange from the start in every
    strategy, and refuses other shapes under a number it had.
    """
    with distributed(kind):
        model = network()
        recipe = RecipeSettings(label_smoothing=0.1)
        settings = TrainingSettings(epochs=1, schedule_epochs=None, lr=0.05, recipe=recipe)
        compile_classifier(model, settings)
        steps = [(x[:SIZE], SHARES[:SIZE]), (x[-2:], SHARES[-2:])]
        fit_with_resume(model, TrainingData(lambda epoch: iter(steps), 2), settings)
        return model.get_weights()


for found, expected in zip(train_on_shares("data_parallel"), train_on_shares(None), strict=True):
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=2e-5)
