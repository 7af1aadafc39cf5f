"""The calls of a network at which it can be cut: those of its graph, and parts of its layers."""

import dataclasses
from typing import Any

import keras

from sfp_keras.models.graph import CallGraph, LayerCall, call_graph
from sfp_keras.probing.inside_layer import inner_outputs, parts_of
from sfp_keras.traits import inherited_traits, traits_of
from sfp_keras.traits.elementwise import passes_each_filter


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


def called(call: LayerCall) -> str:
    """What one of the filters that a call makes is called; empty where it has no other name."""
    layer = call.part if isinstance(call, InnerCall) else call.operation
    return inherited_traits(layer).called


def makers(graph: CallGraph) -> dict[int, LayerCall]:
    """The call that made the filters of each tensor, behind all that passes each of them alone.

    What adds several tensors up counts as the maker of its filters.

    Args:
        graph: `CallGraph`, as of `stage_graph`.

    Returns:
        Dict from a tensor's `id` to a `LayerCall`.
    """
    found: dict[int, LayerCall] = {}
    for call in graph.calls:
        if not call.nested:
            before = found.get(id(call.inputs[0])) if len(call.inputs) == 1 else None
            maker = before if before is not None and _passes(call, before) else call
            found.update((id(tensor), maker) for tensor in call.outputs)
    return found


def _passes(call: LayerCall, maker: LayerCall) -> bool:
    """Whether a call passes each filter of its maker; unknown calls are tried where it matters."""
    if isinstance(call, InnerCall) or len(call.outputs) != 1:
        return False
    traits = traits_of(call.operation)
    if traits is not None:
        return traits.filters_of(call.operation) == "passed"
    fewer_axes = len(call.outputs[0].shape) < len(call.inputs[0].shape)
    matters = called(maker) or attention_heads_of(maker) is not None or fewer_axes
    return bool(matters) and passes_each_filter(call)
