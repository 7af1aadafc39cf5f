"""What every masked layer holds to: zeros that stay zero, and what the plain layer computes.

Runs on whichever backend Keras has; test_other_backend.py runs it on JAX as well.
"""

import contextlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers, ops

from sfp_keras import MaskedConv2D, MaskedDense, MaskedDepthwiseConv2D, MaskedEinsumDense
from sfp_keras.errors import InputError
from sfp_keras.layers import MASKED_LAYERS, MaskedKernel

JAX = keras.backend.backend() == "jax"
RNG = np.random.default_rng(0)
IMAGES = RNG.normal(size=(24, 6, 6, 4)).astype(np.float32)
LABELS = RNG.integers(0, 3, 24).astype(np.int32)


def random_mask(*shape):
    mask = RNG.random(shape) < 0.5
    mask[..., 0, :] = True  # Every output keeps a weight.
    mask[..., -1, 0] = False
    return mask


@dataclass
class Case:
    """A masked layer: its arguments, a mask, what of the kernel it keeps, its inputs' shape."""

    layer: Callable[..., Any]
    mask: np.ndarray
    kept: np.ndarray
    inputs: tuple[int, ...] = (6, 6, 4)
    arguments: dict[str, Any] = field(default_factory=dict)

    def make(self, **more):
        return self.layer(**self.arguments, mask=self.mask, **more)

    def plain(self, **more):
        return self.layer.plain(**self.arguments, **more)


CONV, WEIGHTS = random_mask(4, 6), random_mask(3, 3, 4, 6)
GROUPED, BLOCKS = random_mask(4, 6), np.zeros((2, 6), bool)
BLOCKS[:, :3], BLOCKS[:, 3:] = GROUPED[:2, :3], GROUPED[2:, 3:]
CHANNELS, HEADS = np.array([1, 0, 1, 1]), np.array([1, 0, 1]).reshape(1, 3, 1)
DENSE = random_mask(12, 5)
EINSUM = {"equation": "btd,dhk->bthk", "output_shape": (None, 3, 2), "bias_axes": "hk"}
CASES = {
    "dense": Case(MaskedDense, DENSE, DENSE, (12,), {"units": 5, "activation": "relu"}),
    "kernels": Case(
        MaskedConv2D,
        CONV,
        np.broadcast_to(CONV, (3, 3, 4, 6)),
        arguments={"filters": 6, "kernel_size": 3, "padding": "same", "dilation_rate": 2},
    ),
    "weights": Case(
        MaskedConv2D,
        WEIGHTS,
        WEIGHTS,
        arguments={"filters": 6, "kernel_size": 3, "strides": 2, "kernel_constraint": "non_neg"},
    ),
    "groups": Case(
        MaskedConv2D,
        GROUPED,
        np.broadcast_to(BLOCKS, (3, 1, 2, 6)),
        arguments={"filters": 6, "kernel_size": (3, 1), "groups": 2, "use_bias": False},
    ),
    "depthwise": Case(
        MaskedDepthwiseConv2D,
        CHANNELS,
        np.broadcast_to(CHANNELS[:, None] == 1, (3, 3, 4, 2)),
        arguments={"kernel_size": 3, "depth_multiplier": 2, "depthwise_initializer": "he_normal"},
    ),
    "heads": Case(MaskedEinsumDense, HEADS, np.broadcast_to(HEADS == 1, (4, 3, 2)), (6, 4), EINSUM),
}
each_layer = pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
OPTIMIZERS = {
    "SGD": lambda: keras.optimizers.SGD(0.02, momentum=0.9, nesterov=True, weight_decay=1e-2),
    "AdamW": lambda: keras.optimizers.AdamW(0.01, weight_decay=0.01),
    "EMA": lambda: keras.optimizers.Adam(0.01, use_ema=True, ema_overwrite_frequency=2),
    "scaled": lambda: keras.optimizers.LossScaleOptimizer(keras.optimizers.Adam(0.01)),
}


def stored(layer):
    """The kernel as it is stored."""
    return ops.convert_to_numpy(layer.weights[0])


def built(layer, case):
    layer.build((None, *case.inputs))
    return layer


def test_every_masked_layer_has_a_case():
    assert {case.layer for case in CASES.values()} == set(MASKED_LAYERS)


