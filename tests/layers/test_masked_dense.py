"""MaskedDense: zeros that stay exactly zero, whatever is done to the layer.

Runs on whichever backend Keras has; test_other_backend.py runs it on JAX as well.
"""

import copy

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from keras import ops

from sfp_keras import SGD, MaskedDense
from sfp_keras.errors import InputError

RNG = np.random.default_rng(0)
MASK = RNG.random((12, 5)) < 0.4
MASK[np.arange(5), np.arange(5)] = True
X = RNG.normal(size=(64, 12)).astype(np.float32)
Y = RNG.integers(0, 5, 64).astype(np.int32)  # JAX has no int64 by default.
JAX = keras.backend.backend() == "jax"
OPTIMIZERS = {
    "SGD": lambda: keras.optimizers.SGD(0.05, momentum=0.9, nesterov=True, weight_decay=1e-3),
    "Adam": lambda: keras.optimizers.Adam(0.01),
    "AdamW": lambda: keras.optimizers.AdamW(0.01, weight_decay=0.01),
    "EMA": lambda: keras.optimizers.Adam(0.01, use_ema=True, ema_overwrite_frequency=3),
    "Muon": lambda: keras.optimizers.Muon(0.01),
    "ours": lambda: SGD(0.05, 0.9, 1e-3),
}
# With decaying weights, with averaged ones, and with products in a lower precision.
# EMA is in the test of all masked layers.
EVERY_DAY = [("AdamW", "float32"), ("ours", "mixed_bfloat16")]


def model(layer, optimizer="SGD", policy="float32", **arguments):
    keras.utils.set_random_seed(0)
    net = keras.Sequential(
        [keras.Input((12,)), keras.layers.Dense(12, "relu", dtype=policy), layer], name="net"
    )
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    net.compile(OPTIMIZERS[optimizer](), loss, **arguments)
    return net


def stored(layer):
    """The kernel as it is stored."""
    return ops.convert_to_numpy(layer.weights[0])


def check_zeros(layer, mask=MASK):
    kernel = stored(layer)
    assert not kernel[~mask].any()
    assert np.isfinite(kernel).all()
    return kernel


@pytest.mark.parametrize(
    ("optimizer", "policy"),
    [
        *EVERY_DAY,
        *(
            pytest.param(name, policy, marks=pytest.mark.slow)
            for policy in ("float32", "mixed_bfloat16")
            for name in OPTIMIZERS
            if (name, policy) not in EVERY_DAY
        ),
    ],
)
def test_zeros_hold_through_everything(optimizer, policy, tmp_path):
    layer = MaskedDense(5, MASK, kernel_regularizer=keras.regularizers.L2(1e-3), dtype=policy)
    net = model(layer, optimizer, policy)
    first = check_zeros(layer)
    net.fit(X, Y, epochs=8, batch_size=16, verbose=0)
    trained = check_zeros(layer)
    assert (trained[MASK] != first[MASK]).all()
    net.set_weights([weight + 1 for weight in net.get_weights()])
    np.testing.assert_allclose(check_zeros(layer)[MASK], trained[MASK] + 1, rtol=1e-6)
    layer.set_weights([weight + 1 for weight in layer.get_weights()])
    layer.kernel.assign(ops.ones((12, 5)))
    assert (check_zeros(layer)[MASK] == 1).all()
    layer.kernel.assign_add(ops.ones((12, 5)))
    assert (check_zeros(layer)[MASK] == 2).all()
    if not (JAX and optimizer == "EMA"):  # Keras on JAX cannot go on after averaging.
        net.fit(X, Y, epochs=1, verbose=0)
        check_zeros(layer)
    net.save(tmp_path / "net.keras")
    loaded = keras.models.load_model(tmp_path / "net.keras")
    np.testing.assert_array_equal(check_zeros(loaded.layers[-1]), stored(layer))
    np.testing.assert_array_equal(loaded.predict(X, verbose=0), net.predict(X, verbose=0))


def test_one_step_is_a_plain_layer_s_with_the_gradient_masked():
    layer = MaskedDense(5, MASK)
    net = model(layer, "ours")
    plain = keras.layers.Dense(5)
    other = model(plain, "ours")
    other.set_weights(net.get_weights())
    for network in (net, other):
        network.fit(X, Y, batch_size=64, epochs=1, verbose=0)
    np.testing.assert_allclose(stored(layer)[MASK], stored(plain)[MASK], rtol=1e-5, atol=1e-7)
    assert stored(plain)[~MASK].any()
    # What stands before the layer learns from kept weights alone, as from zeros in a plain one.
    np.testing.assert_allclose(stored(net.layers[0]), stored(other.layers[0]), rtol=1e-5, atol=1e-7)


