"""prune_filters: fewer filters, the same outputs where what is removed contributes nothing.

Runs on whichever backend Keras has; tests/layers/test_other_backend.py runs it on JAX as well.
"""

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from keras import layers, ops

from sfp_keras import (
    CompactDense,
    FilterClusters,
    MaskConstraint,
    MaskedConv2D,
    MaskedDense,
    MaskedDepthwiseConv2D,
    build_vgg,
    compact_head,
    prune_filters,
    unused_filters,
)
from sfp_keras.errors import InputError

RNG = np.random.default_rng(0)
SPARSE = np.ones((2, 2, 4, 1), bool)
SPARSE[0, 0, 2] = False
IMAGES = RNG.normal(size=(3, 8, 8, 3)).astype(np.float32)


def values(tensor):
    return ops.convert_to_numpy(tensor)


def scrambled(model):
    """The model with weights unlike the initial ones, batch norms' included."""
    rng = np.random.default_rng(1)
    model.set_weights([rng.uniform(0.2, 1, array.shape) for array in model.get_weights()])
    return model


def silence(reader, removed, filters):
    """Set the weights that read the removed filters to zero."""
    kernel, *bias = reader.get_weights()
    kernel[..., np.isin(np.arange(kernel.shape[-2]) % filters, removed), :] = 0
    reader.set_weights([kernel, *bias])


def check(model, stage, removed, images=IMAGES):
    """Outputs stay, the model is left as it was; returns the pruned model."""
    before = model.get_weights()
    expected = values(model(images))
    pruned = prune_filters(model, stage, removed)
    np.testing.assert_allclose(values(pruned(images)), expected, rtol=1e-4, atol=1e-4)
    assert pruned.count_params() < model.count_params()
    kept = {id(variable) for variable in model.variables}
    assert not kept & {id(variable) for variable in pruned.variables}
    for old, now in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(old, now)
    return pruned


BETWEEN = {
    "norm": layers.BatchNormalization,
    "relu": layers.ReLU,
    "activation": lambda name: layers.Activation("tanh", name=name),
    "max": lambda name: layers.MaxPooling2D(2, padding="same", name=name),
    "average": lambda name: layers.AveragePooling2D(2, padding="same", name=name),
    "padding": lambda name: layers.ZeroPadding2D(1, name=name),
    "dropout": lambda name: layers.Dropout(0.5, name=name),
    "depthwise": lambda name: layers.DepthwiseConv2D(
        2, padding="same", depthwise_constraint=MaskConstraint(SPARSE), name=name
    ),
    "masked_depthwise": lambda name: MaskedDepthwiseConv2D(
        2, padding="same", mask=SPARSE, depthwise_constraint="non_neg", name=name
    ),
    "groups": lambda name: layers.Conv2D(4, 2, padding="same", groups=4, name=name),
    "scale": lambda name: layers.Rescaling(0.5, 0.1, name=name),
}
READERS = {
    "conv": lambda x, mask: layers.Conv2D(3, 2, padding="same", name="reader")(x),
    "dense": lambda x, mask: layers.Dense(3, name="reader")(x),
    "flat": lambda x, mask: layers.Dense(5, name="reader")(layers.Flatten()(x)),
    "moved": lambda x, mask: layers.Dense(5, name="reader")(
        layers.Flatten()(keras.ops.swapaxes(layers.Permute((3, 1, 2))(x), 1, 3))
    ),
    "masked": lambda x, mask: MaskedDense(5, mask, name="reader")(layers.Flatten()(x)),
    "masked_conv": lambda x, mask: MaskedConv2D(5, 2, padding="same", mask=mask, name="reader")(x),
    "global": lambda x, mask: layers.Dense(5, name="reader")(layers.GlobalMaxPooling2D()(x)),
}


