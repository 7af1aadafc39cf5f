"""Shares of zero gradients against gradients worked out by hand.

Runs on whichever backend Keras has; test_other_backend.py runs it on JAX as well.
"""

import keras
import numpy as np
import pytest

from sfp_keras import zero_gradient_shares
from sfp_keras.errors import InputError

RNG = np.random.default_rng(0)


def by_hand(image, label, weights):
    """Gradients of one image's cross-entropy: convolution 2x2, ReLU, 2x2 maximum, output."""
    conv, bias, output = (weight.astype(np.float64) for weight in weights)
    size, filters = image.shape[0] - 1, conv.shape[-1]
    maps = np.zeros((size, size, filters))
    for y, x, f in np.ndindex(maps.shape):
        maps[y, x, f] = np.sum(image[y : y + 2, x : x + 2] * conv[..., f]) + bias[f]
    active = np.maximum(maps, 0)
    pooled, winner = np.zeros((size // 2, size // 2, filters)), {}
    for y, x, f in np.ndindex(pooled.shape):
        window = active[2 * y : 2 * y + 2, 2 * x : 2 * x + 2, f]
        pooled[y, x, f] = window.max()
        winner[y, x, f] = np.unravel_index(window.argmax(), (2, 2))
    logits = pooled.reshape(-1) @ output
    wrong = np.exp(logits - logits.max())
    wrong = wrong / wrong.sum() - np.eye(len(logits))[label]
    of_output = np.outer(pooled.reshape(-1), wrong)
    of_pooled = (output @ wrong).reshape(pooled.shape)
    of_conv, of_bias = np.zeros_like(conv), np.zeros_like(bias)
    for (y, x, f), (down, right) in winner.items():
        row, column = 2 * y + down, 2 * x + right
        if maps[row, column, f] > 0:
            of_conv[..., f] += of_pooled[y, x, f] * image[row : row + 2, column : column + 2]
            of_bias[f] += of_pooled[y, x, f]
    return of_conv, of_bias, of_output


def test_shares_are_those_of_gradients_by_hand() -> None:
    layers = keras.layers
    model = keras.Sequential(
        [
            keras.Input((5, 5, 2)),
            layers.Conv2D(4, 2, activation="relu", name="conv"),
            layers.MaxPooling2D(2),
            layers.Flatten(),
            layers.Dense(3, use_bias=False, name="output"),
        ]
    )
    weights = [RNG.normal(size=weight.shape) for weight in model.weights]
    weights[1][:] = (-9, -2.5, 0, -4)  # Off for all images, for some places, and for some images.
    model.set_weights(weights)
    images = RNG.uniform(0, 1, (6, 5, 5, 2)).astype(np.float32)
    # At a dark place the gradient of one weight is zero.
    images[:, :, :, 1] = 0
    labels = RNG.integers(0, 3, 6)
    found = zero_gradient_shares(model, images, labels)
    gradients = [by_hand(*case, weights) for case in zip(images, labels, strict=True)]
    for place, row in enumerate(found.itertuples()):
        zero = np.array([one[place] == 0 for one in gradients])
        assert (row.variable, row.size) == (model.weights[place].path, weights[place].size)
        assert row.zero_share == pytest.approx(zero.mean())
        assert row.zero_always == pytest.approx(zero.all(axis=0).mean())
    assert 0.5 < found["zero_share"][0] < 1
    assert found["zero_always"][1] >= 0.25


@pytest.mark.parametrize(
    ("images", "labels", "message"),
    [
        (np.zeros((0, 2)), np.zeros(0, int), "`images` and `labels` must be as many"),
        (np.zeros((2, 2)), np.zeros(3, int), "received 2 images and labels of shape"),
        (np.zeros((2, 2)), np.array([0, 3]), "`labels` must be whole numbers 0 to 2"),
        (np.zeros((2, 2)), np.array([0.0, 1.0]), "`labels` must be whole numbers 0 to 2"),
        (np.zeros((2, 3)), np.array([0, 1]), r"`images` have the shape \(3,\), .* takes \(2,\)"),
        (np.zeros((2, 2, 2)), np.array([0, 1]), r"`images` have the shape \(2, 2\)"),
    ],
)
def test_refusals(images, labels, message) -> None:
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(3)])
    with pytest.raises(InputError, match=message):
        zero_gradient_shares(model, images, labels)


def test_it_needs_one_output_of_logits() -> None:
    inputs = keras.Input((4, 2))
    numbers = keras.layers.Dense(3)(inputs)
    logits = keras.layers.Flatten()(numbers)
    for model, given in (
        (keras.Model(inputs, numbers), r"\(None, 4, 3\)"),
        (keras.Model(inputs, [logits, logits]), r"\(None, 12\) and \(None, 12\)"),
        (keras.Sequential([keras.layers.Dense(3)]), "<Sequential"),
    ):
        with pytest.raises(InputError, match=rf"one output of logits \(n, K\), received {given}"):
            zero_gradient_shares(model, np.zeros((1, 4, 2)), np.zeros(1, int))


def test_a_network_without_variables_that_train_is_refused() -> None:
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)], name="frozen")
    model.trainable = False
    with pytest.raises(InputError, match=r"`model`: all variables of 'frozen' are frozen"):
        zero_gradient_shares(model, np.ones((1, 3)), np.zeros(1, int))
