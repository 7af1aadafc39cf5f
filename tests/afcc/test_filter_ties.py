"""Which filters go together: those that sums add, and not those that a layer needs whole."""

import keras
import numpy as np
import pytest
from keras import layers, ops

from sfp_keras import prune_filters
from sfp_keras.afcc.filter_ties import FilterTies
from sfp_keras.models.graph import call_graph


def found(output, inputs):
    """The sets of filters that may go together, and why others may not."""
    ties = FilterTies(call_graph(keras.Model(inputs, output)))
    pins = ties.pins()
    sets: dict[int, set[str]] = {}
    for call in ties.makers():
        for place, number in enumerate(ties.filters(call.outputs[0]).tolist()):
            sets.setdefault(number, set()).add(f"{call.path}{place}")
    bound = {
        name: (pins[number].call.path if pins[number].call else "", pins[number].why)
        for number, names in sets.items()
        if number in pins
        for name in names
    }
    return {frozenset(names) for number, names in sets.items() if number not in pins}, bound


def test_sums_tie_filters_and_concatenations_do_not():
    inputs = keras.Input((8, 8, 3), name="image")
    x = layers.Conv2D(2, 3, padding="same", activation="relu", name="stem")(inputs)
    y = layers.BatchNormalization()(layers.Conv2D(2, 1, name="a")(x))
    x = layers.Add(name="sum")([x, layers.Conv2D(2, 1, name="b")(layers.ReLU()(y))])
    side = layers.Conv2D(1, 1, name="side")(x)
    x = layers.MaxPooling2D()(layers.Concatenate(name="joined")([side, ops.relu(x)]))
    x = layers.Conv2D(2, 1, name="needed")(layers.DepthwiseConv2D(3)(x))
    x = layers.Conv2D(4, 1, name="grouped", groups=2)(layers.LayerNormalization(name="ln")(x))
    x = layers.Dense(4, name="output")(layers.Flatten()(x))
    free, bound = found(x, inputs)
    assert free == {
        *(frozenset({f"stem{n}", f"b{n}"}) for n in range(2)),
        *(frozenset({f"a{n}"}) for n in range(2)),
        frozenset({"side0"}),
    }
    assert bound["needed0"] == ("ln", "may need all of them")
    assert bound["output3"][1].startswith("the model puts them out")
    assert not any(name.startswith("grouped") for name in [*bound, *(n for s in free for n in s)])


def test_products_tie_filters_and_gates_of_positions_do_not():
    inputs = keras.Input((4, 4, 3), name="image")
    x = layers.Conv2D(2, 1, name="conv")(inputs)
    x = x * layers.Conv2D(1, 1, activation="sigmoid", name="place")(x)
    gate = layers.GlobalAveragePooling2D(keepdims=True)(x)
    x = x * layers.Conv2D(2, 1, activation="sigmoid", name="gate")(gate)
    twice = layers.Dense(2, name="twice")
    x = twice(twice(layers.Dense(2, name="before")(layers.GlobalMaxPooling2D()(x))))
    free, bound = found(layers.Dense(4)(x), inputs)
    # Two calls of one layer: it makes as many filters as it reads.
    assert free == {
        *(frozenset({f"conv{n}", f"gate{n}"}) for n in range(2)),
        *(frozenset({f"before{n}", f"twice#0{n}", f"twice#1{n}"}) for n in range(2)),
    }
    assert bound["place0"][1] == "needs it for all the others"


def test_maps_joined_one_behind_another_tie_their_filters():
    """As heads of several scales join them."""
    inputs = keras.Input((8, 8, 3), name="image")
    fine = layers.Conv2D(2, 3, name="fine")(inputs)
    coarse = layers.Conv2D(2, 3, strides=2, name="coarse")(inputs)
    rows = [layers.Reshape((-1, 2))(x) for x in (fine, coarse)]
    x = layers.Concatenate(axis=1)(rows)
    for end in (layers.GlobalAveragePooling1D(), layers.Flatten()):
        free, _ = found(layers.Dense(4)(end(x)), inputs)
        assert free == {frozenset({f"fine{n}", f"coarse{n}"}) for n in range(2)}


def test_sums_of_whole_maps_and_arrays_of_numbers_need_all_filters():
    inputs = keras.Input((4, 4, 3), name="image")
    x = layers.Conv2D(2, 1, name="conv")(inputs)
    energy = ops.add(ops.sum(x, axis=(1, 2, 3)), ops.sum(x * x, axis=(1, 2, 3)))
    y = layers.Conv2D(2, 1, name="other")(inputs)
    chosen = ops.where(ops.greater(y, 0.0), y, np.ones(2, np.float32))
    outputs = [energy, layers.Dense(4)(layers.Flatten()(chosen))]
    free, bound = found(outputs, inputs)
    assert free == set()
    assert {"conv0", "conv1", "other0", "other1"} <= set(bound)


def test_a_layer_without_weights_that_stands_behind_several_ties_nothing():
    inputs = keras.Input((16, 16, 3), name="image")
    relu, pool = layers.ReLU(), layers.MaxPooling2D()
    x = pool(relu(layers.Conv2D(2, 3, padding="same", name="one")(inputs)))
    x = pool(relu(layers.Conv2D(2, 3, padding="same", name="two")(x)))
    x = pool(relu(layers.Conv2D(3, 3, padding="same", name="wide")(x)))
    output = layers.Dense(4)(layers.Flatten()(x))
    free, bound = found(output, inputs)
    alone = {
        f"{name}{n}" for name, size in (("one", 2), ("two", 2), ("wide", 3)) for n in range(size)
    }
    assert free == {frozenset({name}) for name in alone}
    assert all(why.startswith("the model puts them out") for _, why in bound.values())
    # Only what is asked for goes.
    model = keras.Model(inputs, output)
    smaller = prune_filters(model, "one", [1])
    assert [smaller.get_layer(name).filters for name in ("one", "two", "wide")] == [1, 2, 3]


@pytest.mark.parametrize(
    "function",
    [
        lambda x: ops.softmax(x, axis=1),
        lambda x: ops.normalize(x, axis=1),
        lambda x: ops.flip(x, axis=1),
        lambda x: ops.cumsum(x, axis=1),
        layers.Activation(lambda x: ops.softmax(x, axis=1)),
    ],
    ids=["softmax", "normalize", "flip", "cumsum", "activation"],
)
def test_axis_1_is_that_of_flat_filters_and_of_positions_in_maps(function):
    flat, maps = keras.Input((8,)), keras.Input((8, 8, 3))
    free, bound = found(layers.Dense(4)(function(layers.Dense(3, name="a")(flat))), flat)
    assert free == set()
    assert {"a0", "a1", "a2"} <= set(bound)
    x = layers.GlobalAveragePooling2D()(function(layers.Conv2D(3, 1, name="a")(maps)))
    free, _ = found(layers.Dense(4)(x), maps)
    assert free == {frozenset({f"a{n}"}) for n in range(3)}