@settings(deadline=None, derandomize=True, max_examples=15)
@given(st.data())
def test_random_networks(data):
    rng = np.random.default_rng(data.draw(st.integers(0, 99)))
    between = data.draw(st.lists(st.sampled_from(sorted(BETWEEN)), max_size=4))
    reader = data.draw(st.sampled_from(sorted(READERS)))
    removed = rng.permutation(4)[: data.draw(st.integers(1, 3))]
    mask = rng.random((4, 5)) < 0.5
    mask[np.setdiff1d(np.arange(4), removed)[0]] = True
    mask[removed] = False
    x = inputs = keras.Input((8, 8, 3))
    use_bias = data.draw(st.booleans())
    maker = {"strides": 2, "activation": "relu", "use_bias": use_bias, "name": "maker"}
    if data.draw(st.booleans()):
        x = MaskedConv2D(4, 3, mask=np.tril(np.ones((3, 4)), 2), **maker)(x)
    else:
        x = layers.Conv2D(4, 3, **maker)(x)
    for index, kind in enumerate(between):
        x = BETWEEN[kind](name=f"between{index}")(x)
    model = scrambled(keras.Model(inputs, READERS[reader](x, mask)))
    silence(model.get_layer("reader"), removed, 4)
    stages = ["maker", *(f"between{index}" for index in range(len(between)))]
    pruned = check(model, data.draw(st.sampled_from(stages)), removed)
    assert pruned.get_layer("maker").filters == 4 - len(removed)
    if reader == "masked":
        old = model.get_layer("reader").mask
        rows = ~np.isin(np.arange(len(old)) % 4, removed)
        np.testing.assert_array_equal(pruned.get_layer("reader").mask, old[rows])


def test_filters_are_removed_behind_a_layout_with_filters_first():
    inputs = keras.Input((8, 8, 3))
    x = layers.Conv2D(4, 3, activation="relu", name="maker")(inputs)
    x = layers.Reshape((-1,))(layers.Permute((3, 1, 2), name="move")(x))
    model = scrambled(keras.Model(inputs, layers.Dense(5, name="reader")(x)))
    reader = model.get_layer("reader")
    kernel, bias = reader.get_weights()
    # Flattened with the filters first: filter f has 36 rows side by side.
    kernel[36:72] = kernel[108:] = 0
    reader.set_weights([kernel, bias])
    check(model, "move", [1, 3])
    columns = layers.Permute((1, 3, 2))(layers.Conv2D(4, 3, name="conv")(inputs))
    mixing = keras.Model(inputs, layers.Conv2D(3, 1, name="columns")(columns))
    with pytest.raises(InputError, match=r"'columns' .*along another axis than the last"):
        prune_filters(mixing, "conv", [1])


def backend_relu(x):
    """A function without a name in Keras, as `tf.nn.relu` is."""
    return keras.ops.maximum(x, 0)


def tripled(x):
    return 3 * x


ACTIVE = {
    "another library": lambda x: layers.Conv2D(4, 3, activation=backend_relu, name="maker")(x),
    "own": lambda x: layers.Conv2D(4, 3, activation=tripled, name="maker")(x),
    "layer": lambda x: layers.Conv2D(4, 3, activation=layers.LeakyReLU(0.1), name="maker")(x),
    "of a layer": lambda x: layers.Activation(layers.ReLU())(layers.Conv2D(4, 3, name="maker")(x)),
    "operation": lambda x: keras.ops.relu(layers.Conv2D(4, 3, name="maker")(x)),
    "transposed": lambda x: layers.Conv2DTranspose(4, 3, activation="relu", name="maker")(x),
}


@pytest.mark.parametrize("name", ACTIVE)
def test_makers_as_people_write_them(name):
    inputs = keras.Input((8, 8, 3))
    x = layers.ReLU(name="stage")(ACTIVE[name](inputs))
    x = layers.Conv2DTranspose(5, 2, activation=tripled, name="reader")(x)
    model = scrambled(keras.Model(inputs, layers.GlobalAveragePooling2D()(x)))
    reader = model.get_layer("reader")
    kernel, bias = reader.get_weights()
    kernel[..., [0, 2]] = 0  # (height, width, outputs, inputs)
    reader.set_weights([kernel, bias])
    pruned = check(model, "stage", [0, 2])
    assert pruned.get_layer("maker").filters == 2