@settings(deadline=None, derandomize=True, max_examples=2 if JAX else 20)
@given(st.data())
def test_outputs_are_those_of_the_masked_kernel(data):
    inputs, units = data.draw(st.integers(1, 6)), data.draw(st.integers(1, 5))
    seed = data.draw(st.integers(0, 99))
    rng = np.random.default_rng(seed)
    mask = rng.random((inputs, units)) < data.draw(st.floats(0.0, 1.0))
    mask[0] = True
    shape = data.draw(st.sampled_from([(3,), (2, 3), (1, 2, 2)]))
    x = rng.normal(size=(*shape, inputs)).astype(np.float32)
    layer = MaskedDense(units, mask, activation="relu", bias_initializer="ones")
    out = ops.convert_to_numpy(layer(x))
    expected = np.maximum(x @ (stored(layer) * mask) + 1, 0)
    np.testing.assert_allclose(out, expected, rtol=1e-5, atol=1e-6)
    assert out.shape == layer.compute_output_shape(x.shape)


def test_a_mask_may_be_per_filter_or_per_position():
    per_filter = RNG.random((4, 5)) < 0.5
    per_filter[0] = True
    layer = MaskedDense(5, per_filter)
    layer.build((None, 12))
    # A map of 3 positions and 4 filters, flattened with channels last.
    expected = np.broadcast_to(per_filter, (3, 4, 5)).reshape(12, 5)
    np.testing.assert_array_equal(layer.mask, expected)
    check_zeros(layer, expected)
    whole = MASK.reshape(3, 4, 5)
    layer = MaskedDense(5, whole.astype(np.float64))
    layer.build((None, 12))
    np.testing.assert_array_equal(layer.mask, MASK)


def test_active_fan_in_enlarges_each_unit_s_weights():
    keras.utils.set_random_seed(0)
    mask = np.zeros((400, 3), bool)
    mask[:4, 0] = mask[:100, 1] = mask[:, 2] = True
    layers = [
        MaskedDense(
            3, mask, active_fan_in=scaled, kernel_initializer=keras.initializers.GlorotUniform(1)
        )
        for scaled in (False, True)
    ]
    for layer in layers:
        layer.build((None, 400))
    np.testing.assert_allclose(stored(layers[1]), stored(layers[0]) * [10, 2, 1], rtol=1e-6)


@pytest.mark.parametrize(
    "optimizer",
    [
        pytest.param("SGD", marks=pytest.mark.slow),
        "Adam",
        pytest.param(
            "EMA",
            marks=[
                pytest.mark.slow,
                pytest.mark.skipif(JAX, reason="Keras on JAX cannot fit again after averaging"),
            ],
        ),
    ],
)
def test_a_new_mask_between_fits(optimizer):
    layer = MaskedDense(5, MASK)
    net = model(layer, optimizer)
    net.fit(X, Y, epochs=2, verbose=0)
    steps = int(net.optimizer.iterations.numpy()) if not JAX else int(net.optimizer.iterations)
    layer.set_mask(~MASK, model=net)
    assert not stored(layer).any()
    np.testing.assert_allclose(net.predict(X, verbose=0)[:, 0], net.predict(X, verbose=0)[0, 0])
    net.fit(X, Y, epochs=4, verbose=0)
    kernel = check_zeros(layer, ~MASK)
    assert (kernel[~MASK] != 0).all()
    assert int(net.optimizer.iterations) == 3 * steps
    layer.set_mask(None, model=net)
    net.fit(X, Y, epochs=1, verbose=0)
    assert (stored(layer) != 0).all()


def test_compiling_again_takes_the_new_mask_too():
    layer = MaskedDense(5, MASK)
    net = model(layer)
    net.fit(X, Y, verbose=0)
    with pytest.warns(UserWarning, match=r"keep the old mask: call model.compile\(\) again"):
        layer.set_mask(~MASK)
    net.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    net.fit(X, Y, epochs=3, verbose=0)
    assert (check_zeros(layer, ~MASK)[~MASK] != 0).all()


def test_a_file_with_another_mask_than_a_compiled_one_is_told(tmp_path):
    layer = MaskedDense(5, MASK)
    net = model(layer)
    other = model(MaskedDense(5, ~MASK))
    other.save_weights(tmp_path / "other.weights.h5")
    layer(X)  # Neither eager calls nor shapes are kept.
    keras.Sequential([keras.Input((2, 12)), keras.layers.TimeDistributed(layer)])
    layer.set_mask(~MASK)
    layer.set_mask(MASK)
    net.predict(X, verbose=0)
    layer.set_mask(MASK.reshape(3, 4, 5))  # The same.
    with pytest.warns(UserWarning, match="keep the old mask"):
        net.load_weights(tmp_path / "other.weights.h5")
    net.compile("sgd", net.loss)
    expected = other.predict(X, verbose=0)
    np.testing.assert_allclose(net.predict(X, verbose=0), expected, rtol=1e-5, atol=1e-6)


def test_eager_training_too():
    if JAX:
        pytest.skip("compiled with jit only: run_eagerly is slow on JAX")
    layer = MaskedDense(5, MASK)
    model(layer, run_eagerly=True).fit(X, Y, verbose=0)
    check_zeros(layer)


