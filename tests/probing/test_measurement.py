"""Fields from one pass against literal silencing by real forward passes."""

import itertools

import keras
import numpy as np
import pytest

from sfp_keras.errors import InputError
from sfp_keras.probing import measure_fields

K, SHAPE = 3, (6, 6, 3)


def network(seed):
    keras.utils.set_random_seed(seed)
    x = inputs = keras.Input(SHAPE)
    x = keras.layers.Conv2D(4, 3, padding="same")(x)
    x = keras.layers.BatchNormalization()(x)
    x = keras.layers.ReLU()(x)
    one = keras.layers.MaxPooling2D(2)(x)
    two = keras.layers.GlobalAveragePooling2D()(keras.layers.Conv2D(5, 3)(one))
    return keras.Model(inputs, [one, two])


@pytest.mark.parametrize("seed", range(2))
def test_every_filter_as_if_all_others_were_silenced(seed):
    rng = np.random.default_rng(seed)
    cut = network(seed)
    # Unbalanced labels, and on odd seeds a label without images.
    labels = rng.integers(0, K - seed % 2, 23)
    images = rng.normal(size=(23, *SHAPE)).astype(np.float32)
    kernels = {
        "a": rng.normal(size=(9, 4, K)).astype(np.float32),
        "b": rng.normal(size=(1, 5, K)).astype(np.float32),
    }
    batches = [(images[i : i + 7], labels[i : i + 7]) for i in range(0, 23, 7)]
    if seed % 2:
        with pytest.warns(UserWarning, match="label"):
            measured = measure_fields(cut, kernels, batches)
    else:
        measured = measure_fields(cut, kernels, batches)

    for (name, kernel), output in zip(kernels.items(), cut.outputs, strict=True):
        flat = keras.layers.Reshape((-1,))(output)
        head = keras.layers.Dense(K, use_bias=False)
        model = keras.Model(cut.inputs, head(flat))
        rows = kernel.shape[0] * kernel.shape[1]
        for f in range(kernel.shape[1]):
            silenced = np.zeros_like(kernel)
            silenced[:, f] = kernel[:, f]
            head.set_weights([silenced.reshape(rows, K)])
            fields = model.predict(images, verbose=0)
            for i in range(K):
                mine = labels == i
                expected = fields[mine].mean(0) if mine.any() else np.zeros(K)
                got = measured[name].fields.matrix(f)[i]
                np.testing.assert_allclose(got, expected, rtol=1e-4, atol=1e-5)
        head.set_weights([kernel.reshape(rows, K)])
        right = model.predict(images, verbose=0).argmax(1) == labels
        assert measured[name].accuracy == pytest.approx(right.mean())
        np.testing.assert_array_equal(
            measured[name].correct, [(right & (labels == i)).sum() for i in range(K)]
        )
    assert measured["a"].fields.position_shape == (3, 3)
    assert measured["b"].fields.position_shape == ()


def test_a_label_out_of_range_is_refused():
    kernels = {"a": np.zeros((9, 4, K), np.float32), "b": np.zeros((1, 5, K), np.float32)}
    with pytest.raises(InputError, match="labels run from 0 to 3"):
        measure_fields(network(0), kernels, [(np.zeros((2, *SHAPE), np.float32), np.array([0, 3]))])


def test_heads_of_different_numbers_of_labels_are_refused():
    kernels = {"a": np.zeros((9, 4, K), np.float32), "b": np.zeros((1, 5, K + 1), np.float32)}
    with pytest.raises(InputError, match="different numbers of labels"):
        measure_fields(network(0), kernels, [])


def test_a_head_of_another_stage_is_refused():
    kernels = {"a": np.zeros((1, 5, K), np.float32), "b": np.zeros((9, 4, K), np.float32)}
    with pytest.raises(InputError, match="head of stage a has shape"):
        measure_fields(network(0), kernels, [])


def test_batches_that_never_end_are_refused(monkeypatch):
    batches = [(np.zeros((2, *SHAPE), np.float32), np.zeros(2, np.int64))]
    kernels = {"one": np.zeros((9, 4, K), np.float32), "two": np.zeros((1, 5, K), np.float32)}

    class Endless(list):
        num_batches = None

    class AsGoodAsEndless(list):
        def __len__(self):
            return 10**9

    with pytest.raises(InputError, match="`batches` never ends: give one pass"):
        measure_fields(network(0), kernels, Endless(batches))
    with pytest.raises(InputError, match="`batches` has 1,000,000,000 batches of 2 images"):
        measure_fields(network(0), kernels, AsGoodAsEndless(batches))
    monkeypatch.setattr("sfp_keras.data.batches.ending.ending.__defaults__", (5,))
    with pytest.raises(InputError, match="`batches` has given 6 images and does not end"):
        measure_fields(network(0), kernels, itertools.cycle(batches))
