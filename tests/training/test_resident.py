"""Images on the device are the images of the host, and a training gives the same numbers."""

import itertools
import os
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest

from sfp_keras.checkpoints import TrainingCheckpoint
from sfp_keras.data import (
    UNSCALED,
    Augmentation,
    ImageSplit,
    evaluation_batches,
    parse_scaling,
    training_batches,
)
from sfp_keras.errors import InputError
from sfp_keras.settings import TrainingSettings
from sfp_keras.training import (
    SGD,
    ResidentImages,
    TrainingData,
    fit_with_resume,
    fits_on_device,
    resident_batches,
    resident_rows,
)

RNG = np.random.default_rng(0)
TRAIN, TEST = (
    ImageSplit(RNG.integers(0, 256, (count, 6, 5, 3), dtype=np.uint8), RNG.integers(0, 4, count))
    for count in (23, 7)
)


def identity():
    return keras.Sequential([keras.Input((6, 5, 3)), keras.layers.Activation("linear")])


@pytest.mark.parametrize("text", ["-1..1", "0..255", "0.4,0.5,0.6/0.2,0.3,0.25", "none"])
@pytest.mark.parametrize("shift", [0, 2, 9])
def test_the_images_are_those_of_the_host(text, shift):
    scaling = UNSCALED if text == "none" else parse_scaling(text)
    augmentation = Augmentation(shift=shift)
    if text == "none" and shift:
        pytest.skip("a network that scales images itself augments them itself")
    held = ResidentImages(identity(), (TRAIN, TEST), scaling)
    host = training_batches(TRAIN, 10, 3, scaling, augmentation, first_epoch=2)
    rows = resident_batches(TRAIN, 10, 3, augmentation, first_epoch=2)
    for (x, y), (fed, also_y) in itertools.islice(zip(host, rows, strict=False), 7):
        np.testing.assert_array_equal(y, also_y)
        np.testing.assert_allclose(held.predict_on_batch(fed), x, rtol=1e-6, atol=1e-6)
    ordered = resident_rows(TEST.labels, len(TRAIN), 3)
    for (x, y), (fed, also_y) in zip(evaluation_batches(TEST, 3, scaling), ordered, strict=True):
        np.testing.assert_array_equal(y, also_y)
        np.testing.assert_allclose(held.predict_on_batch(fed), x, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("dtype", ["uint8", "float32"])
def test_grey_images_and_floats_are_held(dtype):
    images = (RNG.random((9, 6, 5, 1)) * 250).astype(dtype)
    split = ImageSplit(images, np.arange(9) % 4)
    scaling = parse_scaling("dataset", split)
    grey = keras.Sequential([keras.Input((6, 5, 1)), keras.layers.Activation("linear")])
    held = ResidentImages(grey, (split, split), scaling)
    augmentation = Augmentation(shift=2)
    fed, _ = next(resident_batches(split, 9, 3, augmentation))
    x, _ = next(training_batches(split, 9, 3, scaling, augmentation))
    np.testing.assert_allclose(held.predict_on_batch(fed), x, rtol=1e-6, atol=1e-6)
    assert fits_on_device(split)


def test_rows_may_come_as_floats():
    """As TensorFlow's strategies hand them over while Keras looks at shapes."""
    held = ResidentImages(identity(), (TRAIN, TEST), parse_scaling("-1..1"))
    fed, _ = next(resident_batches(TRAIN, 10, 3, Augmentation(shift=2)))
    floats = {name: keras.ops.cast(part, "float32") for name, part in fed.items()}
    np.testing.assert_array_equal(held(floats), held(fed))


def test_a_training_gives_the_same_numbers_and_goes_on_either_way(tmp_path):
    scaling, augmentation = parse_scaling("-1..1"), Augmentation(shift=1)

    def network():
        keras.utils.set_random_seed(1)
        image = keras.Input((6, 5, 3))
        x = keras.layers.Conv2D(4, 3, activation="relu", name="conv")(image)
        x = keras.layers.BatchNormalization(name="norm")(x)
        return keras.Model(image, keras.layers.Dense(4)(keras.layers.Flatten()(x)))

    def train(name, *parts):
        net = network()
        for epochs, device, several in parts:
            model = ResidentImages(net, (TRAIN, TEST), scaling) if device else net
            optimizer = SGD(0.05, 0.9, 1e-3)
            loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
            model.compile(optimizer, loss, metrics=["accuracy"])
            optimizer.build(model.trainable_variables)
            if device:
                feed = lambda e: resident_batches(TRAIN, 8, 0, augmentation, first_epoch=e)  # noqa: E731
                test = lambda: resident_rows(TEST.labels, len(TRAIN), 4)  # noqa: E731
            else:
                feed = lambda e: training_batches(TRAIN, 8, 0, scaling, augmentation, e)  # noqa: E731
                test = lambda: evaluation_batches(TEST, 4, scaling)  # noqa: E731
            data = TrainingData(feed, 3, test, 2, 2, 1)
            history = fit_with_resume(
                model,
                data.together() if several else data,
                TrainingSettings(epochs, lr=0.05),
                TrainingCheckpoint(tmp_path / name, "same", every_seconds=0),
            )
        return net.get_weights(), history

    jax = keras.backend.backend() == "jax"
    host, history = train("host", (2, False, False))
    ways = {"device": [(2, True, False)], "both": [(1, True, jax), (2, False, False)]}
    if jax:
        ways["several"] = [(2, True, True)]
    for name, parts in ways.items():
        weights, others = train(name, *parts)
        for ours, theirs in zip(weights, host, strict=True):
            np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-5)
        for row, other in zip(history, others, strict=True):
            assert row.keys() == other.keys()
            assert other["loss"] == pytest.approx(row["loss"], rel=1e-4)
            assert other["val_loss"] == pytest.approx(row["val_loss"], rel=1e-4)


def test_what_cannot_be_held_is_refused():
    def twice(x):
        return 2 * x

    twice.__module__ = __name__
    globals()["twice"] = twice
    with pytest.raises(InputError, match=r"`images_on`=device: `scaling`=.*:twice.*on the host"):
        ResidentImages(identity(), (TRAIN,), parse_scaling(f"{__name__}:twice"))
    assert fits_on_device(TRAIN, TEST)
    mapped = ImageSplit(np.memmap("/dev/zero", np.uint8, "r", shape=(3, 4, 4, 3)), np.arange(3))
    assert not fits_on_device(TRAIN, mapped)


# All in one process, for its start takes longest.
_ON_JAX = ("resident", "adamw", "loss", "recipe_training")


@pytest.mark.slow
def test_it_runs_on_jax():
    pytest.importorskip("jax")
    if keras.backend.backend() == "jax":
        return
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-p",
            "no:cacheprovider",
            "-k",
            "a_training or adamw or loss or recipe",
            *(str(Path(__file__).with_name(f"test_{name}.py")) for name in _ON_JAX),
        ],
        cwd=Path(__file__).parents[2],
        env={**os.environ, "KERAS_BACKEND": "jax"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-3000:]


def test_more_pixels_than_an_int32_numbers_do_not_fit():
    row = np.zeros((1, 224, 224, 1), np.uint8)
    for count, fits in ((42_000, True), (43_000, False)):
        images = np.broadcast_to(row, (count, *row.shape[1:]))
        assert fits_on_device(ImageSplit(images, np.zeros(count, int))) is fits
