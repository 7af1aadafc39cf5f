"""Walking a model's calls: order, nested models, layers called twice."""

import keras
import pytest
from keras import layers

from sfp_keras.errors import InputError
from sfp_keras.models.graph import (
    call_graph,
    functional_form,
    require_functional,
    runs_as_in_training,
)


def image(*shape):
    return keras.Input(shape or (8, 8, 3))


def test_calls_come_after_those_they_read():
    inputs = image()
    x = layers.Conv2D(4, 3, name="conv")(inputs)
    side = layers.GlobalAveragePooling2D(keepdims=True, name="squeeze")(x)
    outputs = layers.Multiply(name="scale")([x, side])
    graph = call_graph(keras.Model(inputs, outputs))
    assert [call.path for call in graph.calls] == ["conv", "squeeze", "scale"]
    conv, squeeze, scale = graph.calls
    assert scale.inputs == (conv.outputs[0], squeeze.outputs[0])
    assert graph.outputs == scale.outputs


def test_nested_and_repeated_calls_have_paths_and_shapes_of_their_own():
    inner = keras.Sequential(
        [image(None, None, 3), layers.Conv2D(3, 3, strides=2, padding="same", name="conv")],
        name="inner",
    )
    inputs = image()
    model = keras.Model(inputs, inner(inner(inputs)))
    shapes = {call.path: call.outputs[0].shape[1:] for call in call_graph(model).calls}
    assert shapes == {
        "inner#0/conv": (4, 4, 3),
        "inner#0": (4, 4, 3),
        "inner#1/conv": (2, 2, 3),
        "inner#1": (2, 2, 3),
    }


def test_walking_leaves_the_model_as_it_is():
    inputs = image()
    inner = keras.Sequential([image(None, None, 3), layers.Conv2D(3, 3)], name="inner")
    model = keras.Model(inputs, inner(inputs))
    before = [len(layer._inbound_nodes) for layer in [*model.layers, *inner.layers]]
    call_graph(model)
    assert before == [len(layer._inbound_nodes) for layer in [*model.layers, *inner.layers]]


def test_keras_operations_are_calls():
    inputs = image()
    x = layers.Conv2D(3, 3, padding="same")(inputs)
    model = keras.Model(inputs, keras.ops.relu(x + inputs))
    assert [type(call.operation).__name__ for call in call_graph(model).calls] == [
        "Conv2D",
        "Add",
        "Relu",
    ]


class Subclassed(keras.Model):
    def __init__(self):
        super().__init__()
        self.dense = layers.Dense(2)

    def call(self, inputs):
        return self.dense(inputs)


class Overriding(keras.Model):
    def __init__(self):
        inputs = image()
        super().__init__(inputs, layers.Flatten()(inputs))

    def call(self, inputs, training=None, mask=None):
        return 2 * super().call(inputs, training=training, mask=mask)


class Named(keras.Model):
    def __init__(self):
        inputs = image()
        super().__init__(inputs, layers.Flatten()(inputs))


def test_models_without_a_graph_are_refused_with_the_mend():
    assert functional_form(layers.Dense(2)) is None
    for model in (Subclassed(), Overriding()):
        with pytest.raises(InputError, match=r"subclassed.*functional API"):
            require_functional(model)
    assert require_functional(Named()).layers
    with pytest.raises(InputError, match=r"keras\.Input"):
        require_functional(keras.Sequential([layers.Dense(2)]))


def test_several_inputs_are_refused():
    first, second = image(), image()
    with pytest.raises(InputError, match="2 inputs"):
        require_functional(keras.Model([first, second], layers.Add()([first, second])))


def test_channels_first_is_refused():
    inputs = image(3, 8, 8)
    pooled = layers.GlobalAveragePooling2D(data_format="channels_first", name="pool")(inputs)
    with pytest.raises(InputError, match=r"'pool'.*channels_last"):
        call_graph(keras.Model(inputs, pooled))


def test_what_a_nested_model_is_called_with_goes_before_what_its_layers_are():
    inner = keras.Sequential([keras.Input((8,)), layers.Dropout(0.5)], name="inner")
    outer = keras.Input((8,))
    inside = keras.Input((8,))
    always = keras.Model(inside, layers.Dropout(0.5)(inside, training=True))
    for nested, training, expected in [
        (inner, None, [False, False]),
        (inner, True, [True, False]),
        (always, None, [True, False]),
        (always, False, [False, False]),
    ]:
        given = {} if training is None else {"training": training}
        model = keras.Model(outer, nested(outer, **given))
        assert [runs_as_in_training(call) for call in call_graph(model).calls] == expected


class Counting(layers.Layer):
    """Counts its calls, and multiplies by a weight that is not trained."""

    def build(self, shape):
        self.calls = self.add_weight(shape=(), initializer="zeros", trainable=False, name="calls")
        self.gain = self.add_weight(shape=shape[-1:], initializer="ones", trainable=False)

    def call(self, inputs):
        self.calls.assign_add(1)
        return inputs * self.gain


def test_a_layer_runs_as_keras_runs_it_and_its_states_stay():
    policy = "mixed_bfloat16"
    frozen = layers.Conv2D(4, 3, dtype=policy, trainable=False)
    inputs = image()
    model = keras.Model(inputs, Counting(dtype=policy)(frozen(inputs)))
    conv, counting = call_graph(model).calls
    values = keras.ops.ones((1, 8, 8, 3))
    found = counting.run(conv.run(values))
    assert keras.backend.standardize_dtype(found.dtype) == "bfloat16"
    assert float(counting.operation.calls) == 0
