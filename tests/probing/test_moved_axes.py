"""Filters are found where a network moved their axis, as networks ported from PyTorch do."""

import keras
import numpy as np
import pytest
from keras import layers, ops

from sfp_keras.errors import InputError
from sfp_keras.probing import cut_stages, default_stages, list_stages, resolve_stages


@keras.saving.register_keras_serializable(package="test_moved_axes")
class FiltersFirst(layers.Layer):
    def call(self, inputs):
        return ops.moveaxis(inputs, -1, 1)


def network(behind):
    """Two stages of 4x6 and 2x3 positions with 5 and 7 filters, and what follows them."""
    inputs = keras.Input((8, 12, 3))
    x = layers.Conv2D(5, 3, padding="same", activation="relu", name="c1")(inputs)
    x = layers.MaxPooling2D(2, name="p1")(x)
    x = layers.Conv2D(7, 3, padding="same", activation="relu", name="c2")(x)
    x = layers.MaxPooling2D(2, name="p2")(x)
    return keras.Model(inputs, layers.Dense(4, name="fc")(behind(x)))


def relu_with_filters_first(x):
    """The layout of converted networks: each layer between two transpositions."""
    x = layers.BatchNormalization(axis=1, name="norm")(layers.Permute((3, 1, 2))(x))
    return layers.Flatten()(layers.ReLU(name="act")(x))


def shuffled(x):
    """Filters 0 and 1 of 7 change places with 5 and 6, and are last again."""
    x = layers.Permute((3, 1, 2))(x)
    x = layers.Concatenate(axis=1)([x[:, 5:], x[:, 2:5], x[:, :2]])
    return layers.Flatten()(layers.Permute((2, 3, 1), name="back")(x))


# What follows p2, and its stage by default.
MOVED = {
    "permute": (lambda x: layers.Flatten()(layers.Permute((3, 1, 2), name="move")(x)), "p2"),
    "columns first": (lambda x: layers.Flatten()(layers.Permute((2, 3, 1), name="move")(x)), "p2"),
    "transpose": (lambda x: layers.Flatten()(ops.transpose(x, (0, 3, 2, 1))), "p2"),
    "swapped": (lambda x: layers.Reshape((-1,))(ops.swapaxes(x, 1, 3)), "p2"),
    "own layer": (lambda x: layers.Flatten()(FiltersFirst(name="move")(x)), "p2"),
    "lambda": (
        lambda x: layers.Flatten()(layers.Lambda(lambda t: ops.moveaxis(t, 3, 1), name="move")(x)),
        "p2",
    ),
    "lambda that computes too": (
        lambda x: layers.Flatten()(
            layers.Lambda(lambda t: 2 * ops.moveaxis(t, -1, 1), name="twice")(x)
        ),
        "twice",
    ),
    "mixed": (lambda x: layers.Flatten()(layers.Reshape((2, 21), name="move")(x)), "p2"),
    "mean of rows and columns": (
        lambda x: ops.mean(layers.Permute((3, 1, 2))(x), axis=(2, 3)),
        "p2",
    ),
    "there and back": (
        lambda x: layers.Flatten()(layers.Permute((2, 3, 1))(layers.Permute((3, 1, 2))(x))),
        "p2",
    ),
    "computed": (relu_with_filters_first, "act"),
}


@pytest.mark.parametrize("name", MOVED)
def test_default_stages_keep_the_filters(name):
    behind, last = MOVED[name]
    stages = default_stages(network(behind))
    assert [(s.name, s.position_shape, s.filters) for s in stages] == [
        ("c1", (8, 12), 5),
        ("c2", (4, 6), 7),
        (last, (2, 3), 7),
    ]


