"""compact_head: the masked model's outputs from a smaller file.

Runs on whichever backend Keras has; tests/layers/test_other_backend.py runs it on JAX as well.
"""

import functools

import keras
import numpy as np
import pytest
from keras import layers

from sfp_keras import CompactDense, MaskedDense, compact_head
from sfp_keras.errors import InputError

RNG = np.random.default_rng(0)
IMAGES = RNG.normal(size=(5, 6, 6, 3)).astype(np.float32)


def a_mask(inputs, units, kept=0.2):
    mask = RNG.random((inputs, units)) < kept
    mask[np.arange(units), np.arange(units)] = True
    return mask


def check(model, x, compact=None):
    """The compact model's outputs are the model's, and the model is left as it was."""
    expected = model.predict(x, verbose=0)
    weights = model.get_weights()
    compact = compact or compact_head(model)
    same = functools.partial(np.testing.assert_allclose, rtol=1e-5, atol=1e-6)
    keras.tree.map_structure(same, compact.predict(x, verbose=0), expected)
    kept = {id(variable) for variable in model.variables}
    assert not kept & {id(variable) for variable in compact.variables}
    compact.set_weights([array + 1 for array in compact.get_weights()])
    for before, now in zip(weights, model.get_weights(), strict=True):
        np.testing.assert_array_equal(before, now)
    return compact


def test_a_network_and_its_file(tmp_path):
    inputs = keras.Input((6, 6, 3))
    scaling = layers.Normalization(name="scaling")
    scaling.adapt(IMAGES * 3 + 1)
    x = layers.BatchNormalization()(layers.Conv2D(128, 3)(scaling(inputs)))
    x = layers.Dropout(0.3)(layers.Flatten()(layers.ReLU()(x)))
    mask = a_mask(2048, 20, 0.02)
    model = keras.Model(inputs, MaskedDense(20, mask, name="head")(x), name="small")
    model.get_layer("head").trainable = False
    model.compile("adam", "mse")
    model.fit(IMAGES, np.zeros((5, 20)), verbose=0)
    compact = compact_head(model)
    assert [layer.name for layer in compact.layers] == [layer.name for layer in model.layers]
    assert isinstance(compact.get_layer("head"), CompactDense)
    assert not compact.get_layer("head").trainable
    assert model.count_params() - compact.count_params() == (~mask).sum()
    compact.save(tmp_path / "compact.keras")
    model.save_weights(tmp_path / "masked.weights.h5")
    compact.save_weights(tmp_path / "compact.weights.h5")
    sizes = [(tmp_path / f"{n}.weights.h5").stat().st_size for n in ("masked", "compact")]
    assert sizes[0] - sizes[1] > 0.9 * 4 * (~mask).sum()
    loaded = keras.models.load_model(tmp_path / "compact.keras")
    check(model, IMAGES, loaded)
    check(model, IMAGES, compact)


def test_nested_sequential_and_shared_heads():
    shared = MaskedDense(4, a_mask(6, 4), name="shared")
    inner = keras.Sequential([keras.Input((6,)), layers.Dense(6, "relu"), shared], name="inner")
    inputs = keras.Input((6,), name="vector")
    a, b = inner(inputs), inner(layers.Rescaling(2.0)(inputs), training=False)
    outputs = {"sum": a + b, "own": MaskedDense(3, a_mask(4, 3), name="own")(a)}
    model = keras.Model({"vector": inputs}, outputs)
    compact = check(model, {"vector": RNG.normal(size=(7, 6)).astype(np.float32)})
    found = [layer for layer in compact._flatten_layers() if isinstance(layer, CompactDense)]
    assert sorted(layer.name for layer in found) == ["own", "shared"]
    assert not any(isinstance(layer, MaskedDense) for layer in compact._flatten_layers())


def test_a_sequential_model():
    model = keras.Sequential([keras.Input((6,)), MaskedDense(4, a_mask(6, 4)), MaskedDense(3)])
    compact = check(model, RNG.normal(size=(7, 6)).astype(np.float32))
    # A layer without a mask has nothing to leave out.
    assert isinstance(compact.layers[-1], MaskedDense)


def test_a_lambda_layer():
    x = inputs = keras.Input((6,))
    x = layers.Lambda(lambda x: 2 * x, name="twice")(x)
    model = keras.Model(inputs, MaskedDense(4, a_mask(6, 4))(x))
    check(model, RNG.normal(size=(7, 6)).astype(np.float32))


def test_what_cannot_be_exchanged_is_told():
    class Mine(keras.Model):
        def call(self, x):
            return x

    with pytest.raises(InputError, match=r"Mine.*CompactDense.from_masked"):
        compact_head(Mine())
    with pytest.raises(InputError, match="not built"):
        compact_head(keras.Sequential([MaskedDense(4, a_mask(6, 4))]))
    with pytest.raises(InputError, match="no MaskedDense layer"):
        compact_head(keras.Sequential([keras.Input((6,)), layers.Dense(2)]))
    inside = layers.TimeDistributed(MaskedDense(4, a_mask(6, 4), name="m"), name="each")
    with pytest.raises(InputError, match="'m' lies inside 'each' \\(TimeDistributed\\)"):
        compact_head(keras.Sequential([keras.Input((2, 6)), inside]))


def doubled(x):
    return 2 * x


def test_an_activation_that_keras_does_not_know():
    head = MaskedDense(4, a_mask(6, 4), activation=doubled)
    check(keras.Sequential([keras.Input((6,)), head]), RNG.normal(size=(7, 6)).astype(np.float32))
