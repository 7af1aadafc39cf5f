"""Cutting: outputs equal to the bit, weights shared, the network left as it was."""

import os
import subprocess
import sys

import keras
import numpy as np
import pytest
from keras import layers

from sfp_keras.errors import InputError
from sfp_keras.models import build_vgg
from sfp_keras.probing.cutting import cut_stages
from sfp_keras.probing.stages import list_stages, resolve_stages

IMAGES = np.random.default_rng(0).normal(size=(3, 16, 16, 3)).astype("float32")


def image(*shape):
    return keras.Input(shape or (16, 16, 3))


def conv(filters, name):
    return layers.Conv2D(filters, 3, padding="same", name=name)


def backbone(name="backbone", size=None):
    inputs = image(size, size, 3)
    x = conv(4, "conv1")(inputs)
    x = layers.BatchNormalization(name="norm")(x)
    x = layers.MaxPooling2D(name="pool")(x)
    return keras.Model(inputs, conv(5, "conv2")(x), name=name)


def by_hand(x, *parts):
    for part in parts:
        x = part(x, training=False) if isinstance(part, layers.BatchNormalization) else part(x)
    return keras.ops.convert_to_numpy(x)


def cut_outputs(model, stages, images=IMAGES, pool=None):
    cut = cut_stages(model, stages, pool)
    outputs = cut(images, training=False)
    assert isinstance(outputs, list)
    return [keras.ops.convert_to_numpy(output) for output in outputs]


def assert_equal(got, expected):
    assert len(got) == len(expected)
    for a, b in zip(got, expected, strict=True):
        np.testing.assert_array_equal(a, b)


def test_a_plain_network_is_cut_to_the_bit():
    widths = dict.fromkeys(range(1, 6), 4)
    model = build_vgg("vgg6", 3, filters=widths)
    images = np.random.default_rng(1).normal(size=(2, 32, 32, 3)).astype("float32")
    expected, x = {}, images
    for layer in model.layers[1:]:
        x = by_hand(x, layer)
        expected[layer.name] = x
    got = cut_outputs(model, ["layer1", "layer3", "layer5_conv", "output"], images)
    assert_equal(
        got, [expected[name] for name in ("layer1_pool", "layer3_pool", "layer5_conv", "output")]
    )


def test_outputs_are_a_list_also_of_one():
    model = backbone(size=16)
    cut = cut_stages(model, ["pool"])
    assert cut.output_names == ["pool"]
    assert [tuple(output.shape) for output in cut.outputs] == [(None, 8, 8, 4)]
    for outputs in (cut(IMAGES), cut.predict(IMAGES, verbose=0), cut.predict_on_batch(IMAGES)):
        assert isinstance(outputs, list)
        assert len(outputs) == 1
        assert outputs[0].shape == (3, 8, 8, 4)


def test_order_of_stages_is_kept_and_names_are_sorted():
    model = backbone(size=16)
    first, last = resolve_stages(model, ["conv1", "conv2"])
    assert cut_stages(model, [last, first]).output_names == ["conv2", "conv1"]
    assert cut_stages(model, ["conv2", "conv1"]).output_names == ["conv1", "conv2"]


def test_a_sequential_network():
    model = keras.Sequential([image(), conv(3, "a"), layers.ReLU(name="b"), conv(2, "c")])
    a, b, _ = model.layers
    assert_equal(cut_outputs(model, ["a", "b"]), [by_hand(IMAGES, a), by_hand(IMAGES, a, b)])


def test_layers_after_the_last_stage_are_left_out():
    cut = cut_stages(backbone(size=16), ["conv1"])
    assert [layer.name for layer in cut.layers if layer.weights] == ["conv1"]


def nested(inner):
    inputs = image()
    scale, after = layers.Rescaling(0.5, name="scale"), conv(2, "after")
    x = after(inner(scale(inputs)))
    x = layers.GlobalAveragePooling2D(name="gap")(x)
    return keras.Model(inputs, layers.Dense(3, name="dense")(x), name="outer")


