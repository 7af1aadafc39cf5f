"""remove_dead_filters: nothing in a network's outputs changes, at inference."""

import keras
import numpy as np
import pytest
from keras import layers, ops

from sfp_keras import (
    MaskConstraint,
    MaskedConv2D,
    MaskedDense,
    MaskedDepthwiseConv2D,
    TreeSampling,
    build_vgg,
    compact_head,
    dead_filters,
    links,
    list_stages,
    mask_layers,
    prune_filters,
    remove_dead_filters,
    strip_masks,
)
from sfp_keras.errors import InputError
from sfp_keras.layers import MaskedKernel

pytestmark = pytest.mark.filterwarnings("ignore:mask. .* units have no free weight")
IMAGES = np.random.default_rng(0).normal(size=(3, 16, 16, 3)).astype(np.float32)


def scrambled(model, seed=1):
    """The model with weights unlike the initial ones, batch norms' included."""
    rng = np.random.default_rng(seed)
    weights = []
    for variable in model.weights:
        array = rng.normal(size=variable.shape, scale=0.3) / np.sqrt(np.prod(variable.shape[:-1]))
        if variable.name in ("gamma", "moving_variance"):
            array = rng.uniform(0.5, 1.5, variable.shape)
        elif variable.name in ("bias", "beta", "moving_mean"):
            array = rng.normal(size=variable.shape, scale=0.3)
        elif variable.name in ("mean", "variance", "count"):
            array = ops.convert_to_numpy(variable)
        weights.append(array)
    model.set_weights(weights)
    return model


def answers(model, images):
    return ops.convert_to_numpy(model(images, training=False))


def check(model, images=IMAGES):
    """Outputs stay; returns the smaller model and the number of filters gone."""
    expected, before = answers(model, images), model.get_weights()
    found = dead_filters(model)
    smaller = remove_dead_filters(model)
    scale = np.abs(expected).max()
    assert np.isfinite(expected).all()
    assert scale > 0
    np.testing.assert_allclose(answers(smaller, images), expected, rtol=1e-4, atol=2e-5 * scale)
    for old, now in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(old, now)
    assert dead_filters(smaller).number == 0
    return smaller, found


def masks_of(model, labels=8, each=2, seed=0):
    """Masks on every link of a model, from random labels of its filters."""
    rng = np.random.default_rng(seed)
    sizes = {stage.path: stage.filters for stage in list_stages(model)}
    stages = {}
    for link in links(model):
        for path in (*link.sources, link.target):
            if path is not None and path not in stages:
                size = sizes[path]
                chosen = rng.random((size, labels)).argsort(1) < rng.integers(
                    0, each + 1, (size, 1)
                )
                stages[path] = chosen
    masks = {link.layer: link.mask(stages) for link in links(model)}
    for mask in masks.values():
        mask[..., 0, 0] |= not mask.any()
    return masks


def block(x, filters, strides, name):
    """A residual block, its shortcut a projection where the shape changes."""
    y = layers.Conv2D(filters, 3, strides, padding="same", name=f"{name}_a")(x)
    y = layers.ReLU()(layers.BatchNormalization()(y))
    y = layers.Conv2D(filters, 3, padding="same", use_bias=False, name=f"{name}_b")(y)
    y = layers.BatchNormalization()(y)
    if strides > 1:
        x = layers.Conv2D(filters, 1, strides, name=f"{name}_shortcut")(x)
    return layers.ReLU(name=f"{name}_out")(layers.Add(name=f"{name}_sum")([x, y]))


def residual(labels=8):
    inputs = keras.Input((16, 16, 3))
    x = layers.Conv2D(12, 3, padding="same", activation="relu", name="first")(inputs)
    x = block(x, 12, 1, "block1")
    x = block(x, 20, 2, "block2")
    left = layers.Conv2D(10, 1, activation="relu", name="left")(x)
    right = layers.Conv2D(6, 3, padding="same", activation="relu", name="right")(x)
    x = layers.Concatenate(name="both")([left, right])
    gate = layers.GlobalAveragePooling2D()(x)
    gate = layers.Dense(4, "relu", name="squeeze")(gate)
    gate = layers.Reshape((1, 1, 16))(layers.Dense(16, "sigmoid", name="excite")(gate))
    x = layers.Multiply(name="gated")([x, gate])
    x = layers.Flatten()(layers.MaxPooling2D(2)(x))
    return scrambled(keras.Model(inputs, layers.Dense(labels, use_bias=False, name="end")(x)))