@each_layer
def test_outputs_are_the_plain_layer_s_on_kept_weights(case):
    layer, plain = built(case.make(name="a"), case), built(case.plain(name="a"), case)
    assert type(plain) is layer.plain
    np.testing.assert_array_equal(layer.mask, case.kept)
    assert not stored(layer)[~case.kept].any()
    assert stored(layer)[case.kept].any()
    kernel, *bias = [array + 1 for array in plain.get_weights()]
    layer.set_weights([kernel, *bias])
    plain.set_weights([kernel * case.kept, *bias])
    np.testing.assert_array_equal(stored(layer), stored(plain))
    x = RNG.normal(size=(3, *case.inputs)).astype(np.float32)
    np.testing.assert_array_equal(*(ops.convert_to_numpy(one(x)) for one in (layer, plain)))
    # What is stored is read through the mask, whatever has written it.
    layer.kernel.mask = None
    layer.kernel.assign(kernel)
    assert stored(layer)[~case.kept].all()
    np.testing.assert_array_equal(*(ops.convert_to_numpy(one(x)) for one in (layer, plain)))


@each_layer
def test_configurations_carry_mask_and_constraint(case):
    layer = built(case.make(active_fan_in=True, name="a"), case)
    config = layer.get_config()
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(layer))
    assert type(again) is type(layer)
    assert again.get_config() == config
    np.testing.assert_array_equal(again.mask, case.kept)
    plain = case.plain(name="a").get_config()
    assert {name: config[name] for name in plain} == plain
    assert config.keys() - plain.keys() == {"mask", "active_fan_in"}


@each_layer
def test_active_fan_in_enlarges_what_each_output_keeps(case):
    role = case.layer.role
    initial = {f"{role}_initializer": keras.initializers.RandomNormal(seed=1)}
    arguments = {**case.arguments, **initial, "mask": case.mask}
    scaled, first = (
        stored(built(case.layer(**arguments, active_fan_in=on), case)) for on in (True, False)
    )
    summed = {4: (0, 1) if role == "depthwise" else (0, 1, 2)}.get(case.kept.ndim, (0,))
    share = np.maximum(case.kept.mean(axis=summed, keepdims=True), 1e-9)
    np.testing.assert_allclose(scaled, first / np.sqrt(share), rtol=1e-5)


@each_layer
def test_masks_of_other_shapes_are_named(case):
    wrong = np.ones((*case.kept.shape[:-1], case.kept.shape[-1] + 1))
    with pytest.raises(InputError, match=r"`mask`.* shape "):
        built(case.layer(**case.arguments, mask=wrong), case)
    layer = built(case.make(), case)
    before = stored(layer)
    with pytest.raises(InputError, match=r"`mask`.* shape "):
        layer.set_mask(wrong)
    with pytest.raises(InputError, match="keeps no weight"):
        layer.set_mask(np.zeros(case.mask.shape))
    np.testing.assert_array_equal(layer.mask, case.kept)
    np.testing.assert_array_equal(stored(layer), before)


@each_layer
def test_what_would_fill_the_zeros_is_refused(case):
    layer = built(case.make(), case)
    with pytest.raises(NotImplementedError, match="zeros"):
        layer.enable_lora(2)
    with pytest.raises(NotImplementedError, match=f"{type(layer).__name__} cannot be quantized"):
        layer.quantize("int8")
    if case.layer is not MaskedDepthwiseConv2D:  # Keras has no such argument there.
        with pytest.raises(InputError, match="`lora_rank`"):
            case.make(lora_rank=2)


def test_a_mask_of_the_kernels_of_one_group_does_as_well():
    layer = MaskedConv2D(6, (3, 1), groups=2, mask=BLOCKS)
    layer.build((None, 6, 6, 4))
    np.testing.assert_array_equal(layer.mask, CASES["groups"].kept)