@pytest.mark.parametrize("size", [None, 16])
def test_a_nested_network(size):
    inner = backbone(size=size)
    model = nested(inner)
    scale, after = model.get_layer("scale"), model.get_layer("after")
    conv1, norm, pool, conv2 = inner.layers[1:]
    stages = ["scale", "backbone/conv1", "backbone/pool", "backbone", "after"]
    expected = [
        by_hand(IMAGES, scale),
        by_hand(IMAGES, scale, conv1),
        by_hand(IMAGES, scale, conv1, norm, pool),
        by_hand(IMAGES, scale, conv1, norm, pool, conv2),
        by_hand(IMAGES, scale, conv1, norm, pool, conv2, after),
    ]
    assert_equal(cut_outputs(model, stages), expected)
    for stage, value in zip(stages, expected, strict=True):
        assert_equal(cut_outputs(model, [stage]), [value])
    assert cut_stages(model, ["backbone/conv1"]).output_names == ["backbone.conv1"]


def test_a_nested_network_stops_at_its_last_stage():
    model = nested(backbone())
    cut = cut_stages(model, ["backbone/conv1"])
    assert cut.count_params() == model.get_layer("backbone").get_layer("conv1").count_params()
    weights = {id(weight) for weight in model.weights}
    assert all(id(weight) in weights for weight in cut_stages(model, ["backbone/conv2"]).weights)


def test_models_in_models_in_sequentials_with_names_alike():
    # Both levels and both blocks have a layer `conv`.
    blocks = [
        keras.Sequential([conv(3, "conv"), layers.ReLU(name="relu")], name=f"block{number}")
        for number in (1, 2)
    ]
    middle = keras.Sequential([image(None, None, 3), *blocks], name="middle")
    inputs = image()
    outer = conv(3, "conv")
    model = keras.Model(inputs, outer(middle(inputs)))
    one, two = blocks
    got = cut_outputs(model, ["middle/block1/conv", "middle/block2/conv", "conv"])
    assert_equal(
        got,
        [
            by_hand(IMAGES, one.layers[0]),
            by_hand(IMAGES, *one.layers, two.layers[0]),
            by_hand(IMAGES, *one.layers, *two.layers, outer),
        ],
    )


def test_a_layer_called_twice():
    shared, pool = conv(3, "shared"), layers.MaxPooling2D(name="pool")
    inputs = image()
    model = keras.Model(inputs, shared(pool(shared(inputs))))
    expected = [by_hand(IMAGES, shared), by_hand(IMAGES, shared, pool, shared)]
    assert_equal(cut_outputs(model, ["shared#0", "shared#1"]), expected)
    assert_equal(cut_outputs(model, ["shared#1"]), expected[1:])


@pytest.mark.parametrize(
    "stages",
    [
        ["inner#0/conv", "inner#1/conv", "inner#1"],
        ["inner#1/conv"],
        ["inner#0/conv"],
        ["inner#0/relu", "last"],
    ],
)
def test_a_nested_model_called_twice(stages):
    inner = keras.Sequential(
        [image(None, None, 3), conv(3, "conv"), layers.ReLU(name="relu")], name="inner"
    )
    pool, last = layers.MaxPooling2D(name="pool"), conv(2, "last")
    inputs = image()
    model = keras.Model(inputs, last(inner(pool(inner(inputs)))))
    a, b = inner.layers
    expected = {
        "inner#0/conv": by_hand(IMAGES, a),
        "inner#0/relu": by_hand(IMAGES, a, b),
        "inner#1/conv": by_hand(IMAGES, a, b, pool, a),
        "inner#1": by_hand(IMAGES, a, b, pool, a, b),
        "last": by_hand(IMAGES, a, b, pool, a, b, last),
    }
    assert_equal(cut_outputs(model, stages), [expected[stage] for stage in stages])


