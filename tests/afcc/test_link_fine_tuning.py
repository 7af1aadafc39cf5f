"""Training under masks of links: what moves and what stays, and that a stopped one goes on."""

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from sfp_keras.afcc import (
    CachedBatches,
    LinkData,
    LinkFineTuning,
    layers_of_link,
    links,
    mask_layers,
    prefix_of,
    start_before,
)
from sfp_keras.afcc.link_layers import classifier_behind
from sfp_keras.afcc.link_precision import in_precision
from sfp_keras.data import epoch_rows
from sfp_keras.models.label_outputs import label_outputs
from sfp_keras.models.rebuilding import layers_by_path
from sfp_keras.probing import cache_features
from sfp_keras.settings import LinkTrainingSettings, ScratchSettings
from sfp_keras.training import TrainingData

pytestmark = pytest.mark.usefixtures("not_compiled")
RNG = np.random.default_rng(0)
IMAGES = RNG.normal(size=(60, 8, 8, 3)).astype(np.float32)
TARGETS = RNG.integers(0, 4, 60)
TRAIN, SIZE = 40, 10
SETTINGS = LinkTrainingSettings(epochs=2, batch_size=SIZE, lr=0.02)


@pytest.fixture(scope="module")
def network() -> keras.Model:
    keras.utils.set_random_seed(0)
    x = inputs = keras.Input((8, 8, 3))
    for number in (1, 2):
        x = keras.layers.Conv2D(5, 3, padding="same", name=f"conv{number}")(x)
        x = keras.layers.BatchNormalization(name=f"norm{number}")(x)
        x = keras.layers.ReLU(name=f"relu{number}")(x)
    y = keras.layers.Conv2D(5, 3, padding="same", name="conv3")(x)
    x = keras.layers.Add(name="sum")([x, y])
    x = keras.layers.MaxPooling2D(4, name="pool")(x)
    x = keras.layers.Flatten(name="flat")(x)
    return keras.Model(inputs, keras.layers.Dense(4, activation="softmax", name="output")(x))


