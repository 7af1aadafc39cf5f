"""mask_layers and strip_masks: masks on a network that exists, and plain layers again."""

import os
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
from keras import layers

from sfp_keras import (
    CompactDense,
    MaskConstraint,
    MaskedConv2D,
    MaskedDense,
    MaskedDepthwiseConv2D,
    MaskedEinsumDense,
    mask_layers,
    strip_masks,
)
from sfp_keras.errors import InputError

WITHOUT_TENSORFLOW = str(Path(__file__).parents[1] / "without_tensorflow")
RNG = np.random.default_rng(0)
IMAGES = RNG.normal(size=(3, 8, 8, 3)).astype(np.float32)


def a_network():
    """Residual, with a nested model, a convolution that is called twice and frozen layers."""
    keras.utils.set_random_seed(0)
    nested = keras.Sequential(
        [
            keras.Input((8, 8, 4)),
            layers.DepthwiseConv2D(3, padding="same", name="depthwise"),
            layers.Conv2D(4, 1, activation="relu", name="conv"),
        ],
        name="block",
    )
    twice = layers.Conv2D(4, 3, padding="same", name="twice")
    inputs = keras.Input((8, 8, 3), name="image")
    x = layers.BatchNormalization(name="norm")(
        layers.Conv2D(4, 3, padding="same", name="first")(inputs)
    )
    x = layers.Add()([x, nested(twice(twice(x)))])
    x = layers.EinsumDense("bhwc,cd->bhwd", (8, 8, 5), bias_axes="d", name="mix")(x)
    x = layers.Flatten()(layers.MaxPooling2D(4)(keras.ops.relu(x)))
    model = keras.Model(inputs, layers.Dense(3, name="head")(x), name="small")
    model.set_weights([RNG.uniform(0.1, 1, array.shape) for array in model.get_weights()])
    model.get_layer("first").trainable = False
    model.compile("sgd", "mse")
    return model


def random_mask(*shape):
    mask = RNG.random(shape) < 0.6
    mask[0], mask[-1] = True, False
    return mask


MASKS = {
    "twice": random_mask(4, 4),
    "block/depthwise": random_mask(4),
    "block/conv": random_mask(4, 4)[None, None],
    "mix": random_mask(4, 5),
    "head": random_mask(5, 3),  # One row a filter, for 4 positions.
}
KEPT = {
    "twice": MASKS["twice"],
    "block/depthwise": MASKS["block/depthwise"][:, None],
    "block/conv": MASKS["block/conv"],
    "mix": MASKS["mix"],
    "head": np.tile(MASKS["head"], (4, 1)),
}


def at(model, path):
    for name in path.split("/"):
        model = model.get_layer(name)
    return model


def zeroed(model):
    """The network itself with zeros in its kernels, as literally as can be."""
    for path, kept in KEPT.items():
        layer = at(model, path)
        kernel, bias = layer.get_weights()
        layer.set_weights([kernel * kept, bias])
    return model


def same_outputs(model, other):
    np.testing.assert_allclose(
        model.predict(IMAGES, verbose=0), other.predict(IMAGES, verbose=0), rtol=1e-5
    )


