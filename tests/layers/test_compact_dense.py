"""CompactDense: the masked layer's outputs from the kept weights alone.

Runs on whichever backend Keras has; test_other_backend.py runs it on JAX as well.
"""

import copy

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from keras import ops

from sfp_keras import CompactDense, MaskedDense
from sfp_keras.errors import InputError

RNG = np.random.default_rng(0)
MASK = RNG.random((12, 5)) < 0.3
MASK[np.arange(5), np.arange(5)] = True
X = RNG.normal(size=(64, 12)).astype(np.float32)
Y = RNG.integers(0, 5, 64).astype(np.int32)  # JAX has no int64 by default.
JAX = keras.backend.backend() == "jax"
LOSS = keras.losses.SparseCategoricalCrossentropy(from_logits=True)


def masked(**arguments):
    keras.utils.set_random_seed(0)
    layer = MaskedDense(5, MASK, bias_initializer="normal", **arguments)
    layer.build((None, 12))
    return layer


def network(layer, optimizer="sgd"):
    net = keras.Sequential([keras.Input((12,)), layer])
    net.compile(optimizer, LOSS)
    return net


@settings(deadline=None, derandomize=True, max_examples=2 if JAX else 20)
@given(st.data())
def test_outputs_are_the_masked_layer_s(data):
    inputs, units = data.draw(st.integers(1, 6)), data.draw(st.integers(1, 5))
    rng = np.random.default_rng(data.draw(st.integers(0, 99)))
    mask = rng.random((inputs, units)) < data.draw(st.floats(0.0, 1.0))
    mask[0] = True
    use_bias = data.draw(st.booleans())
    shape = data.draw(st.sampled_from([(3,), (2, 3), (1, 2, 2)]))
    x = rng.normal(size=(*shape, inputs)).astype(np.float32)
    layer = MaskedDense(units, mask, "relu", use_bias, bias_initializer="normal")
    expected = ops.convert_to_numpy(layer(x))
    compact = CompactDense.from_masked(layer)
    np.testing.assert_array_equal(ops.convert_to_numpy(compact(x)), expected)
    assert compact.count_params() == mask.sum() + use_bias * units
    assert compact.compute_output_shape(x.shape) == expected.shape


@pytest.mark.parametrize("policy", ["float32", "mixed_bfloat16", "bfloat16"])
def test_every_dtype_policy(policy):
    layer = masked(dtype=policy)
    compact = CompactDense.from_masked(layer)
    out = compact(X)
    assert keras.backend.standardize_dtype(out.dtype) == layer.compute_dtype
    np.testing.assert_array_equal(
        ops.convert_to_numpy(ops.cast(out, "float32")),
        ops.convert_to_numpy(ops.cast(layer(X), "float32")),
    )


@pytest.mark.parametrize("policy", ["float32", "mixed_bfloat16"])
def test_training_is_the_masked_layer_s(policy, uncompiled):
    arguments = {"kernel_regularizer": keras.regularizers.L2(0.01), "dtype": policy}
    layer = masked(**arguments)
    compact = CompactDense.from_masked(layer)
    for each in (layer, compact):
        optimizer = keras.optimizers.SGD(0.1, momentum=0.9, weight_decay=1e-3)
        with uncompiled():
            network(each, optimizer).fit(X, Y, epochs=3, batch_size=16, shuffle=False, verbose=0)
    before = ops.convert_to_numpy(masked(**arguments).kernel)
    trained = ops.convert_to_numpy(layer.kernel)
    assert (trained != before)[MASK].all()
    np.testing.assert_allclose(ops.convert_to_numpy(compact.kernel), trained, rtol=1e-4, atol=1e-6)