def test_a_residual_network_masked_by_labels():
    model = residual()
    masks = masks_of(model, each=1)
    assert {"block1_b", "block2_shortcut", "left", "end"} <= set(masks)
    masked = mask_layers(model, masks)
    smaller, found = check(masked)
    assert found.dead["block1_a"].sum() > 2
    assert smaller.count_params() < 0.8 * model.count_params()
    for name in masks:
        layer = smaller.get_layer(name)
        assert isinstance(layer, MaskedKernel)
        assert not layer.get_weights()[0][~layer.mask].any()
    again, _ = check(strip_masks(masked))
    # A mask keeps a weight at least.
    assert again.count_params() <= smaller.count_params()


def test_all_of_a_sum_go_or_none():
    model = residual()
    readers = ("block1_a", "block1_b", "block2_a", "block2_shortcut")
    for name in readers:
        kernel, *bias = model.get_layer(name).get_weights()
        if name != "block1_b":
            kernel[:, :, [2, 7]] = 0  # What `first` makes, and the sum of block 1.
        model.get_layer(name).set_weights([kernel, *bias])
    smaller, found = check(model)
    for name in ("first", "block1_b"):
        np.testing.assert_array_equal(np.flatnonzero(found.dead[name]), [2, 7])
        assert smaller.get_layer(name).filters == 10
    kernel, bias = model.get_layer("block2_a").get_weights()
    kernel[0, 0, 7, 0] = 0.1
    model.get_layer("block2_a").set_weights([kernel, bias])
    np.testing.assert_array_equal(np.flatnonzero(dead_filters(model).dead["first"]), [2])


def constant(padding, pool, bias, use_bias=True, norm=False):
    """Filters 1 and 3 of `maker` put out a constant."""
    x = inputs = keras.Input((16, 16, 3))
    x = layers.Conv2D(6, 3, padding="same", name="maker")(x)
    x = layers.BatchNormalization(name="norm")(x) if norm else x
    x = layers.MaxPooling2D(2, padding="same")(layers.ReLU()(x))
    x = layers.Conv2D(5, 3, padding=padding, use_bias=use_bias, name="reader")(x)
    x = pool()(layers.LeakyReLU()(x))
    model = scrambled(keras.Model(inputs, layers.Dense(4, name="end")(x)))
    kernel, old = model.get_layer("maker").get_weights()
    kernel[..., [1, 3]] = 0
    old[[1, 3]] = bias
    model.get_layer("maker").set_weights([kernel, old])
    return model


@pytest.mark.parametrize("norm", [False, True])
@pytest.mark.parametrize("use_bias", [True, False])
def test_constants_go_into_the_next_biases(norm, use_bias):
    model = constant("valid", layers.GlobalMaxPooling2D, [0.7, 0.9], use_bias, norm)
    smaller, found = check(model)
    assert found.dead["maker"].tolist() == [False, True, False, True, False, False]
    assert smaller.get_layer("maker").filters == 4


def test_constants_that_padding_changes_stay():
    model = constant("same", layers.Flatten, [0.7, -0.3])
    smaller, found = check(model)
    # Behind the ReLU the second is zero.
    np.testing.assert_array_equal(np.flatnonzero(found.dead["maker"]), [3])
    assert "'reader' it is not the same at all positions" in found.kept["maker"]
    assert smaller.get_layer("reader").kernel.shape[2] == 5


def test_what_padding_makes_of_a_constant_goes_into_a_dense_layer():
    model = constant("same", layers.Flatten, [0.7, 0.9])
    kernel, bias = model.get_layer("reader").get_weights()
    kernel[:, :, [0, 2, 4, 5], 1] = 0  # Filter 1 reads constants alone.
    model.get_layer("reader").set_weights([kernel, bias])
    _, found = check(model)
    np.testing.assert_array_equal(np.flatnonzero(found.dead["reader"]), [1])


