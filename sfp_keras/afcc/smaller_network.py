"""A network without some of its filters, wherever they are made, passed and read."""

import warnings
from collections.abc import Mapping

import keras
import numpy as np
from keras import layers

from sfp_keras.afcc import channels
from sfp_keras.afcc.filter_ties import FilterTies
from sfp_keras.models.graph import LayerCall
from sfp_keras.models.rebuilding import Exchange, rebuild, remade


def without_filters(
    model: keras.Model,
    ties: FilterTies,
    gone: np.ndarray,
    added: Mapping[int, np.ndarray] | None = None,
) -> keras.Model:
    """Make a copy of a model without filters.

    Args:
        model: a functional `keras.Model`.
        ties: `FilterTies` of its graph.
        gone: bool (size,), by the filters' numbers in `ties`, true for those that go: none that
            must stay, and not all of a layer.
        added: by a layer's `id`, float (outputs,), what is added to its bias.

    Returns:
        A functional `keras.Model` of new layers, not compiled.

    Raises:
        InputError: if a layer's mask keeps no weight of the filters left.
    """
    exchanges = {}
    with warnings.catch_warnings():
        # The masks are the model's.
        warnings.filterwarnings("ignore", "mask: .* units have no free weight")
        for call in ties.graph.calls:
            if not call.nested and id(call.operation) not in exchanges:
                exchange = _exchange(ties, call, ~gone, (added or {}).get(id(call.operation)))
                if exchange is not None:
                    exchanges[id(call.operation)] = exchange
        return rebuild(model, exchanges)


def _exchange(
    ties: FilterTies, call: LayerCall, kept: np.ndarray, added: np.ndarray | None
) -> Exchange | None:
    role, layer = ties.roles[id(call)], call.operation
    if role == "kernel":
        inputs, outputs = (kept[ties.filters(t[0])] for t in (call.inputs, call.outputs))
        return channels.without(layer, inputs, outputs, added)
    if role == "passed":
        return channels.with_fewer_filters(layer, kept[ties.filters(call.inputs[0])])
    if type(layer) is layers.Reshape and role == "moved" and layer.target_shape != (-1,):
        outputs = kept[ties.filters(call.outputs[0])]
        if not outputs.all():
            shape = (*call.outputs[0].shape[1:-1], int(outputs.sum()))
            return Exchange(remade(layer, target_shape=shape))
    return None
