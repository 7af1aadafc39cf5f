"""A folded head is the network's own head, biases apart."""

import keras
import numpy as np
import pytest
from keras import layers

from sfp_keras.errors import InputError
from sfp_keras.layers import AttentionHeads
from sfp_keras.models import build_vgg
from sfp_keras.monitoring.linear_head import linear_head

SHAPE = (8, 8, 3)


def body(x):
    x = layers.Conv2D(4, 3, padding="same", activation="relu", name="conv")(x)
    return layers.BatchNormalization(name="norm")(x)


def model(*head, nested=False):
    inputs = keras.Input(SHAPE)
    if nested:
        inner = keras.Input(SHAPE)
        x = keras.Model(inner, body(inner), name="backbone")(inputs)
    else:
        x = body(inputs)
    for layer in head:
        x = layer(x)
    return keras.Model(inputs, x)


HEADS = {
    "flatten": lambda: [layers.Flatten(), layers.Dense(3)],
    "dropout": lambda: [
        layers.Dropout(0.5),
        layers.Flatten(),
        layers.Dropout(0.5),
        layers.Dense(3),
    ],
    "chain": lambda: [
        layers.Flatten(),
        layers.Dense(7),
        layers.Dense(5, use_bias=False),
        layers.Dense(3),
    ],
    "global": lambda: [layers.GlobalAveragePooling2D(), layers.Dense(3)],
    "keepdims": lambda: [
        layers.GlobalAveragePooling2D(keepdims=True),
        layers.Flatten(),
        layers.Dense(3),
    ],
    "pooled": lambda: [layers.AveragePooling2D(2), layers.Flatten(), layers.Dense(3)],
    "overlapping": lambda: [
        layers.Dense(5),
        layers.AveragePooling2D(3, strides=2, padding="same"),
        layers.Flatten(),
        layers.Dense(3),
    ],
    "valid": lambda: [
        layers.Dense(5),
        layers.AveragePooling2D(3),
        layers.Reshape((-1,)),
        layers.Dense(3),
    ],
    "dense first": lambda: [layers.Dense(5), layers.GlobalAveragePooling2D(), layers.Dense(3)],
    "dense last": lambda: [layers.Dense(3), layers.GlobalAveragePooling2D()],
    "softmax": lambda: [layers.Flatten(), layers.Dense(3, "softmax")],
    "softmax layer": lambda: [layers.Flatten(), layers.Dense(3), layers.Softmax()],
    "activation": lambda: [layers.Flatten(), layers.Dense(3), layers.Activation("softmax")],
    "linear activation": lambda: [layers.Flatten(), layers.Activation("linear"), layers.Dense(3)],
}
if hasattr(layers, "AdaptiveAveragePooling2D"):  # Older versions of Keras lack it.
    HEADS["adaptive"] = lambda: [
        layers.AdaptiveAveragePooling2D((2, 3)),
        layers.Flatten(),
        layers.Dense(3),
    ]