def test_depthwise_filters_and_silent_norms():
    x = inputs = keras.Input((16, 16, 3))
    x = layers.Conv2D(8, 1, activation="relu6", name="expand")(x)
    x = layers.DepthwiseConv2D(3, 2, padding="same", name="depth")(x)
    x = layers.BatchNormalization(name="norm")(x)
    x = layers.ReLU(6.0)(x + 3.0) * (1 / 6)
    x = layers.Conv2D(5, 1, use_bias=False, name="project")(x)
    model = scrambled(keras.Model(inputs, layers.GlobalAveragePooling2D()(x)))
    kernel, bias = model.get_layer("depth").get_weights()
    kernel[..., 2, :] = 0
    model.get_layer("depth").set_weights([kernel, bias])
    gamma, *rest = model.get_layer("norm").get_weights()
    gamma[5] = 0
    model.get_layer("norm").set_weights([gamma, *rest])
    smaller, found = check(model)
    np.testing.assert_array_equal(np.flatnonzero(found.dead["expand"]), [2, 5])
    assert smaller.get_layer("project").use_bias
    # What the model puts out stays, read or not.
    assert not found.dead["project"].any()


def test_layers_called_twice_and_nested_models():
    inner = keras.Input((16, 16, 4))
    shared = layers.Conv2D(4, 3, padding="same", activation="relu", name="shared")
    body = keras.Model(inner, shared(layers.ReLU()(inner)), name="body")
    inputs = keras.Input((16, 16, 3))
    x = layers.Conv2D(4, 1, name="maker")(inputs)
    x = layers.GlobalMaxPooling2D()(body(body(x)))
    model = scrambled(keras.Model(inputs, layers.Dense(2, name="end")(x)))
    for name in ("body", "end"):
        layer = model.get_layer(name)
        layer = layer.get_layer("shared") if name == "body" else layer
        kernel, bias = layer.get_weights()
        kernel[..., [1, 2], :] = 0
        layer.set_weights([kernel, bias])
    smaller, found = check(model)
    assert found.dead["maker"].tolist() == found.dead["body/shared"].tolist()
    assert smaller.get_layer("body").get_layer("shared").filters == 2


def test_a_layer_and_a_mask_keep_something():
    x = inputs = keras.Input((16, 16, 3))
    mask = np.zeros((3, 4), bool)
    mask[1, 2] = True
    x = MaskedConv2D(4, 3, mask=mask, activation="relu", name="maker")(x)
    x = layers.Conv2D(3, 3, kernel_constraint=MaskConstraint(mask.T), name="second")(x)
    x = layers.GlobalMaxPooling2D()(x)
    model = scrambled(keras.Model(inputs, MaskedDense(2, np.eye(3, 2), name="end")(x)))
    kernel, bias = model.get_layer("end").get_weights()
    model.get_layer("end").set_weights([0 * kernel, bias])
    smaller = remove_dead_filters(model)
    np.testing.assert_array_equal(answers(smaller, IMAGES), answers(model, IMAGES))
    assert smaller.get_layer("maker").mask.any()
    assert smaller.get_layer("second").kernel_constraint.mask.any()
    assert smaller.get_layer("end").mask.any()


@pytest.mark.parametrize("as_constraint", [False, True])
def test_a_mask_of_single_filters_keeps_something(as_constraint):
    x = inputs = keras.Input((16, 16, 3))
    x = layers.Conv2D(4, 1, activation="relu", name="expand")(x)
    mask = np.zeros((1, 1, 4, 1), bool)
    mask[..., 2, :] = True
    if as_constraint:
        x = layers.DepthwiseConv2D(3, depthwise_constraint=MaskConstraint(mask), name="depth")(x)
    else:
        x = MaskedDepthwiseConv2D(3, mask=mask, name="depth")(x)
    model = scrambled(keras.Model(inputs, layers.Dense(2, name="end")(layers.Flatten()(x))))
    depth, end = model.get_layer("depth"), model.get_layer("end")
    kernel, bias = depth.get_weights()
    depth.set_weights([kernel * mask, bias])
    kernel, bias = end.get_weights()
    # All that is read is the constant of a filter without a weight.
    kernel.reshape(-1, 4, 2)[:, 1:] = 0
    end.set_weights([kernel, bias])
    smaller, found = check(model)
    assert found.dead["expand"].tolist() == [True, True, False, True]
    left = smaller.get_layer("depth")
    assert (left.depthwise_constraint.mask if as_constraint else left.mask).any()