@pytest.mark.parametrize(
    ("maker", "words"),
    [
        (lambda: layers.Conv2D(4, 3, activation="softmax"), "activation that does not compute"),
        (lambda: layers.Conv2D(4, 3, activation=lambda x: x[..., ::-1]), "does not compute"),
        (lambda: layers.SpectralNormalization(layers.Conv2D(4, 3)), "wraps Conv2D, whose weights"),
        (lambda: layers.Conv2D(6, 3, groups=3), "makes its filters in groups"),
        (lambda: layers.SeparableConv2D(4, 3), "of a kind from which"),
        (lambda: layers.GroupNormalization(3), "does not compute each filter alone"),
    ],
    ids=["softmax", "reversed", "wrapped", "groups", "separable", "group_norm"],
)
def test_why_a_maker_keeps_its_filters(maker, words):
    inputs = keras.Input((8, 8, 3))
    x = layers.GlobalAveragePooling2D(name="stage")(maker()(inputs))
    with pytest.raises(InputError, match=words):
        prune_filters(keras.Model(inputs, layers.Dense(3)(x)), "stage", [0])


def small_vgg(**arguments):
    filters = {1: 4, 2: 5, 3: 6, 4: 4, 5: 8}
    return scrambled(build_vgg("vgg6", 3, input_shape=(32, 32, 3), filters=filters, **arguments))


@pytest.mark.parametrize("fc_widths", [(), (7, 6)])
def test_our_networks_lose_filters_that_put_out_zeros(fc_widths):
    images = RNG.normal(size=(3, 32, 32, 3)).astype(np.float32)
    for stage, maker, filters in (("layer2", "layer2", 5), ("layer5", "layer5", 8)):
        model = small_vgg(fc_widths=fc_widths)
        norm = model.get_layer(f"{maker}_norm")
        gamma, beta, *rest = norm.get_weights()
        gamma[[0, 3]], beta[[0, 3]] = 0, -0.5  # Silent behind the ReLU.
        norm.set_weights([gamma, beta, *rest])
        remove = np.zeros(filters, bool)
        remove[[0, 3]] = True
        pruned = check(model, stage, remove, images)
        assert pruned.get_layer(f"{maker}_conv").filters == filters - 2


def test_from_clusters_to_a_small_network_that_is_saved_and_trained(tmp_path):
    network = small_vgg()
    numbers = np.full((8, 3), -1, np.int16)
    numbers[[1, 4, 6]] = [[0, -1, -1], [-1, 0, 0], [0, 1, -1]]
    clusters = FilterClusters(numbers, (numbers >= 0).astype(np.int32))
    removed = unused_filters(clusters)
    np.testing.assert_array_equal(np.flatnonzero(removed), [0, 2, 3, 5, 7])
    # As a network cut at a stage: a nested model, and the head behind it.
    body = keras.Model(network.inputs[0], network.get_layer("layer5_pool").output, name="body")
    head = MaskedDense(3, clusters.in_cluster, use_bias=False, name="head")
    inputs = keras.Input((32, 32, 3), name="image")
    model = keras.Model(inputs, head(layers.Flatten(name="flat")(body(inputs))), name="cut")
    images = RNG.normal(size=(3, 32, 32, 3)).astype(np.float32)
    pruned = check(model, "layer5", removed, images)
    assert pruned.get_layer("head").mask.shape == (3, 3)
    compact = compact_head(pruned)
    assert compact.get_layer("head").values.shape == (5,)
    again = prune_filters(compact_head(model), "body/layer5_relu", removed)
    assert isinstance(again.get_layer("head"), CompactDense)
    compact.save(tmp_path / "compact.keras")
    for each in (compact, again, keras.models.load_model(tmp_path / "compact.keras")):
        np.testing.assert_allclose(
            values(each(images)), values(model(images)), rtol=1e-4, atol=1e-4
        )
    compact.compile("sgd", "mse")
    compact.fit(images, np.zeros((3, 3)), verbose=0)