def images(seed: int = 0) -> LinkData:
    def batches(first_epoch: int) -> Any:
        for rows, _ in epoch_rows(TRAIN, SIZE, seed, first_epoch=first_epoch):
            yield IMAGES[rows], TARGETS[rows]

    def test() -> Any:
        return ((IMAGES[i : i + SIZE], TARGETS[i : i + SIZE]) for i in range(TRAIN, 60, SIZE))

    return LinkData(
        lambda model: (model, TrainingData(batches, TRAIN // SIZE, test, 2)), test, SIZE
    )


def cached(network: keras.Model, layers: tuple[str, ...]) -> LinkData:
    start = start_before(network, layers)
    prefix = prefix_of(network, start)
    cache = cache_features(
        prefix,
        ["prefix"],
        [(IMAGES[:TRAIN], TARGETS[:TRAIN])],
        [(IMAGES[TRAIN:], TARGETS[TRAIN:])],
        train_count=TRAIN,
        test_count=20,
        dtype="float32",
    )
    batches = CachedBatches(cache, prefix.output_shape[1:], SIZE, 0)
    return LinkData(lambda m: (m, batches.training_data()), batches.test, SIZE, start)


def changed(before: keras.Model, after: keras.Model) -> set[str]:
    old = layers_by_path(before)
    return {
        variable.path
        for path, layer in layers_by_path(after).items()
        for variable, weights in zip(layer.weights, old[path].get_weights(), strict=True)
        if (np.asarray(variable) != weights).any()
    }


def test_the_layers_of_a_link_and_where_the_frozen_part_ends(network: keras.Model) -> None:
    found = {link.name: layers_of_link(network, link) for link in links(network)}
    assert found == {
        "conv2": ("conv1", "conv2"),
        "conv3": ("conv2", "conv3"),
        # A sum's filters are made on both its branches.
        "output": ("conv2", "conv3", "output"),
    }
    assert start_before(network, found["conv2"]) is None
    assert start_before(network, found["conv3"]) == ("relu1", 0)
    assert start_before(network, ["output"]) == ("flat", 0)


def test_a_softmax_is_trained_by_its_logarithm(network: keras.Model) -> None:
    outputs = label_outputs(network, 4)
    logits = classifier_behind(network, None, outputs).predict_on_batch(IMAGES)
    expected = network.predict_on_batch(IMAGES)
    np.testing.assert_allclose(np.exp(logits), expected, rtol=1e-5)


@pytest.mark.parametrize("precision", ["float32", "mixed_bfloat16"])
def test_sigmoids_are_trained_by_their_shares(precision: str, tmp_path: Path) -> None:
    keras.utils.set_random_seed(0)
    inputs = keras.Input((8, 8, 3))
    x = keras.layers.Flatten(name="flat")(keras.layers.Conv2D(5, 3, name="conv")(inputs))
    network = keras.Model(inputs, keras.layers.Dense(4, activation="sigmoid", name="output")(x))
    settings = LinkTrainingSettings(
        epochs=1, batch_size=SIZE, lr=0.0, l2=0.0, momentum=0.0, precision=precision
    )
    tuner = LinkFineTuning(label_outputs(network, 4), images(), settings)
    outcome = tuner.run(network, {}, ("conv", "output"), checkpoint=tmp_path / "c.npz")
    share = network.predict_on_batch(IMAGES[:TRAIN]).astype(np.float64)
    share /= share.sum(axis=1, keepdims=True)
    loss = -np.log(share[np.arange(TRAIN), TARGETS[:TRAIN]]).mean()
    tolerance = 1e-5 if precision == "float32" else 0.02
    assert outcome.history[0]["loss"] == pytest.approx(loss, rel=tolerance)


def test_dropout_is_a_function_of_the_seed(tmp_path: Path) -> None:
    inputs = keras.Input((8, 8, 3))
    x = keras.layers.Conv2D(5, 3, activation="relu", name="conv")(inputs)
    x = keras.layers.Dropout(0.5, name="drop")(keras.layers.Flatten(name="flat")(x))
    network = keras.Model(inputs, keras.layers.Dense(4, name="output")(x))
    outputs = label_outputs(network, 4)

    def kernel(seed: int, file: str) -> np.ndarray:
        settings = LinkTrainingSettings(epochs=1, batch_size=SIZE)
        tuner = LinkFineTuning(outputs, images(), settings, seed=seed)
        outcome = tuner.run(network, {}, ("conv", "output"), checkpoint=tmp_path / file)
        return outcome.network.get_layer("output").get_weights()[0]

    first = kernel(0, "first.npz")
    np.testing.assert_array_equal(kernel(0, "again.npz"), first)
    assert (kernel(1, "other.npz") != first).any()


@pytest.mark.parametrize("batch_norm", ["frozen", "updating"])
def test_two_layers_are_trained_and_zeros_hold(
    batch_norm: str, network: keras.Model, tmp_path: Path
) -> None:
    link = next(link for link in links(network) if link.name == "conv2")
    mask = np.random.default_rng(1).random((1, 1, 5, 5)) < 0.5
    layers, outputs = layers_of_link(network, link), label_outputs(network, 4)
    data = images() if batch_norm == "updating" else cached(network, layers)
    tuner = LinkFineTuning(outputs, data, SETTINGS, batch_norm)
    outcome = tuner.run(network, {"conv2": mask}, layers, checkpoint=tmp_path / "c.npz")
    weights = {f"{path}/{name}" for path in layers for name in ("kernel", "bias")}
    moving = {f"norm{n}/moving_{name}" for n in (1, 2) for name in ("mean", "variance")}
    assert changed(network, outcome.network) == weights | (
        moving if batch_norm == "updating" else set()
    )
    kernel = outcome.network.get_layer("conv2").get_weights()[0]
    assert not kernel[~np.broadcast_to(mask, kernel.shape)].any()
    zeroed = mask_layers(network, {"conv2": mask})
    for net, accuracy in (
        (zeroed, outcome.accuracy_zeroed),
        (outcome.network, outcome.accuracy_after),
    ):
        right = net.predict_on_batch(IMAGES[TRAIN:]).argmax(1) == TARGETS[TRAIN:]
        assert accuracy == pytest.approx(right.mean())
    assert [row["epoch"] for row in outcome.history] == [0, 1]


def test_a_stopped_training_ends_in_the_same_weights(network: keras.Model, tmp_path: Path) -> None:
    mask = {"conv3": np.random.default_rng(2).random((1, 1, 5, 5)) < 0.5}
    layers = ("conv2", "conv3")
    data, outputs = cached(network, layers), label_outputs(network, 4)

    def run(epochs: int, file: str) -> keras.Model:
        settings = LinkTrainingSettings(epochs=epochs, batch_size=SIZE)
        return (
            LinkFineTuning(outputs, data, settings)
            .run(network, mask, layers, checkpoint=tmp_path / file)
            .network
        )

    whole = run(3, "whole.npz")
    run(1, "stopped.npz")
    for a, b in zip(whole.get_weights(), run(3, "stopped.npz").get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_bf16_is_tested_in_float32(network: keras.Model, tmp_path: Path) -> None:
    layers, mask = ("conv2", "conv3"), {"conv3": np.eye(5, dtype=bool)}
    settings = LinkTrainingSettings(epochs=1, lr=0.1, batch_size=SIZE, precision="mixed_bfloat16")
    tuner = LinkFineTuning(label_outputs(network, 4), images(), settings, "updating")
    outcome = tuner.run(network, mask, layers, checkpoint=tmp_path / "c.npz")
    found = {path.split("/")[0] for path in changed(network, outcome.network)}
    assert found == {"conv2", "conv3", "norm1", "norm2"}
    assert not changed(network, outcome.network) & {"norm1/gamma", "norm2/beta"}
    assert not outcome.network.get_layer("conv3").get_weights()[0][:, :, ~mask["conv3"]].any()
    assert {layer.compute_dtype for layer in outcome.network.layers} == {"float32"}
    right = outcome.network.predict_on_batch(IMAGES[TRAIN:]).argmax(1) == TARGETS[TRAIN:]
    assert outcome.accuracy_after == pytest.approx(right.mean())


def test_images_are_normalised_in_another_precision_too() -> None:
    scale = keras.layers.Normalization()
    scale.adapt(100 + 50 * np.random.default_rng(0).normal(size=(64, 3)))
    inputs = keras.Input((3,))
    model = keras.Model(inputs, keras.layers.Dense(4)(scale(inputs)))
    images = np.array([[90.0, 120.0, 170.0]], np.float32)
    found = in_precision(model, "mixed_bfloat16").predict_on_batch(images)
    np.testing.assert_allclose(found, model.predict_on_batch(images), atol=0.05)


def test_from_scratch_all_is_trained_and_kept_weights_begin_larger(
    network: keras.Model, tmp_path: Path
) -> None:
    mask = np.zeros((1, 1, 5, 5), bool)
    mask[..., :1, :] = True
    settings = ScratchSettings(epochs=1, lr=0.0, l2=0.0, momentum=0.0)
    tuner = LinkFineTuning(label_outputs(network, 4), images(), settings)
    outcome = tuner.run(network, {"conv3": mask}, None, checkpoint=tmp_path / "c.npz")
    before, after = (net.get_layer("conv3").get_weights()[0] for net in (network, outcome.network))
    np.testing.assert_allclose(after[:, :, 0], before[:, :, 0] * np.sqrt(5), rtol=1e-6)
    # Convolutions and batch norms stand still at a learning rate of 0, dense layers have their own.
    moved = {path for path in changed(network, outcome.network) if "moving" not in path}
    assert moved == {"conv3/kernel", "output/kernel", "output/bias"}