@pytest.mark.parametrize("nested", [False, True], ids=["flat", "nested"])
@pytest.mark.parametrize("name", HEADS)
def test_features_times_kernel_are_the_logits_without_biases(name, nested):
    keras.utils.set_random_seed(0)
    net = model(*HEADS[name](), nested=nested)
    head = linear_head(net)
    images = np.random.default_rng(0).normal(size=(4, *SHAPE)).astype(np.float32)
    assert head.stage == ("backbone.norm" if nested else "norm")
    (features,) = (keras.ops.convert_to_numpy(x) for x in head.cut(images))
    kernel = head.kernel()
    assert kernel.dtype == np.float32
    assert kernel.shape == (features[0].size // features.shape[-1], features.shape[-1], 3)
    found = features.reshape(4, -1) @ kernel.reshape(-1, 3)
    outputs = keras.ops.convert_to_numpy(net(images))
    if "softmax" in name or name == "activation":
        found = np.exp(found) / np.exp(found).sum(1, keepdims=True)
    # Biases start at zero, so nothing is left out yet.
    np.testing.assert_allclose(found, outputs, rtol=1e-4, atol=1e-5)
    assert head.biases_left_out


def test_biases_are_left_out_and_weights_are_read_anew():
    net = model(layers.Flatten(), layers.Dense(3, name="d"))
    head = linear_head(net)
    before = head.kernel()
    dense = net.get_layer("d")
    dense.bias.assign([1.0, 2.0, 3.0])
    np.testing.assert_array_equal(head.kernel(), before)
    dense.kernel.assign(2 * dense.kernel)
    np.testing.assert_allclose(head.kernel(), 2 * before, rtol=1e-6)
    assert not linear_head(model(layers.Flatten(), layers.Dense(3, use_bias=False))).biases_left_out


def test_the_stage_may_be_named():
    net = build_vgg("vgg6", 3)
    assert linear_head(net, "layer5").stage == "layer5"
    assert linear_head(net, "layer5").cut.output_shape[-1] == 512


def dense_network(*middle):
    inputs = keras.Input(SHAPE)
    x = layers.Flatten()(layers.Rescaling(1 / 255)(inputs))
    for layer in (*middle, layers.Dense(3)):
        x = layer(x)
    return keras.Model(inputs, x)


@pytest.mark.skipif("adaptive" not in HEADS, reason="an older version of Keras")
def test_adaptive_averages_are_taken_back():
    net = model(*HEADS["adaptive"]())
    head = linear_head(net, pooled=False)
    images = np.random.default_rng(0).normal(size=(4, *SHAPE)).astype(np.float32)
    features = keras.ops.convert_to_numpy(head.cut(images)[0]).reshape(4, -1)
    found = features @ head.kernel().reshape(-1, 3)
    np.testing.assert_allclose(found, net(images), rtol=1e-4, atol=1e-5)


def test_dense_networks_give_the_nodes_of_the_last_layer_that_is_not_linear():
    net = dense_network(layers.Dense(7, "relu"), layers.Dense(6, "relu", name="last"))
    assert linear_head(net).stage == "last"
    assert linear_head(net).kernel().shape == (1, 6, 3)
    net = dense_network(layers.Dense(7), layers.BatchNormalization(), layers.ReLU(name="relu"))
    assert linear_head(net).stage == "relu"


def test_what_the_filters_of_a_stage_are():
    head = linear_head(model(layers.GlobalAveragePooling2D(), layers.Dense(3)))
    assert (head.kind, head.heads) == ("filter", None)
    assert linear_head(dense_network(layers.Dense(7, "relu"))).kind == "node"
    inputs = keras.Input((5, 6))
    x = AttentionHeads(2, name="attention")(inputs)
    x = layers.GlobalAveragePooling1D()(x)
    head = linear_head(keras.Model(inputs, layers.Dense(3)(x)))
    assert (head.stage, head.kind, head.heads) == ("attention", "node", 2)


@pytest.mark.parametrize(
    ("middle", "name", "words"),
    [
        ([layers.Flatten(), layers.Dense(6, "relu", name="hidden")], "hidden", "activation relu"),
        ([layers.GlobalAveragePooling2D(), layers.ReLU(name="act")], "act", "is a ReLU"),
        (
            [layers.Flatten(), layers.LayerNormalization(name="ln"), layers.Dense(4)],
            "ln",
            "is a LayerNormalization",
        ),
    ],
    ids=["dense", "activation", "normalization"],
)
def test_without_a_name_nothing_but_linear_layers_may_follow_the_map(middle, name, words):
    net = model(*middle, layers.Dense(3))
    with pytest.raises(InputError, match=words) as error:
        linear_head(net)
    assert f"`stage`={name!r}" in str(error.value)
    # The mend the message names.
    assert linear_head(net, name).stage == name


def test_relu_between_fully_connected_layers_is_no_stage_by_itself():
    net = build_vgg("vgg16", 10, fc_activation="relu", width=2)
    with pytest.raises(InputError, match="relu"):
        linear_head(net)


def test_global_max_pooling_is_a_stage():
    head = linear_head(model(layers.GlobalMaxPooling2D(name="max"), layers.Dense(3)))
    assert head.stage == "max"
    assert head.kernel().shape == (1, 4, 3)


NORMALIZED = {
    "flat": lambda: [layers.GlobalAveragePooling2D(), layers.BatchNormalization()],
    "unscaled": lambda: [layers.Flatten(), layers.BatchNormalization(scale=False, center=False)],
    "twice": lambda: [
        layers.Flatten(),
        layers.Dense(6),
        layers.BatchNormalization(),
        layers.Dense(5),
        layers.BatchNormalization(),
    ],
    "map": lambda: [layers.Dense(5), layers.BatchNormalization(), layers.AveragePooling2D(2)],
}


@pytest.mark.parametrize("stage", [None, "norm", "conv"])
@pytest.mark.parametrize("name", NORMALIZED)
def test_batch_normalization_folds_into_the_kernel(name, stage):
    keras.utils.set_random_seed(0)
    rng = np.random.default_rng(0)
    net = model(*NORMALIZED[name](), layers.Flatten(), layers.Dense(3, use_bias=False))
    for layer in net.layers:
        if isinstance(layer, layers.BatchNormalization):
            for weight in layer.weights:
                weight.assign(rng.uniform(0.5, 2, weight.shape))
    # Beside the map and unnamed, normalization is a stage of its own.
    own = name == "map" and stage is None
    head = linear_head(net, stage)
    assert (head.stage == (stage or "norm")) is not own
    images = rng.normal(size=(5, *SHAPE)).astype(np.float32)
    features = keras.ops.convert_to_numpy(head.cut(images)[0]).reshape(5, -1)
    found = features @ head.kernel().reshape(-1, 3)
    outputs = keras.ops.convert_to_numpy(net(images))
    # Offsets are left out: what remains agrees in all differences of images.
    np.testing.assert_allclose(found - found[:1], outputs - outputs[:1], rtol=1e-3, atol=1e-4)
    assert head.biases_left_out is not own


def test_normalization_of_another_axis_is_named():
    inputs = keras.Input(SHAPE)
    x = layers.Conv2D(4, 3, name="conv")(inputs)
    x = layers.BatchNormalization(axis=1, name="rows")(x)
    net = keras.Model(inputs, layers.Dense(3)(layers.Flatten()(x)))
    with pytest.raises(InputError, match=r"'rows'.*another axis"):
        linear_head(net, "conv")


@pytest.mark.parametrize(
    ("head", "words"),
    [
        ([layers.Flatten(), layers.Dense(5, "relu", name="fc"), layers.Dense(3)], ["'fc'", "relu"]),
        (
            [layers.MaxPooling2D(name="max"), layers.Flatten(), layers.Dense(3)],
            ["'max'", "MaxPooling2D"],
        ),
        (
            [layers.Flatten(), layers.Dense(5), layers.Softmax(name="s"), layers.Dense(3)],
            ["'s'", "softmax"],
        ),
    ],
    ids=["relu", "max", "softmax between"],
)
def test_what_is_not_linear_is_named(head, words):
    with pytest.raises(InputError) as error:
        linear_head(model(*head), "norm")
    for word in [*words, "norm"]:
        assert word in str(error.value)


def test_relu_between_the_papers_fc_layers_is_named():
    net = build_vgg("vgg16", 10, fc_activation="relu", width=2)
    with pytest.raises(InputError, match="relu"):
        linear_head(net, "layer13")


def test_what_has_no_linear_end_is_told():
    with pytest.raises(InputError, match=r"Sigmoid|sigmoid"):
        linear_head(model(layers.Flatten(), layers.Dense(3, "sigmoid")))
    with pytest.raises(InputError, match=r"'conv' in its head.*Dense layer"):
        linear_head(model(layers.Flatten()))
    with pytest.raises(InputError, match=r"does not lead|no Dense"):
        linear_head(model(layers.Flatten(), layers.Dense(3, name="end")), "end")


def filters_first(x):
    x = layers.BatchNormalization(axis=1)(layers.Permute((3, 1, 2))(x))
    return layers.Flatten()(layers.ReLU(name="act")(x))


# What follows a map of 8x8 positions and 4 filters, and the layer whose filters are measured.
MOVED = {
    "permuted": (lambda x: layers.Flatten()(layers.Permute((3, 2, 1))(x)), "norm"),
    "transposed": (lambda x: keras.ops.reshape(keras.ops.moveaxis(x, 3, 1), (-1, 256)), "norm"),
    "reversed": (lambda x: layers.Flatten()(x[:, ::-1, :, ::-1]), "norm"),
    "rows with filters": (lambda x: layers.Flatten()(layers.Reshape((8, 32))(x)), "norm"),
    "cropped": (lambda x: layers.Flatten()(layers.Permute((3, 1, 2))(x)[:, :, 1:-1]), "norm"),
    "computed": (filters_first, "act"),
}


@pytest.mark.parametrize("name", MOVED)
def test_filters_behind_moved_axes_are_those_of_the_map(name):
    keras.utils.set_random_seed(0)
    behind, stage = MOVED[name]
    inputs = keras.Input(SHAPE)
    dense = layers.Dense(3, use_bias=False)
    net = keras.Model(inputs, dense(behind(body(inputs))))
    images = np.random.default_rng(0).normal(size=(4, *SHAPE)).astype(np.float32)
    head = linear_head(net)
    assert head.stage == stage
    assert head.kernel().shape == (64, 4, 3)
    (features,) = (keras.ops.convert_to_numpy(x) for x in head.cut(images))
    for filter_number in range(4):
        found = features[..., filter_number].reshape(4, 64) @ head.kernel()[:, filter_number]
        # The literal definition: all filters of the map but one are silenced.
        only = np.zeros(4, np.float32)
        only[filter_number] = 1
        alone = keras.Input((8, 8, 4))
        silenced = keras.Model(alone, dense(behind(alone)))
        part = body_outputs(net, images) * only
        np.testing.assert_allclose(found, silenced(part), rtol=1e-4, atol=1e-5)


def body_outputs(net, images):
    return keras.ops.convert_to_numpy(
        keras.Model(net.inputs[0], net.get_layer("norm").output)(images)
    )


@keras.saving.register_keras_serializable(package="test_linear_head")
class UnitRows(layers.Dense):
    """Multiplies by its kernel with each unit's weights divided by their length."""

    def call(self, inputs, training=None):
        return self.activation(inputs @ keras.ops.normalize(self.kernel, axis=0) + self.bias)


class Rooted(layers.Dense):
    def call(self, inputs, training=None):
        return super().call(keras.ops.sqrt(keras.ops.abs(inputs)))


def with_lora(mode=None):
    def change(dense):
        dense.enable_lora(2)
        dense.lora_kernel_b.assign(np.random.default_rng(1).normal(size=(2, 3)))
        if mode:
            dense.quantize(mode)

    return change


def quantized(mode):
    return lambda dense: dense.quantize(mode)


def quantized_to_float8(dense):
    dense.quantize("float8")
    dense.inputs_scale.assign(0.03)
    dense.kernel_scale.assign(0.001)


def in_training(wrapper):
    for _ in range(3):
        wrapper(np.ones((1, 256), np.float32), training=True)


IN_USE = {
    "int8": (layers.Dense, quantized("int8"), 0.02),
    "int4": (layers.Dense, quantized("int4"), 0.02),
    "float8": (layers.Dense, quantized_to_float8, 0.1),
    "lora": (layers.Dense, with_lora(), 1e-4),
    "int8 and lora": (layers.Dense, with_lora("int8"), 0.02),
    "own": (UnitRows, lambda dense: None, 1e-4),
    "spectral": (
        lambda *a, **k: layers.SpectralNormalization(layers.Dense(*a, **k)),
        in_training,
        1e-4,
    ),
}


@pytest.mark.parametrize("activation", [None, "softmax"])
@pytest.mark.parametrize("name", IN_USE)
def test_the_kernel_is_the_one_in_use(name, activation):
    keras.utils.set_random_seed(0)
    make, change, tolerance = IN_USE[name]
    dense = make(3, activation=activation)
    net = model(layers.Flatten(), dense)
    change(dense)
    head = linear_head(net)
    images = np.random.default_rng(0).normal(size=(20, *SHAPE)).astype(np.float32)
    (features,) = (keras.ops.convert_to_numpy(x) for x in head.cut(images))
    found = features.reshape(20, -1) @ head.kernel().reshape(-1, 3)
    outputs = keras.ops.convert_to_numpy(net(images))
    if activation:
        found = np.exp(found) / np.exp(found).sum(1, keepdims=True)
    np.testing.assert_allclose(found, outputs, atol=tolerance * np.abs(outputs).max())
    assert head.biases_left_out


def test_what_multiplies_by_no_kernel_or_runs_in_training_mode_is_named():
    with pytest.raises(InputError, match=r"\(Rooted\) does not answer as one kernel"):
        linear_head(model(layers.Flatten(), Rooted(3))).kernel()
    inputs = keras.Input(SHAPE)
    x = layers.BatchNormalization(name="bn")(layers.Flatten()(body(inputs)), training=True)
    with pytest.raises(InputError, match="'bn' in its head, which is called with training=True"):
        linear_head(keras.Model(inputs, layers.Dense(3)(x)))