def test_saved_models_and_weights_give_the_same_outputs(tmp_path):
    net = network(CompactDense.from_masked(masked(activation="tanh", name="head")))
    net.fit(X, Y, verbose=0)
    expected = net.predict(X, verbose=0)
    net.save(tmp_path / "net.keras")
    loaded = keras.models.load_model(tmp_path / "net.keras")
    np.testing.assert_array_equal(loaded.predict(X, verbose=0), expected)
    np.testing.assert_array_equal(loaded.layers[-1].mask, MASK)
    net.save_weights(tmp_path / "net.weights.h5")
    clone = keras.models.clone_model(net)
    clone.load_weights(tmp_path / "net.weights.h5")
    np.testing.assert_array_equal(clone.predict(X, verbose=0), expected)
    twin = copy.deepcopy(net.layers[-1])
    np.testing.assert_allclose(ops.convert_to_numpy(twin(X)), expected, rtol=1e-5, atol=1e-6)


def test_weights_of_another_mask_are_refused(tmp_path):
    network(CompactDense.from_masked(masked())).save_weights(tmp_path / "a.weights.h5")
    # As many weights, other places.
    other = network(CompactDense(5, MASK[::-1]))
    with pytest.raises(ValueError, match="mask they were saved with"):
        other.load_weights(tmp_path / "a.weights.h5")


def test_subclassed_models(tmp_path):
    @keras.saving.register_keras_serializable("test_compact")
    class Mine(keras.Model):
        def __init__(self, **arguments):
            super().__init__(**arguments)
            self.head = CompactDense(5, MASK)

        def call(self, x):
            return self.head(x)

    net = Mine()
    net.compile("adam", LOSS)
    net.fit(X, Y, verbose=0)
    net.save(tmp_path / "net.keras")
    loaded = keras.models.load_model(tmp_path / "net.keras")
    np.testing.assert_array_equal(loaded.predict(X, verbose=0), net.predict(X, verbose=0))


def test_a_new_layer_begins_as_a_masked_one():
    initializer = keras.initializers.GlorotUniform(seed=3)
    layer = CompactDense(5, MASK.reshape(3, 4, 5), kernel_initializer=initializer)
    layer.build((None, 12))
    whole = ops.convert_to_numpy(keras.initializers.GlorotUniform(seed=3)((12, 5)))
    np.testing.assert_array_equal(ops.convert_to_numpy(layer.kernel), whole * MASK)


def test_constraints_and_regularizers_of_single_weights_are_kept():
    kept = masked(kernel_regularizer="l2", kernel_constraint="non_neg", activity_regularizer="l1")
    kept.kernel.assign(np.abs(ops.convert_to_numpy(kept.kernel)))
    compact = CompactDense.from_masked(kept)
    assert isinstance(compact.kernel_constraint, keras.constraints.NonNeg)
    network(compact).fit(X, Y, epochs=3, verbose=0)
    assert (ops.convert_to_numpy(compact.values) >= 0).all()
    kept(X), compact(X)
    assert len(compact.losses) == len(kept.losses)
    config = keras.saving.serialize_keras_object(compact)
    again = keras.saving.deserialize_keras_object(config)
    assert keras.saving.serialize_keras_object(again) == config
    whole = masked(kernel_regularizer="orthogonal_regularizer", kernel_constraint="max_norm")
    compact = CompactDense.from_masked(whole)
    assert compact.kernel_regularizer is None
    assert compact.kernel_constraint is None


def test_wrong_arguments_are_refused():
    with pytest.raises(InputError, match=r"received \(4, 4\)"):
        CompactDense(5, np.ones((4, 4)))
    with pytest.raises(InputError, match="keeps no weight"):
        CompactDense(5, np.zeros((4, 5)))
    with pytest.raises(InputError, match="`units` must be"):
        CompactDense(0, np.ones((4, 5)))
    with pytest.raises(InputError, match="7 inputs and 5 units"):
        CompactDense(5, MASK).build((None, 7))
    with pytest.raises(InputError, match="is not built"):
        CompactDense.from_masked(MaskedDense(5, MASK))
    free = MaskedDense(5)
    free.build((None, 12))
    with pytest.raises(InputError, match="has no mask"):
        CompactDense.from_masked(free)
    with pytest.raises(InputError, match="received Dense"):
        CompactDense.from_masked(keras.layers.Dense(5))
