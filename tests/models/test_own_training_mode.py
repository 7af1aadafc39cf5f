"""Layers of the user's own that run as in training without being asked to."""

import keras
import numpy as np
import pytest
from keras import layers, ops

from sfp_keras import Enlarge
from sfp_keras.errors import InputError
from sfp_keras.models import own_training_mode
from sfp_keras.models.graph import call_graph
from sfp_keras.models.own_training_mode import answers_by_chance_or_batch
from sfp_keras.probing import resolve_stages


class AlwaysDrops(layers.Dropout):
    def call(self, inputs, training=None):
        return super().call(inputs, training=True)


class AlwaysNormalizes(layers.BatchNormalization):
    def call(self, inputs, training=None, mask=None):
        return super().call(inputs, training=True, mask=mask)


class LessTheBatch(layers.Layer):
    def call(self, inputs):
        return inputs - ops.mean(inputs, axis=0, keepdims=True)


class AsAsked(layers.Layer):
    """Counts its calls, drops in training alone."""

    def __init__(self):
        super().__init__()
        self.drop = layers.Dropout(0.5)
        self.calls = self.add_weight(shape=(), trainable=False, name="calls")

    def call(self, inputs, training=None):
        self.calls.assign(self.calls + 1)
        return self.drop(inputs * 2, training=training)


def network(layer):
    inputs = keras.Input((6, 6, 3))
    return keras.Model(inputs, layers.ReLU(name="act")(layer(layers.Conv2D(4, 3)(inputs))))


@pytest.mark.parametrize(
    ("layer", "expected"),
    [
        (AlwaysDrops(0.5), True),
        (AlwaysNormalizes(), True),
        (LessTheBatch(), True),
        (layers.Lambda(lambda x: keras.random.dropout(x, 0.5)), True),
        (layers.Lambda(lambda x: x - ops.mean(x, axis=(1, 2), keepdims=True)), False),
        (AsAsked(), False),
        (layers.LayerNormalization(), False),
    ],
)
def test_what_an_image_gets_from_chance_or_its_batch_is_found(layer, expected):
    model = network(layer)
    before = [np.array(weight) for weight in model.weights]
    found = [answers_by_chance_or_batch(call) for call in call_graph(model).calls]
    assert found == [False, expected, False]
    if not any("seed" in weight.path for weight in model.weights):
        for weight, value in zip(model.weights, before, strict=True):
            np.testing.assert_array_equal(weight, value)
    if expected:
        with pytest.raises(InputError, match="something else of an image at each pass"):
            resolve_stages(model, "act")
    else:
        resolve_stages(model, "act")


def test_layers_that_are_known_are_not_run(monkeypatch):
    # Running one would first draw all weights of a network that is only listed.
    ran = []
    monkeypatch.setattr(own_training_mode, "_run", lambda *run: ran.append(run))
    model = keras.Sequential([keras.Input((4, 4, 1)), Enlarge((8, 8)), layers.Dropout(0.5)])
    assert not any(map(answers_by_chance_or_batch, call_graph(model).calls))
    assert not ran