@pytest.mark.parametrize("training", [None, False, True])
def test_nested_call_arguments_do_what_they_do_in_the_network(training):
    inner = backbone()
    inner.get_layer("norm").moving_mean.assign([1.0, 2.0, 3.0, 4.0])
    inputs = image()
    model = keras.Model(inputs, inner(inputs, training=False))
    cut = cut_stages(model, ["backbone/conv2"])
    got, expected = cut(IMAGES, training=training)[0], model(IMAGES, training=training)
    np.testing.assert_array_equal(*map(keras.ops.convert_to_numpy, (got, expected)))


def test_keras_operations_and_several_outputs():
    inner_input = image()
    both = keras.Model(
        inner_input, [conv(3, "left")(inner_input), conv(3, "right")(inner_input)], name="both"
    )
    inputs = image()
    left, right = both(inputs)
    model = keras.Model(inputs, keras.ops.relu(left + right))
    total = list_stages(model)[-2].path
    first, second = both.get_layer("left"), both.get_layer("right")
    expected = [by_hand(IMAGES, second), by_hand(IMAGES, first) + by_hand(IMAGES, second)]
    assert_equal(cut_outputs(model, ["both/right", total]), expected)


def test_the_network_is_left_as_it_is(tmp_path):
    inner = backbone()
    inner.trainable = False
    inner.get_layer("conv2").trainable = True
    model = nested(inner)
    flags = [layer.trainable for layer in [*model.layers, *inner.layers]]
    weights, output = model.get_weights(), model.predict_on_batch(IMAGES)
    config = model.get_config()
    paths = [stage.path for stage in list_stages(model)]
    cut = cut_stages(model, ["backbone/conv1", "after", "dense"], {"after": "max:2"})
    cut.predict_on_batch(IMAGES)

    assert [layer.trainable for layer in [*model.layers, *inner.layers]] == flags
    assert model.get_config() == config
    assert [stage.path for stage in list_stages(model)] == paths
    assert_equal(model.get_weights(), weights)
    np.testing.assert_array_equal(model.predict_on_batch(IMAGES), output)
    model.save(tmp_path / "net.keras")
    loaded = keras.saving.load_model(tmp_path / "net.keras")
    np.testing.assert_array_equal(loaded.predict_on_batch(IMAGES), output)
    assert [stage.path for stage in list_stages(loaded)] == paths
    # Cut again, and a weight changed in the network changes the cut: they share it.
    again = cut_stages(model, ["dense"])
    model.get_layer("dense").bias.assign([5.0, 6.0, 7.0])
    moved = again.predict_on_batch(IMAGES)[0]
    np.testing.assert_array_equal(moved, model.predict_on_batch(IMAGES))
    np.testing.assert_allclose(moved - output, [[5.0, 6.0, 7.0]] * 3, rtol=1e-6)


def test_a_cut_model_is_saved_and_loaded(tmp_path):
    cut = cut_stages(nested(backbone()), ["backbone/conv1"], "max:4")
    cut.save(tmp_path / "cut.keras")
    loaded = keras.saving.load_model(tmp_path / "cut.keras")
    assert_equal(loaded.predict_on_batch(IMAGES), cut.predict_on_batch(IMAGES))
    assert loaded.output_names == cut.output_names == ["backbone.conv1"]


def pooled_by_hand(x, size, reduce):
    n, h, w, f = x.shape
    h, w = h // size, w // size
    return reduce(x[:, : h * size, : w * size].reshape(n, h, size, w, size, f), (2, 4))


@pytest.mark.parametrize(
    ("pool", "reduce", "size"),
    [("avg:4", np.mean, 4), ("max:2", np.max, 2), ("avg:7", np.mean, 7), ("max:16", np.max, 16)],
)
def test_pooling(pool, reduce, size):
    model = backbone(size=16)
    plain, pooled = cut_outputs(model, ["conv1"])[0], cut_outputs(model, ["conv1"], pool=pool)[0]
    np.testing.assert_allclose(pooled, pooled_by_hand(plain, size, reduce), rtol=1e-5, atol=1e-6)


