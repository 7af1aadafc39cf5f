"""Which filters go together: those that sums add, and not those that a layer needs whole."""

import keras
import numpy as np
from keras import layers, ops

from sfp_keras.afcc.tied_filters import tied_filters
from sfp_keras.models.filter_sources import filter_sources
from sfp_keras.models.graph import call_graph


def found(output, inputs):
    graph = call_graph(keras.Model(inputs, output))
    sources = filter_sources(graph)
    ties = tied_filters(graph, sources)
    number = {
        f"{group.maker.path}{one}": group.first + one
        for group in sources.groups
        for one in range(group.size)
    }
    sets: dict[int, set[str]] = {}
    for name, place in number.items():
        sets.setdefault(int(ties.sets[place]), set()).add(name)
    bound = {
        name: ties.bound[one] for one, names in sets.items() if one in ties.bound for name in names
    }
    return (
        number,
        {frozenset(names) for one, names in sets.items() if one not in ties.bound},
        bound,
        ties,
    )


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
    number, free, bound, ties = found(x, inputs)
    assert free == {
        *(frozenset({f"stem{n}", f"b{n}", f"sum{n}"}) for n in range(2)),
        *(frozenset({f"a{n}"}) for n in range(2)),
        frozenset({"side0"}),
    }
    assert bound["needed0"] == ("ln", "may need all of them")
    assert bound["grouped0"] == ("grouped", "makes its filters in groups")
    assert bound["output3"][1] == "puts them out for the whole model"
    wanted = np.zeros(len(number), bool)
    wanted[[number[name] for name in ("stem0", "b0", "sum0", "b1", "a1", "needed0")]] = True
    removable = ties.removable(wanted)
    assert {name for name, n in number.items() if removable[n]} == {"stem0", "b0", "sum0", "a1"}


def test_products_tie_filters_and_gates_of_positions_do_not():
    inputs = keras.Input((4, 4, 3), name="image")
    x = layers.Conv2D(2, 1, name="conv")(inputs)
    x = x * layers.Conv2D(1, 1, activation="sigmoid", name="place")(x)
    gate = layers.GlobalAveragePooling2D(keepdims=True)(x)
    x = x * layers.Conv2D(2, 1, activation="sigmoid", name="gate")(gate)
    twice = layers.Dense(2, name="twice")
    x = twice(twice(layers.Dense(2, name="before")(layers.GlobalMaxPooling2D()(x))))
    _, free, bound, _ = found(layers.Dense(4)(x), inputs)
    multiplied = [{name[-1] for name in names} for names in free]
    assert sorted(multiplied, key=min) == [{"0"}, {"1"}]
    assert {len(names) for names in free} == {4}
    assert bound["place0"][1] == "reads one filter for all others"
    assert bound["before1"] == ("twice#0", "is called more than once")