def network(optimizer="AdamW", policy="float32", **compiled):
    """A network of every masked layer; returns it with what each layer keeps."""
    keras.utils.set_random_seed(0)
    x = inputs = keras.Input((6, 6, 4))
    for name in ("kernels", "weights", "groups", "depthwise", "heads"):
        case = CASES[name]
        if x.shape[-1] != 4:
            x = layers.Conv2D(4, 1, dtype=policy)(x)
        if name in ("groups", "depthwise"):
            x = layers.UpSampling2D(3, dtype=policy)(x)
        if name == "heads":
            x = layers.Reshape((-1, 4), dtype=policy)(x)
        x = case.make(name=name, dtype=policy)(x)
    x = layers.GlobalAveragePooling1D(dtype=policy)(layers.Reshape((-1, 6), dtype=policy)(x))
    x = layers.Dense(12, dtype=policy, name="wide")(x)
    x = CASES["dense"].make(name="dense", dtype=policy)(x)
    model = keras.Model(inputs, layers.Dense(3, dtype="float32", name="logits")(x))
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(OPTIMIZERS[optimizer](), loss, **({} if JAX else compiled))
    return model, {name: case.kept for name, case in CASES.items()}


def check_zeros(model, kept):
    for name, mask in kept.items():
        kernel = stored(model.get_layer(name))
        assert np.isfinite(kernel).all()
        assert not kernel[~mask].any(), name


@pytest.mark.parametrize(
    ("optimizer", "policy", "compiled"),
    [
        # Compiling takes most of the time.
        ("EMA", "float32", {"run_eagerly": True}),
        pytest.param("EMA", "float32", {"jit_compile": False}, marks=pytest.mark.slow),
        pytest.param("AdamW", "float32", {"jit_compile": True}, marks=pytest.mark.slow),
        pytest.param("SGD", "mixed_bfloat16", {"jit_compile": False}, marks=pytest.mark.slow),
        pytest.param("scaled", "mixed_float16", {"jit_compile": False}, marks=pytest.mark.slow),
    ],
    ids=["EMA-eager", "EMA", "AdamW-XLA", "SGD-bfloat16", "scaled-float16"],
)
def test_zeros_hold_through_training_swaps_and_files(optimizer, policy, compiled, tmp_path):
    model, kept = network(optimizer, policy, **compiled)
    first = {name: stored(model.get_layer(name)) for name in kept}
    model.fit(IMAGES, LABELS, batch_size=12, verbose=0)
    check_zeros(model, kept)
    assert all((stored(model.get_layer(name)) != first[name]).any() for name in kept)
    trained = model.get_weights()
    model.set_weights([weight + 1 for weight in trained])
    check_zeros(model, kept)
    model.set_weights(trained)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    check_zeros(loaded, kept)
    for before, now in zip(model.get_weights(), loaded.get_weights(), strict=True):
        np.testing.assert_array_equal(before, now)
    model.save_weights(tmp_path / "model.weights.h5")
    if JAX and optimizer == "EMA":
        return  # Keras on JAX cannot go on after averaging.
    other = {name: np.roll(mask, 1, axis=1 % mask.ndim) for name, mask in kept.items()}
    for name, mask in other.items():
        model.get_layer(name).set_mask(mask, model=model)
    check_zeros(model, other)
    model.fit(IMAGES, LABELS, batch_size=12, verbose=0)
    check_zeros(model, other)
    warns = pytest.warns(UserWarning, match="keep the old mask")
    with contextlib.nullcontext() if "run_eagerly" in compiled else warns:
        model.load_weights(tmp_path / "model.weights.h5")
    check_zeros(model, kept)
    for name, mask in kept.items():
        np.testing.assert_array_equal(model.get_layer(name).mask, mask)


@pytest.mark.slow
@pytest.mark.parametrize("optimizer", ["SGD", "AdamW", "EMA"])
def test_zeros_hold_for_a_thousand_steps(optimizer):
    model, kept = network(optimizer, jit_compile=False)
    if optimizer == "EMA":
        model.optimizer.ema_overwrite_frequency = None  # At the end of `fit`.
    model.fit(
        np.tile(IMAGES, (10, 1, 1, 1)), np.tile(LABELS, 10), batch_size=6, epochs=25, verbose=0
    )
    assert int(ops.convert_to_numpy(model.optimizer.iterations)) == 1000
    check_zeros(model, kept)


def test_a_masked_layer_of_one_s_own_takes_a_few_lines():
    class MaskedConv1D(MaskedKernel, layers.Conv1D):
        plain = layers.Conv1D
        summed_axes = (0, 1)

    mask = random_mask(3, 4, 2)
    layer = MaskedConv1D(2, 3, mask=mask)
    layer.build((None, 7, 4))
    assert not stored(layer)[~mask].any()
    assert layer(np.ones((1, 7, 4), np.float32)).shape == (1, 5, 2)
