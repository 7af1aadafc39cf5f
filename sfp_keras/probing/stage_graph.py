"""The calls of a network at which it can be cut: those of its graph, and parts of its layers."""

import dataclasses
from typing import Any

import keras

from sfp_keras.models.graph import CallGraph, LayerCall, call_graph
from sfp_keras.probing.inside_layer import inner_outputs, parts_of
from sfp_keras.probing.views import StageView
from sfp_keras.traits import inherited_traits


@dataclasses.dataclass(frozen=True, eq=False)
class InnerCall(LayerCall):
    """A part of a layer, in a call of that layer: its inputs and arguments are the layer's.

    Attributes:
        part: the layer inside; of the outputs of attention heads, the projection that reads them.
        heads: `int` or `None`. Number of attention heads where the part is what they put out.
    """

    part: Any = None
    heads: int | None = None


def stage_graph(model: keras.Model) -> CallGraph:
    """`call_graph` of a model, with the parts of layers that hold attention before these layers.

    Args:
        model: a functional or sequential `keras.Model` with one input.

    Raises:
        InputError: as `call_graph`.
    """
    graph = call_graph(model)
    calls: list[LayerCall] = []
    for call in graph.calls:
        outputs = inner_outputs(call)
        parts = parts_of(call.operation) if outputs else {}
        for path, output in outputs.items():
            own = {field.name: getattr(call, field.name) for field in _FIELDS}
            own |= {"path": f"{call.path}/{path}", "outputs": (output,)}
            calls.append(InnerCall(**own, part=parts[path].layer, heads=parts[path].heads))
        calls.append(call)
    return dataclasses.replace(graph, calls=tuple(calls))


_FIELDS = dataclasses.fields(LayerCall)


def attention_heads_of(call: LayerCall) -> int | None:
    """The number of attention heads whose outputs a call's nodes are, one head behind another."""
    if isinstance(call, InnerCall) and call.heads is not None:
        return call.heads
    layer = call.part if isinstance(call, InnerCall) else call.operation
    heads = inherited_traits(layer).heads
    return None if heads is None else heads(layer)


def kind_of(call: LayerCall) -> str:
    """What the filters of a call are where a head reads them as they are, as of `StageView`."""
    return StageView(call.path, tuple(call.outputs[0].shape[1:]), "", called(call)).kind


def called(call: LayerCall) -> str:
    """What one of a call's filters is called; empty where it has no other name."""
    layer = call.part if isinstance(call, InnerCall) else call.operation
    return inherited_traits(layer).called