def test_masks_of_a_convolution_are_cut_with_it():
    mask = RNG.random((3, 3, 3, 4)) < 0.5
    after = RNG.random((1, 1, 4, 2)) < 0.9
    after[..., 0, :] = True
    inputs = keras.Input((8, 8, 3))
    maker = layers.Conv2D(4, 3, kernel_constraint=MaskConstraint(mask, "non_neg"), name="maker")
    reader = layers.Conv2D(2, 1, kernel_constraint=MaskConstraint(after), name="reader")
    model = keras.Model(inputs, layers.GlobalAveragePooling2D()(reader(maker(inputs))))
    silence(reader, [1, 3], 4)
    pruned = check(model, "maker", [1, 3])
    constraint = pruned.get_layer("maker").kernel_constraint
    np.testing.assert_array_equal(constraint.mask, mask[..., [0, 2]])
    assert isinstance(constraint.constraint, keras.constraints.NonNeg)
    cut = pruned.get_layer("reader").kernel_constraint.mask
    np.testing.assert_array_equal(cut, after[:, :, [0, 2]])


@pytest.mark.parametrize("form", ["masked", "compact", "constraint"])
def test_a_mask_that_keeps_nothing_else_is_told(form):
    mask = np.zeros((4, 2), bool)
    mask[[1, 2]] = True
    x = inputs = keras.Input((8, 8, 3))
    x = layers.GlobalMaxPooling2D()(layers.Conv2D(4, 3, name="maker")(x))
    if form == "constraint":
        head = layers.Dense(2, kernel_constraint=MaskConstraint(mask), name="h")
    else:
        head = MaskedDense(2, mask, name="h")
    model = keras.Model(inputs, head(x))
    if form == "compact":
        model = compact_head(model)
    with pytest.raises(InputError, match="removing these leaves layer 'h' no weight"):
        prune_filters(model, "maker", [2, 1])


def test_images_of_any_size():
    x = inputs = keras.Input((None, None, 3))
    x = layers.Conv2D(4, 3, activation="relu", name="maker")(x)
    x = layers.Conv2D(5, 3, name="second")(layers.Lambda(lambda x: x + 1, name="plus")(x))
    inner = keras.Model(inputs, layers.GlobalAveragePooling2D()(x), name="body")
    inputs = keras.Input((None, None, 3))
    model = keras.Model(inputs, layers.Dense(2, name="end")(inner(inputs)))
    silence(model.get_layer("end"), [0, 3], 5)
    for name in ("second", "body/second"):
        pruned = check(model, name, [0, 3])
        assert pruned.input_shape == (None, None, None, 3)
    with pytest.raises(InputError, match="whole name of a layer"):
        prune_filters(model, "layer2", [0])


def test_no_filter_to_remove_gives_a_copy():
    model = small_vgg()
    for nothing in ([], np.zeros(8, bool)):
        copy = prune_filters(model, "layer5", nothing)
        assert copy.count_params() == model.count_params()


def with_layer(layer):
    inputs = keras.Input((8, 8, 3))
    x = layer(layers.Conv2D(4, 3, name="maker")(inputs))
    return keras.Model(inputs, layers.Dense(2, name="end")(layers.Flatten()(x)))


def residual():
    inputs = keras.Input((8, 8, 3))
    x = layers.Conv2D(4, 3, padding="same", name="maker")(inputs)
    y = layers.Conv2D(4, 3, padding="same", name="inner")(x)
    return keras.Model(inputs, layers.Flatten()(layers.Add(name="sum")([x, y])))