def test_what_needs_all_filters_keeps_them():
    x = inputs = keras.Input((16, 16, 3))
    x = layers.LayerNormalization()(layers.Conv2D(8, 3, name="normed")(x))
    x = layers.Conv2D(8, 3, groups=2, name="grouped")(x)
    x = layers.Reshape((-1, 8))(layers.Conv2D(8, 3, name="read")(x))
    x = layers.MultiHeadAttention(2, 4)(x, x)
    model = scrambled(keras.Model(inputs, layers.Dense(2)(layers.Flatten()(x))))
    for name in ("normed", "grouped", "read"):
        kernel, bias = model.get_layer(name).get_weights()
        kernel[..., 3], bias[3] = 0, 0
        model.get_layer(name).set_weights([kernel, bias])
    assert dead_filters(model).number == 0
    check(model)


def test_a_vgg_masked_by_labels():
    filters = {1: 6, 2: 8, 3: 10, 4: 10, 5: 12}
    model = scrambled(build_vgg("vgg6", 5, input_shape=(32, 32, 3), filters=filters))
    images = np.random.default_rng(0).normal(size=(2, 32, 32, 3)).astype(np.float32)
    smaller, found = check(mask_layers(model, masks_of(model, 5, 1)), images)
    assert found.number > 3
    assert smaller.count_params() < model.count_params()


BIG = {
    "MobileNetV2": {"alpha": 0.35},
    "MobileNetV3Small": {"alpha": 0.75},
    "ResNet50": {},
    "EfficientNetB0": {},
    "DenseNet121": {},
}


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize("name", BIG)
def test_networks_of_keras_applications(name, seed):
    build = getattr(keras.applications, name)
    model = build(
        weights=None, input_shape=(64, 64, 3), classes=8, classifier_activation=None, **BIG[name]
    )
    scrambled(model)
    masks = masks_of(model, 8, 1, seed)
    masked = mask_layers(model, masks)
    images = np.random.default_rng(0).uniform(0, 255, (2, 64, 64, 3)).astype(np.float32)
    smaller, found = check(masked, images)
    print(name, len(masks), found.number, model.count_params(), smaller.count_params(), found.kept)
    assert found.number > 0


@pytest.mark.parametrize("gather", [False, True])
def test_constants_that_a_compact_head_does_not_read_go(gather):
    """A filter without a cluster: its kernel is zero, batch norm makes a constant of it."""
    mask = np.ones((4, 3), bool)
    mask[1] = False
    inputs = keras.Input((16, 16, 3))
    conv = layers.Conv2D(4, 3, name="conv")
    x = layers.ReLU()(layers.BatchNormalization()(conv(inputs)))
    x = layers.GlobalAveragePooling2D()(x)
    model = scrambled(keras.Model(inputs, MaskedDense(3, mask, name="head")(x)))
    kernel, bias = conv.get_weights()
    conv.set_weights([kernel * (np.arange(4) != 1), np.abs(bias) + 1])
    smaller, found = check(compact_head(model, gather=gather))
    np.testing.assert_array_equal(found.dead["conv"], [False, True, False, False])
    assert smaller.get_layer("conv").filters == 3


def test_branches_of_a_tree_stay():
    inputs = keras.Input((16, 16, 3))
    x = layers.Conv2D(6, 3, padding="same", name="conv")(inputs)
    x = layers.Flatten()(TreeSampling(4, name="sampling")(x))
    model = scrambled(keras.Model(inputs, layers.Dense(3, name="head")(x)))
    kernel = model.get_layer("head").get_weights()[0].reshape(-1, 4, 3)
    kernel[:, 1] = 0
    model.get_layer("head").set_weights([kernel.reshape(-1, 3), np.zeros(3)])
    _, found = check(model)
    assert found.number == 0
    with pytest.raises(InputError, match="sampling"):
        prune_filters(model, "sampling", [0])