def test_a_stage_whose_layer_has_its_filters_first_puts_them_out_last():
    keras.utils.set_random_seed(0)
    model = network(relu_with_filters_first)
    images = np.random.default_rng(0).normal(size=(2, 8, 12, 3)).astype(np.float32)
    cut = cut_stages(model, ["p2", "act"])
    before, after = (ops.convert_to_numpy(output) for output in cut(images))
    # Normalization of new layers divides by sqrt(1 + epsilon), and p2 has no negative numbers.
    np.testing.assert_allclose(after, before / np.sqrt(1.001), rtol=1e-5)
    assert cut_stages(model, ["act"], "avg:2").outputs[0].shape == (None, 1, 1, 7)


@pytest.mark.parametrize("name", ["permute", "columns first", "own layer", "lambda"])
def test_the_name_of_what_moves_axes_means_the_layer_before_it(name):
    model = network(MOVED[name][0])
    (stage,) = resolve_stages(model, ["move"])
    assert (stage.name, stage.path, stage.output_shape) == ("move", "p2", (2, 3, 7))
    assert "move" not in [listed.name for listed in list_stages(model)]
    with pytest.raises(InputError, match="same layer 'p2'"):
        resolve_stages(model, ["move", "p2"])


@pytest.mark.parametrize("name", ["move", "flatten", "drop"])
def test_what_mixes_filters_with_positions_is_refused_by_name(name):
    model = network(
        lambda x: layers.Dropout(0.1, name="drop")(
            layers.Flatten(name="flatten")(layers.Reshape((2, 21), name="move")(x))
        )
    )
    with pytest.raises(InputError, match=rf"'{name}' mixes filters.*'p2'"):
        resolve_stages(model, [name])


def test_filters_in_another_order_are_filters():
    model = network(shuffled)
    images = np.random.default_rng(0).normal(size=(2, 8, 12, 3)).astype(np.float32)
    names = ["p2", "back", default_stages(model)[-1].name]
    before, *others = (ops.convert_to_numpy(output) for output in cut_stages(model, names)(images))
    for after in others:
        np.testing.assert_array_equal(after, before[..., [5, 6, 2, 3, 4, 0, 1]])


def test_images_mixed_with_positions_are_no_stage():
    inputs = keras.Input((4, 4, 3))
    x = layers.Conv2D(6, 3, padding="same", name="conv")(inputs)
    x = layers.ReLU(name="relu")(layers.Dense(5, name="rows")(ops.reshape(x, (-1, 6))))
    x = layers.LayerNormalization(name="tokens")(ops.reshape(x, (-1, 16, 5)))
    model = keras.Model(inputs, layers.Dense(2)(layers.GlobalAveragePooling1D()(x)))
    listed = [stage.name for stage in list_stages(model)]
    assert "tokens" in listed
    assert not {"rows", "relu"} & set(listed)
    for name in ("rows", "relu"):
        with pytest.raises(InputError, match=f"'{name}' mixes .*'conv'"):
            resolve_stages(model, [name])


def test_dropout_or_normalization_in_training_mode_before_a_stage_is_refused():
    def behind(x):
        x = layers.BatchNormalization(name="norm")(x, training=True)
        return layers.Dropout(0.5, name="drop")(layers.Flatten()(x), training=True)

    model = network(behind)
    assert [stage.name for stage in resolve_stages(model, ["p2"])] == ["p2"]
    with pytest.raises(InputError, match=r"'norm' \(BatchNormalization\) is called with training"):
        default_stages(model)
    model.get_layer("norm").trainable = False
    assert resolve_stages(model, ["norm"])
    with pytest.raises(InputError, match=r"'drop' \(Dropout\) is called with training"):
        resolve_stages(model, ["fc"])


def test_training_mode_reaches_into_nested_models():
    inner = keras.Sequential([keras.Input((8, 8, 3)), layers.BatchNormalization(name="n")])
    inputs = keras.Input((8, 8, 3))
    assert resolve_stages(keras.Model(inputs, inner(inputs, training=False)), [f"{inner.name}/n"])
    with pytest.raises(InputError, match=r"/n' \(BatchNormalization\) is called with training"):
        resolve_stages(keras.Model(inputs, inner(inputs, training=True)), [f"{inner.name}/n"])