def test_masks_come_on_and_off_and_all_else_stays(tmp_path):
    model = a_network()
    before = model.get_weights()
    masked = mask_layers(model, MASKS)
    for array, now in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(array, now)
    assert not masked.compiled
    assert masked.name == model.name
    assert [layer.name for layer in masked.layers] == [layer.name for layer in model.layers]
    assert not masked.get_layer("first").trainable
    kinds = {path: type(at(masked, path)) for path in MASKS}
    assert list(kinds.values()) == [
        *(MaskedConv2D, MaskedDepthwiseConv2D, MaskedConv2D, MaskedEinsumDense, MaskedDense)
    ]
    expected = zeroed(model)
    for array, now in zip(expected.get_weights(), masked.get_weights(), strict=True):
        np.testing.assert_array_equal(array, now)
    same_outputs(masked, expected)
    other = mask_layers(masked, {"twice#1": ~MASKS["twice"], "head": None})
    np.testing.assert_array_equal(other.get_layer("twice").mask[0, 0], ~MASKS["twice"])
    assert other.get_layer("head").mask is None

    plain = strip_masks(masked)
    assert all(type(layer).__module__.startswith("keras.") for layer in plain._flatten_layers())
    assert all(type(at(plain, path)) is type(at(model, path)) for path in MASKS)
    assert at(plain, "twice").kernel_constraint is None
    same_outputs(plain, expected)
    plain.save(tmp_path / "plain.keras")
    np.savez(tmp_path / "weights.npz", *expected.get_weights())
    code = (
        "import keras, numpy as np, sys\n"
        "model = keras.saving.load_model('plain.keras')\n"
        "expected = np.load('weights.npz').values()\n"
        "for array, now in zip(expected, model.get_weights(), strict=True):\n"
        "    np.testing.assert_array_equal(array, now)\n"
        "assert 'sfp_keras' not in sys.modules\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env={
            **os.environ,
            # To import TensorFlow takes longest, and it is not what loads the network here.
            **{"KERAS_BACKEND": "numpy", "PYTHONPATH": WITHOUT_TENSORFLOW},
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_constraints_and_compact_heads_become_plain_too():
    outer, inner = random_mask(3, 3, 3, 2), random_mask(3, 3, 3, 2)
    mask = outer & inner
    constraint = MaskConstraint(outer, MaskConstraint(inner, keras.constraints.NonNeg()))
    inputs = keras.Input((8, 8, 3))
    x = layers.Flatten()(layers.Conv2D(2, 3, kernel_constraint=constraint, name="conv")(inputs))
    keep = random_mask(72, 3)
    model = keras.Model(inputs, CompactDense(3, keep, activation="relu", name="head")(x))
    plain = strip_masks(model)
    conv, head = plain.get_layer("conv"), plain.get_layer("head")
    assert isinstance(conv.kernel_constraint, keras.constraints.NonNeg)
    np.testing.assert_array_equal(conv.get_weights()[0] != 0, mask)
    assert type(head) is layers.Dense
    np.testing.assert_array_equal(head.get_weights()[0] != 0, keep)
    model.get_layer("conv").set_weights(conv.get_weights())
    same_outputs(model, plain)


def test_weights_of_a_fresh_network_are_enlarged_by_their_own_fan_in():
    model = a_network()
    masked = mask_layers(model, MASKS, active_fan_in=True)
    kernel, _ = model.get_layer("twice").get_weights()
    share = MASKS["twice"].mean(axis=0)
    expected = kernel * MASKS["twice"] / np.sqrt(np.maximum(share, 1e-9))
    np.testing.assert_allclose(masked.get_layer("twice").get_weights()[0], expected, rtol=1e-5)
    assert masked.get_layer("twice").get_config()["active_fan_in"]


@pytest.mark.parametrize(
    ("masks", "words"),
    [
        ({"conv": np.ones((4, 4))}, r"no layer 'conv'; there are first, twice, block/depthwise"),
        ({"norm": np.ones(4)}, "'norm' is a BatchNormalization, and masks go on .* Conv2D"),
        ({"twice": np.ones((4, 3))}, r"'twice': `mask` of shape \(4, 3\) does not fit a kernel"),
        ({"head": np.ones((7, 3))}, r"'head': `mask` of shape \(7, 3\) does not fit"),
        ({"mix": np.zeros((4, 5))}, "'mix': .* keeps no weight"),
        ([np.ones((4, 4))], "must be a dict from paths of layers, .* received list"),
        ({3: np.ones((4, 4))}, "received a dict from int"),
        ({name: np.ones((4, 4)) for name in ("twice", "twice#0")}, "are one layer"),
    ],
)
def test_masks_that_fit_nothing_are_named(masks, words):
    with pytest.raises(InputError, match=f"`masks`.*{words}"):
        mask_layers(a_network(), masks)


def test_where_no_graph_leads_is_named():
    class Mine(keras.Model):
        def call(self, x):
            return x

    for function in (lambda model: mask_layers(model, {}), strip_masks):
        with pytest.raises(InputError, match="is subclassed or not built"):
            function(Mine())
    inside = MaskedDense(2, random_mask(4, 2), name="inside")
    model = keras.Sequential([keras.Input((5, 4)), layers.TimeDistributed(inside, name="steps")])
    with pytest.raises(InputError, match=r"layer 'steps' .* has a masked layer inside"):
        strip_masks(model)