def added(to_the_image=False):
    """Two convolutions and a sum, of which one is concatenated with the other's filters."""
    inputs = keras.Input((8, 8, 4))
    x = layers.Conv2D(4, 3, padding="same", name="maker")(inputs)
    y = layers.Conv2D(4, 3, padding="same", name="inner")(x)
    z = layers.Add(name="sum")([x, y, inputs] if to_the_image else [x, y])
    z = layers.Concatenate(name="both")([layers.Conv2D(3, 1, name="side")(x), z, layers.ReLU()(y)])
    z = layers.Dense(2, name="end")(layers.Flatten()(layers.MaxPooling2D()(z)))
    return keras.Model(inputs, z)


@pytest.mark.parametrize("stage", ["maker", "inner", "sum"])
def test_a_sum_loses_the_same_filters_of_all_that_it_adds(stage):
    model = scrambled(added())
    images = RNG.normal(size=(3, 8, 8, 4)).astype(np.float32)
    for name in ("inner", "side"):
        silence(model.get_layer(name), [0, 2], 4)
    kernel, bias = model.get_layer("end").get_weights()
    # Behind the concatenation the sum stands at 3 to 6, and what it adds once more at 7 to 10.
    kernel.reshape(16, 11, 2)[:, [3, 5, 7, 9]] = 0
    model.get_layer("end").set_weights([kernel, bias])
    pruned = check(model, stage, [0, 2], images)
    assert [pruned.get_layer(name).filters for name in ("maker", "inner", "side")] == [2, 2, 3]
    pruned = prune_filters(model, "both", [1, 3])  # One of `side`, and one of the sum.
    assert [pruned.get_layer(name).filters for name in ("maker", "inner", "side")] == [3, 3, 2]
    assert pruned.get_layer("end").kernel.shape == (16 * 8, 2)


def called_twice():
    inputs = keras.Input((8, 8, 3))
    conv = layers.Conv2D(3, 3, padding="same", name="maker")
    return keras.Model(inputs, layers.Dense(2)(layers.Flatten()(conv(conv(inputs)))))


@pytest.mark.parametrize(
    ("model", "stage", "words"),
    [
        (residual, "maker", "the model puts them out"),
        (lambda: added(True), "maker", "'sum' .Add. reads them together with filters that must"),
        (called_twice, "maker#1", "called more than once"),
        (lambda: with_layer(layers.LayerNormalization(name="norm")), "maker", "'norm' .LayerNorm"),
        (lambda: with_layer(layers.Reshape((16, 9), name="shape")), "maker", "'shape' .Reshape"),
        (lambda: with_layer(layers.Softmax(name="soft")), "maker", "'soft' .Softmax"),
        (lambda: with_layer(layers.Conv2D(4, 1, groups=2, name="g")), "maker", "'g' .Conv2D"),
        (lambda: with_layer(layers.BatchNormalization(axis=1, name="n")), "maker", "'n' .Batch"),
        (lambda: with_layer(layers.ReLU()), "end", "the model puts them out"),
        (lambda: with_layer(layers.ReLU()), "flatten_nowhere", "no layer is called"),
        (lambda: with_layer(layers.ReLU()), ["end"], "`stage` must be a Stage or its name"),
    ],
)
def test_stages_that_cannot_be_pruned_are_told(model, stage, words):
    with pytest.raises(InputError, match=words):
        prune_filters(model(), stage, [0])


@pytest.mark.parametrize(
    ("remove", "words"),
    [
        ([8], "indices from 0 to 7"),
        ([-1], "indices from 0 to 7"),
        ([0.5], "8 bools"),
        ([0, 1, 0, 0, 0, 0, 0, 0], "8 bools or distinct indices"),
        (np.zeros(5, bool), "8 bools"),
        (np.ones(8, bool), "leave at least one"),
    ],
)
def test_wrong_filters_are_told(remove, words):
    with pytest.raises(InputError, match=words):
        prune_filters(small_vgg(), "layer5", remove)