def test_global_pooling_leaves_no_positions():
    model = backbone(size=16)
    (plain,), (pooled,) = (cut_outputs(model, ["pool"], pool=p) for p in (None, "global_avg"))
    np.testing.assert_allclose(pooled, plain.mean((1, 2)), rtol=1e-5, atol=1e-6)


def test_pool_by_stage_keeps_names():
    cut = cut_stages(backbone(size=16), ["conv1", "conv2"], {"conv1": "max:2"})
    assert [tuple(output.shape[1:]) for output in cut.outputs] == [(8, 8, 4), (8, 8, 5)]
    assert cut.output_names == ["conv1", "conv2"]


def test_pooling_tokens_and_shared_layers():
    inputs = image()
    shared = layers.Dense(3, name="shared")
    x = layers.Reshape((16, 48))(inputs)
    model = keras.Model(inputs, shared(layers.Dense(48)(shared(x))))
    cut = cut_stages(model, ["shared#0", "shared#1"], "avg:4")
    assert [tuple(output.shape[1:]) for output in cut.outputs] == [(4, 3), (4, 3)]


@pytest.mark.parametrize(
    ("pool", "words"),
    [
        ("avg:9", "`pool`=avg:9 is larger than the 8x8 .*'pool'.*avg:8"),
        ("avg", "'avg' is none of .*avg:<size>"),
        ("min:2", "'min:2'"),
        ("max:0", "'max:0'"),
        ({"conv9": "avg:2"}, "names 'conv9'.*conv1, pool"),
        ({"pool": "global_avg:2"}, "global_avg:2"),
    ],
)
def test_pools_that_will_not_do(pool, words):
    with pytest.raises(InputError, match=words):
        cut_stages(backbone(size=16), ["conv1", "pool"], pool)


def test_a_stage_without_positions_is_not_pooled():
    with pytest.raises(InputError, match=r"cannot pool stage 'dense' of shape \(3,\)"):
        cut_stages(nested(backbone()), ["dense"], "avg:2")


def test_models_that_cannot_be_cut():
    class Net(keras.Model):
        def call(self, inputs):
            return inputs

    with pytest.raises(InputError, match="subclassed"):
        cut_stages(Net(), ["conv1"])
    first, second = image(), image()
    both = keras.Model([first, second], layers.Add(name="add")([first, second]))
    with pytest.raises(InputError, match="2 inputs"):
        cut_stages(both, ["add"])
    inputs = image(3, 16, 16)
    flat = layers.Flatten(data_format="channels_first", name="flat")(inputs)
    with pytest.raises(InputError, match="channels_last"):
        cut_stages(keras.Model(inputs, flat), ["flat"])


JAX_PROGRAM = """
import sys
sys.modules["tensorflow"] = None  # Any import of it fails.
import keras
import numpy as np
from sfp_keras.models import build_vgg
from sfp_keras.probing.cutting import cut_stages
from sfp_keras.probing import default_stages
assert keras.backend.backend() == "jax"
model = build_vgg("vgg6", 3, filters=dict.fromkeys(range(1, 6), 2), fc_widths=(4,))
nested = keras.Sequential([keras.Input((32, 32, 3)), model, keras.layers.ReLU(name="end")])
images = np.random.default_rng(0).random((2, 32, 32, 3), "float32")
plain = cut_stages(model, default_stages(model)).predict(images, verbose=0)
inside = cut_stages(nested, ["vgg6/layer2", "end"], {"vgg6.layer2": "max:2"})
inside = inside.predict(images, verbose=0)
print([output.shape for output in plain], [output.shape for output in inside])
np.testing.assert_array_equal(plain[1].reshape(2, 4, 2, 4, 2, 2).max((2, 4)), inside[0])
"""


@pytest.mark.slow
def test_jax_without_tensorflow():
    environment = {**os.environ, "KERAS_BACKEND": "jax", "JAX_PLATFORMS": "cpu"}
    done = subprocess.run(
        [sys.executable, "-c", JAX_PROGRAM], capture_output=True, text=True, env=environment
    )
    assert done.returncode == 0, done.stderr
    assert "(2, 16, 16, 2)" in done.stdout