def test_clones_configurations_and_weights_carry_the_mask(tmp_path):
    layer = MaskedDense(
        5, MASK, activation="relu", active_fan_in=True, kernel_constraint="non_neg", name="m"
    )
    net = model(layer)
    clone = keras.models.clone_model(net)
    check_zeros(clone.layers[-1])
    again = MaskedDense.from_config(layer.get_config())
    assert again.get_config() == layer.get_config()
    again.build((None, 12))
    np.testing.assert_array_equal(again.mask, MASK)
    # The other constraint is kept, once.
    net.fit(X, Y, epochs=3, verbose=0)
    assert (check_zeros(layer) >= 0).all()
    net.save_weights(tmp_path / "a.weights.h5")
    other = keras.models.clone_model(net)
    other.layers[-1].set_mask(~MASK)
    other.load_weights(tmp_path / "a.weights.h5")
    np.testing.assert_array_equal(other.layers[-1].mask, MASK)
    np.testing.assert_array_equal(check_zeros(other.layers[-1]), stored(layer))


def test_weights_of_a_plain_layer_are_masked_when_taken():
    plain = model(keras.layers.Dense(5))
    net = model(MaskedDense(5, MASK))
    net.set_weights(plain.get_weights())
    np.testing.assert_array_equal(check_zeros(net.layers[-1]), stored(plain.layers[-1]) * MASK)
    store: dict = {}
    plain.layers[-1].save_own_variables(store)
    net.layers[-1].load_own_variables({name: 2 * np.asarray(store[name]) for name in store})
    expected = stored(plain.layers[-1]) * 2 * MASK
    np.testing.assert_array_equal(check_zeros(net.layers[-1]), expected)


def test_subclassed_models_and_deep_copies():
    @keras.saving.register_keras_serializable("test")
    class Mine(keras.Model):
        def __init__(self):
            super().__init__()
            self.head = MaskedDense(5, MASK)

        def call(self, x):
            return self.head(x)

    net = Mine()
    net.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    net.fit(X, Y, verbose=0)
    check_zeros(net.head)
    layer = MaskedDense(5, MASK)
    layer.build((None, 12))
    twin = copy.deepcopy(layer)
    before = stored(layer)
    twin.kernel.assign(ops.ones((12, 5)))
    check_zeros(twin)
    np.testing.assert_array_equal(stored(layer), before)


def test_weights_that_are_not_finite_stay_outside():
    layer = MaskedDense(5, MASK)
    layer.build((None, 12))
    layer.kernel.assign(np.where(MASK, 1.0, np.nan))
    assert (check_zeros(layer)[MASK] == 1).all()


def test_keras_own_checks_of_a_layer():
    layer = MaskedDense(5, MASK, name="m")
    x = keras.Input((12,), batch_size=4)
    assert layer(x).shape == (4, 5)
    assert layer.count_params() == 65
    assert len(layer.trainable_weights) == 2
    assert not layer.non_trainable_weights
    config = keras.saving.serialize_keras_object(layer)
    revived = keras.saving.deserialize_keras_object(config)
    assert keras.saving.serialize_keras_object(revived) == config


@pytest.mark.parametrize(
    ("mask", "words"),
    [
        (np.full((12, 5), np.nan), "numbers 0 and 1, received nan|received np.float64.nan"),
        (np.full((12, 5), 0.5), "0.5"),
        (np.full((12, 5), "a"), "dtype"),
        (np.zeros((12, 5)), "keeps no weight"),
        (np.ones((12, 4)), r"\(12, 4\)"),
        (np.ones(5), r"\(5,\)"),
        (True, "must be an array"),
        ([[1, 0], [1]], "different lengths"),
        ({"shape": [12, 5], "bits": "?"}, "damaged"),
        ({"shape": [12, 5]}, "damaged"),
    ],
)
def test_wrong_masks_are_told(mask, words):
    with pytest.raises(InputError, match=words):
        MaskedDense(5, mask)


@pytest.mark.parametrize("shape", [(7, 5), (24, 5), (2, 12, 5)])
def test_masks_that_do_not_fit_the_inputs_are_told(shape):
    layer = MaskedDense(5, np.ones(shape))
    with pytest.raises(InputError, match="12 inputs"):
        layer.build((None, 12))
    built = MaskedDense(5, MASK)
    built.build((None, 12))
    before = stored(built)
    with pytest.raises(InputError, match="12 inputs"):
        built.set_mask(np.ones(shape))
    np.testing.assert_array_equal(built.mask, MASK)
    np.testing.assert_array_equal(stored(built), before)


def test_a_unit_without_weights_is_told():
    mask = MASK.copy()
    mask[:, [1, 3]] = False
    with pytest.warns(UserWarning, match=r"2 of 5 units have no free weight.*: 1, 3"):
        MaskedDense(5, mask)


def test_what_would_fill_the_zeros_is_refused():
    with pytest.raises(InputError, match="lora_rank"):
        MaskedDense(5, MASK, lora_rank=2)
    layer = MaskedDense(5, MASK)
    layer.build((None, 12))
    with pytest.raises(NotImplementedError, match="zeros"):
        layer.enable_lora(2)
    with pytest.raises(NotImplementedError, match="quantized"):
        layer.quantize("int8")
