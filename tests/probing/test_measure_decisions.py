"""Decisions of two stages in one pass against a loop over images, stages and filters."""

from collections.abc import Iterator

import keras
import numpy as np
import pytest

from sfp_keras.errors import InputError
from sfp_keras.filters import FilterFields
from sfp_keras.probing import cut_stages, measure_decisions, resolve_stages, spread_filters

K = 4


@pytest.fixture(scope="module")
def network() -> keras.Model:
    keras.utils.set_random_seed(3)
    inputs = keras.Input((8, 8, 3))
    x = keras.layers.Conv2D(5, 3, activation="relu", name="one")(inputs)
    x = keras.layers.MaxPooling2D(2, name="pool")(x)
    x = keras.layers.Conv2D(6, 3, activation="relu", name="two")(x)
    return keras.Model(inputs, keras.layers.GlobalAveragePooling2D(name="mean")(x))


def test_a_loop_over_images_and_filters(network: keras.Model) -> None:
    rng = np.random.default_rng(0)
    images = rng.normal(size=(23, 8, 8, 3)).astype(np.float32)
    labels = rng.integers(0, K, 23)
    names = ["pool", "mean"]
    cut = cut_stages(network, resolve_stages(network, names))
    kernels = {
        name: rng.normal(size=shape).astype(np.float32)
        for name, shape in {"pool": (9, 5, K), "mean": (1, 6, K)}.items()
    }

    def batches() -> Iterator[tuple[np.ndarray, np.ndarray]]:
        for begin in range(0, 23, 4):
            yield images[begin : begin + 4], labels[begin : begin + 4]

    shown = {"pool": np.array([1, 4]), "mean": np.array([0])}
    found = measure_decisions(cut, kernels, batches(), shown)
    assert list(found) == names
    outputs = dict(zip(names, cut.predict(images, verbose=0), strict=True))
    for name, kernel in kernels.items():
        filters = kernel.shape[1]
        counts = np.zeros((filters, K, K), int)
        for image, label in zip(outputs[name], labels, strict=True):
            x = image.reshape(-1, filters)
            for f in range(filters):
                fields = x[:, f] @ kernel[:, f]
                if fields.any():
                    counts[f, label, fields.argmax()] += 1
        decisions = found[name]
        np.testing.assert_array_equal(decisions.by_input, counts.sum(2))
        np.testing.assert_array_equal(decisions.by_output, counts.sum(1))
        np.testing.assert_array_equal(decisions.correct, counts.diagonal(axis1=1, axis2=2))
        np.testing.assert_array_equal(decisions.counts, counts[shown[name]])
        np.testing.assert_array_equal(decisions.label_counts, np.bincount(labels, minlength=K))
    assert measure_decisions(cut, kernels, batches())["pool"].counts.shape == (0, K, K)
    with pytest.raises(InputError, match="labels run from 1 to 4"):
        measure_decisions(cut, kernels, [(images, labels + 1)])


def test_filters_are_spread_over_those_alive_with_the_strongest_and_the_weakest() -> None:
    strength = np.array([3, 0, 9, 1, -2, 7, 5], np.float32)
    kernel = np.ones((1, 7, 2), np.float32)
    features = np.broadcast_to(strength, (2, 1, 7)).astype(np.float32)
    fields = FilterFields(features, kernel, np.ones(2, np.int64), ())
    assert spread_filters(fields, 3).tolist() == [2, 3, 6]
    assert spread_filters(fields, 1).tolist() == [2]
    assert spread_filters(fields).tolist() == [0, 2, 3, 5, 6]
    dead = FilterFields(0 * features, kernel, np.ones(2, np.int64), ())
    assert spread_filters(dead).tolist() == []
