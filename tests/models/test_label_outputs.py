"""The outputs of a network that choose a label, as people's networks have them."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from sfp_keras.models.label_outputs import (
    LabelOutputs,
    label_logits,
    label_outputs,
    label_probabilities,
)


def network(*ends):
    """Each end is a list of layers behind a map of 2x2 positions."""
    inputs = keras.Input((4, 4, 3))
    x = layers.Conv2D(6, 3, name="conv")(inputs)
    outputs = []
    for end in ends:
        y = x
        for layer in end:
            y = layer(y)
        outputs.append(y)
    return keras.Model(inputs, outputs[0] if len(outputs) == 1 else outputs)


@pytest.mark.parametrize(
    "end",
    [
        lambda: [layers.Flatten(), layers.Dense(5)],
        lambda: [layers.Conv2D(5, 2)],
        lambda: [layers.GlobalAveragePooling2D(), layers.Dense(5), layers.Reshape((5, 1, 1))],
        lambda: [
            layers.GlobalAveragePooling2D(),
            layers.Dense(5, "sigmoid"),
            layers.Reshape((1, 5)),
        ],
    ],
    ids=["plain", "1x1", "first", "sigmoids"],
)
def test_axes_of_one_do_not_matter(end):
    model = network(end())
    found = label_outputs(model, 5)
    assert (found.index, found.threshold) == (0, None)
    outputs = np.random.default_rng(0).normal(size=(7, *model.output_shape[1:]))
    np.testing.assert_array_equal(found.chosen([outputs]), outputs.reshape(7, 5).argmax(1))


@pytest.mark.parametrize(
    ("end", "threshold"),
    [
        (lambda: [layers.Flatten(), layers.Dense(1, "sigmoid")], 0.5),
        (lambda: [layers.Flatten(), layers.Dense(1), layers.Activation("sigmoid")], 0.5),
        (lambda: [layers.Flatten(), layers.Dense(1), keras.ops.sigmoid], 0.5),
        (lambda: [layers.Conv2D(1, 2, activation="sigmoid"), layers.Flatten()], 0.5),
        (lambda: [layers.Flatten(), layers.Dense(1), layers.Dropout(0.1)], 0.0),
        (lambda: [layers.Conv2D(1, 2)], 0.0),
        (lambda: [layers.Flatten(), layers.Dense(1, "tanh")], 0.0),
    ],
    ids=["sigmoid", "layer", "operation", "map", "logit", "logit of a map", "tanh"],
)
def test_one_number_parts_two_labels(end, threshold):
    model = network(end())
    found = label_outputs(model, 2)
    assert found == LabelOutputs(0, 1, model.output_names[0], threshold)
    outputs = np.float32(threshold) + np.array([[-0.1], [0.1], [0.2]], np.float32)
    np.testing.assert_array_equal(found.chosen([outputs]), [0, 1, 1])


def test_of_several_outputs_the_first_that_fits_is_taken_by_name():
    features = [layers.GlobalAveragePooling2D(name="features")]
    main = [layers.Flatten(), layers.Dense(5, name="main")]
    auxiliary = [layers.GlobalMaxPooling2D(), layers.Dense(5, name="auxiliary")]
    model = network(features, main, auxiliary)
    assert label_outputs(model, 5) == LabelOutputs(1, 3, "main")
    assert "have the shapes (6,) and (5,) and (5,), none" in label_outputs(model, 4)
    named = keras.Model(model.inputs, dict(zip("zab", model.outputs, strict=True)))
    found = label_outputs(named, 5)
    scores = keras.tree.flatten(named.predict_on_batch(np.ones((2, 4, 4, 3), np.float32)))
    assert scores[found.index].shape == (2, 5)


@pytest.mark.parametrize(
    ("end", "num_labels", "words"),
    [
        (lambda: [layers.Lambda(lambda x: x[:, 0, 0, 0])], 3, "1 outputs are not the 3 labels"),
        (lambda: [layers.Flatten(), layers.Dense(96)], 3, "96 outputs are not the 3 labels"),
        (lambda: [layers.Conv2D(5, 1)], 5, r"shape (2, 2, 5) are not one number for each of the 5"),
        (lambda: [layers.Flatten(), layers.Dense(1, "relu")], 2, "one output comes from 'relu'"),
        (lambda: [layers.Flatten(), layers.Dense(1)], 3, "1 outputs are not the 3 labels"),
    ],
    ids=["numbers", "features", "positions", "relu", "one for three"],
)
def test_why_outputs_choose_no_label(end, num_labels, words):
    assert words in label_outputs(network(end()), num_labels)


@pytest.mark.parametrize(
    ("activation", "units", "literal"),
    [
        (None, 3, lambda x: np.exp(x) / np.exp(x).sum(axis=1, keepdims=True)),
        ("softmax", 3, lambda x: x),
        ("sigmoid", 3, lambda x: x / x.sum(axis=1, keepdims=True)),
        (None, 1, lambda x: np.concatenate([1 / (1 + np.exp(x)), 1 / (1 + np.exp(-x))], axis=1)),
        ("sigmoid", 1, lambda x: np.concatenate([1 - x, x], axis=1)),
        ("tanh", 1, lambda x: np.concatenate([(1 - x) / 2, (1 + x) / 2], axis=1)),
    ],
)
def test_probabilities_of_labels(activation, units, literal):
    model = network([layers.Flatten(), layers.Dense(units, activation)])
    found = label_outputs(model, max(units, 2))
    outputs = model(np.random.default_rng(0).normal(size=(6, 4, 4, 3)))
    outputs = keras.ops.convert_to_numpy(outputs)
    probabilities = label_probabilities(model, found)([outputs])
    np.testing.assert_allclose(probabilities, literal(outputs), rtol=1e-5)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-6)
    np.testing.assert_array_equal(probabilities.argmax(axis=1), found.chosen([outputs]))


def test_sigmoids_that_are_all_zero_choose_nothing():
    model = network([layers.Flatten(), layers.Dense(4, "sigmoid")])
    found = label_outputs(model, 4)
    assert (
        label_probabilities(model, found)([np.zeros((2, 4), np.float32)]).tolist()
        == [[0.25] * 4] * 2
    )


@pytest.mark.parametrize("activation", ["linear", "softmax", "sigmoid"])
def test_the_softmax_of_the_logits_are_the_probabilities(activation):
    other = [layers.GlobalMaxPooling2D(), layers.Dense(4, name="other")]
    model = network(other, [layers.Conv2D(5, 2, activation=activation, name="labels")])
    found = label_outputs(model, 5)
    images = np.random.default_rng(0).normal(size=(7, 4, 4, 3)).astype(np.float32)
    images[0] *= 1e4  # Some probabilities are zero in float32.
    logits = label_logits(model, found)
    probabilities = label_probabilities(model, found)(model.predict_on_batch(images))
    of_logits = keras.ops.softmax(logits.predict_on_batch(images))
    np.testing.assert_allclose(of_logits, probabilities, atol=1e-6)
    assert len(logits.trainable_variables) == 4


@pytest.mark.parametrize("end", [layers.Softmax, lambda: tf.nn.softmax], ids=["layer", "function"])
def test_a_softmax_by_another_name_is_one(end):
    model = network([layers.Flatten(), layers.Dense(5, end())])
    outputs = model.predict_on_batch(np.random.default_rng(0).normal(size=(3, 4, 4, 3)))
    found = label_outputs(model, 5)
    np.testing.assert_allclose(label_probabilities(model, found)([outputs]), outputs, rtol=1e-6)


def test_logits_of_probabilities_in_half_precision_are_finite():
    model = network([layers.Flatten(), layers.Dense(3, "softmax", dtype="float16")])
    model.layers[-1].set_weights([np.zeros((24, 3)), np.array([20.0, 0.0, -20.0])])
    logits = label_logits(model, label_outputs(model, 3)).predict_on_batch(np.ones((1, 4, 4, 3)))
    assert np.isfinite(logits).all()
