"""The layers that are trained when a link is zeroed, and the network behind what is frozen."""

from collections.abc import Collection, Iterator
from typing import Any

import keras

from sfp_keras.afcc.links import Link
from sfp_keras.afcc.tail import last_single_tensor
from sfp_keras.errors import InputError
from sfp_keras.models.filter_sources import traits_of_call
from sfp_keras.models.graph import (
    LayerCall,
    call_graph,
    labelled_nodes,
    layer_path,
    require_functional,
)
from sfp_keras.models.label_outputs import LabelOutputs, logits_tensor
from sfp_keras.models.rebuilding import layers_by_path

# A call of the outer model, and which of its outputs; `None`: the images.
Start = tuple[str, int] | None
# Below the smallest number of which Keras' own cross-entropy takes the logarithm.
_SMALLEST = 1e-7


def layers_of_link(model: keras.Model, link: Link) -> tuple[str, ...]:
    """The layers that are trained with a link: those that make its sources' filters, and its own.

    Those of a sum are the nearest on each of its branches.

    Args:
        model: a functional or sequential `keras.Model`.
        link: `Link` of it.

    Returns:
        Paths of layers, each once.
    """
    graph = call_graph(model)
    of = {call.path: call for call in graph.calls}
    made_by = {id(t): call for call in graph.calls if not call.nested for t in call.outputs}
    found = [
        maker for source in link.sources for maker in _makers(of[source], made_by, merged=False)
    ]
    return tuple(dict.fromkeys([*found, link.layer]))


def _makers(call: LayerCall, made_by: dict[int, LayerCall], merged: bool) -> Iterator[str]:
    """Paths of the nearest layers with a kernel up to a call."""
    if _makes_filters(call):
        yield layer_path(call.path)
        return
    if len(call.inputs) > 1 and merged:
        return  # The sum before is a stage of its own.
    for tensor in call.inputs:
        before = made_by.get(id(tensor))
        if before is not None:
            yield from _makers(before, made_by, merged or len(call.inputs) > 1)


def _makes_filters(call: LayerCall) -> bool:
    traits = traits_of_call(call)
    made = traits is not None and traits.filters_of(call.operation) == "made"
    return made and bool(getattr(call.operation, "weights", ()))


def train_only(model: keras.Model, layers: Collection[str], batch_norm: str = "frozen") -> None:
    """Freeze all but some layers.

    Args:
        model: a functional `keras.Model`, changed in place.
        layers: paths of the layers that are trained.
        batch_norm: `str`. `"frozen"`: batch norms run in inference mode. `"updating"`: their
            statistics move, in all of them; their gains and shifts do not. Defaults to
            `"frozen"`.
    """
    model.trainable = True
    known = layers_by_path(model)
    for path, layer in known.items():
        layer.trainable = path in layers
    for layer in known.values() if batch_norm == "updating" else ():
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.trainable = True
            for variable in (layer.gamma, layer.beta):
                if variable is not None:
                    variable.trainable = False


def start_before(model: keras.Model, layers: Collection[str]) -> Start:
    """The last single tensor that all of some layers depend on, and all layers behind them.

    Args:
        model: a functional `keras.Model`.
        layers: paths of layers.
    """
    form = require_functional(model)
    nodes = labelled_nodes(form)
    outer = {path.partition("/")[0] for path in layers}
    first = next(i for i, (_, node) in enumerate(nodes) if node.operation.name in outer)
    tensor = last_single_tensor(form, nodes, first)
    places = {
        id(output): (label, place)
        for label, node in nodes
        for place, output in enumerate(node.outputs)
    }
    return places.get(id(tensor))


def prefix_of(model: keras.Model, start: Start) -> keras.Model:
    """The network from the images to a start, on its own layers."""
    form = require_functional(model)
    inputs = form.inputs[0]
    if start is None:
        same = keras.Input(inputs.shape[1:])
        return keras.Model(same, keras.layers.Identity()(same))
    return keras.Model(inputs, _tensor(form, start))


def classifier_behind(model: keras.Model, start: Start, outputs: LabelOutputs) -> keras.Model:
    """The network from a start to the logits of the labels, on its own layers.

    Args:
        model: a functional `keras.Model`.
        start: `Start`.
        outputs: `LabelOutputs` of K numbers. Of a softmax the logarithm is taken, whose
            cross-entropy is the same; of sigmoids too, whose shares of their sum are probabilities.

    Returns:
        A `keras.Model` of one output (n, K).
    """
    form = require_functional(model)
    logits = logits_tensor(form, outputs, _SMALLEST)
    return keras.Model(form.inputs[0] if start is None else _tensor(form, start), logits)


def check_label_outputs(found: LabelOutputs | str) -> LabelOutputs:
    """Refuse a network of which no output is the labels', or one number for two labels.

    Raises:
        InputError: naming what is wrong.
    """
    if isinstance(found, str):
        raise InputError(f"`model` cannot be fine-tuned: its {found}")
    if found.threshold is not None:
        raise InputError(
            "`model` answers with one number for two labels: build it with an output for each"
        )
    return found


def _tensor(form: keras.Model, start: tuple[str, int]) -> Any:
    label, place = start
    return dict(labelled_nodes(form))[label].outputs[place]
