"""The stages at which a network is probed where its user names none."""

import itertools
import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

import keras

from sfp_keras.errors import InputError
from sfp_keras.models.filter_axes import FilterAxes, filter_axes
from sfp_keras.models.graph import CallGraph, LayerCall
from sfp_keras.models.registry import declared_stages
from sfp_keras.probing.inside_layer import ATTENTION, holds_attention
from sfp_keras.probing.stage_graph import InnerCall, attention_heads_of, stage_graph
from sfp_keras.probing.stages import (
    Stage,
    check_image_size,
    fits,
    last_with_prefix,
    resolve_stages,
)
from sfp_keras.traits import inherited_traits

_ONE_HEAD = (keras.layers.Attention, keras.layers.AdditiveAttention)


def default_stages(model: keras.Model) -> list[Stage]:
    """Choose the stages probed where the user names none.

    The papers' stages for their networks. For layers named `layer<N>_...` or `stage<N>_...`,
    those that end in a pooling (all, where none does). For a transformer the outputs of each
    block's attention heads, before their projection, and what its feed-forward layers put out,
    also of blocks that are one layer. For any other model the last layer before each spatial
    reduction: of the layers that all of the image passes through, those whose successor has at
    most half the positions or none (flatten, global pooling), and the output where it has
    positions (a backbone without a head). Border rows lost to unpadded convolutions are no
    reduction. A model without spatial axes gives what its last layer with weights reads.

    Args:
        model: a functional or sequential `keras.Model` with one input.

    Returns:
        The stages, input side first.

    Raises:
        InputError: if nothing can be chosen, or as `list_stages`.
    """
    graph = stage_graph(model)
    check_image_size(model, graph)
    axes = filter_axes(graph)
    names = (
        _paper_names(model, graph, axes)
        or _numbered_names(graph)
        or _block_names(graph, axes)
        or _reduction_names(graph, axes)
    )
    if not names:
        raise InputError(
            f"model {model.name!r} has no layer before a reduction: name the `stages`; "
            "`list_stages` shows the candidates"
        )
    return resolve_stages(model, names)


def _paper_names(model: keras.Model, graph: CallGraph, axes: FilterAxes) -> list[str]:
    names = declared_stages(model)
    paths = {call.path for call in graph.calls}
    found = [name for name in names if name in paths or last_with_prefix(graph, axes, name)]
    if found and names[-1] not in found:
        # A network without its last stage ends with the one before it.
        found += list(_numbered(graph))[-1:]
    return found if len(found) == len(names) and len(set(found)) == len(found) else []


def _numbered(graph: CallGraph) -> dict[str, bool]:
    """The prefixes `layer<N>` or `stage<N>` of layers, each with whether it has a pooling."""
    names: dict[str, bool] = {}
    for call in graph.calls:
        match = re.match(r"((?:layer|stage)\d+)_([^/]*)$", call.path)
        if match:
            names[match[1]] = names.get(match[1], False) or match[2].startswith("pool")
    return names


def _numbered_names(graph: CallGraph) -> list[str]:
    """List those prefixes, of a network that numbers its layers so."""
    names = _numbered(graph)
    if len(names) < 2:
        return []
    pooled = [name for name, has_pool in names.items() if has_pool]
    return pooled or list(names)


def _block_names(graph: CallGraph, axes: FilterAxes) -> list[str]:
    """The heads of each attention, and what the feed-forward layers behind it end with."""
    makers: dict[int, LayerCall] = {}
    attended: set[int] = set()
    found: list[LayerCall] = []
    blocks = False
    for call in graph.calls:
        for tensor in call.outputs:
            makers.setdefault(id(tensor), call)
        reads = any(id(tensor) in attended for tensor in call.inputs)
        is_attention = attention_heads_of(call) is not None or isinstance(call.operation, _ONE_HEAD)
        if is_attention or holds_attention(call) or reads:
            attended.update(id(tensor) for tensor in call.outputs)
        if is_attention:
            found.append(call)
        elif holds_attention(call) and not isinstance(call, InnerCall):
            found += _inner_ends(graph, call)
            blocks = True
        # Sums before the first attention add positions to the image's parts.
        elif reads and type(call.operation).__name__ == "Add" and len(call.inputs) > 1:
            ends = (_weighted(makers, makers.get(id(tensor))) for tensor in call.inputs)
            found += [end for end in ends if end is not None and _reads(end, attended, makers)]
            blocks = True
    if not blocks:
        return []
    kept = [call for call in dict.fromkeys(found) if fits(graph, call) and not axes.hides(call)]
    # Without positions it is what a pooling left of them.
    return [call.path for call in kept if len(call.outputs[0].shape) > 2]


def _inner_ends(graph: CallGraph, block: LayerCall) -> list[LayerCall]:
    """Of each attention inside a layer, the last layer with a kernel before the next one's."""
    inside = [c for c in graph.calls if isinstance(c, InnerCall) and c.inputs == block.inputs]
    inside = [c for c in inside if c.path.startswith(f"{block.path}/")]
    ends: list[LayerCall] = []
    last: LayerCall | None = None
    attended = False
    for call in inside:
        if call.heads is not None:
            ends += [last] if attended and last is not None else []
            last, attended = None, True
        elif _is_kernel_layer(call.part):
            last = call
    return ends + ([last] if attended and last is not None else [])


def _weighted(makers: Mapping[int, LayerCall], call: LayerCall | None) -> LayerCall | None:
    """The layer with a kernel that a summand comes from, alone or through layers without one."""
    while call is not None and len(call.inputs) == 1:
        if _is_kernel_layer(call.operation):
            return call
        call = makers.get(id(call.inputs[0]))
    return None


def _reads(call: LayerCall, attended: set[int], makers: Mapping[int, LayerCall]) -> bool:
    """Whether a layer is of the feed-forward part: behind an attention, but not its projection."""
    (tensor,) = call.inputs
    before: LayerCall | None = makers.get(id(tensor))
    while before is not None and inherited_traits(before.operation).only_in_training:
        if attention_heads_of(before) is not None:
            break
        before = makers.get(id(before.inputs[0]))
    return id(tensor) in attended and (before is None or attention_heads_of(before) is None)


def _is_kernel_layer(layer: Any) -> bool:
    """Whether a layer has a matrix of weights, and attention is no part of it."""
    if not isinstance(layer, keras.layers.Layer) or isinstance(layer, ATTENTION):
        return False
    alone = not layer._flatten_layers(include_self=False)
    return alone and any(len(weight.shape) > 1 for weight in layer.weights)


def _reduction_names(graph: CallGraph, axes: FilterAxes) -> list[str]:
    whole = _main_path(graph)
    # What flattens is a reduction; what moves axes is none, and there is no stage within.
    path = [call for call in whole if not _moved(axes, call) or len(call.outputs[0].shape) == 2]
    weighted = [index for index, call in enumerate(path) if _has_weights(call)]
    if not weighted:
        return []
    # Before the first layer with weights the image itself is scaled, padded or augmented.
    path = path[weighted[0] :]
    output = graph.outputs[0]
    picks: list[LayerCall] = []
    last = path[0]
    for here, after in itertools.pairwise(path):
        # Padding belongs to the strided layer after it.
        last = last if inherited_traits(here.operation).positions == "padded" else here
        if _reduces(axes, last, after) and last not in picks and not axes.hides(last):
            picks.append(last)
    own_output = picks and math.prod(picks[-1].outputs[0].shape[1:]) == output.shape[-1]
    if own_output and not any(map(_has_weights, path[path.index(picks[-1]) + 1 :])):
        # A convolution to 1x1xK and a flatten: these are the network's own logits.
        picks.pop()
    picks = [call for call in picks if not type(call.operation).__name__.startswith("Global")]
    if len(output.shape) > 2 and whole[-1].outputs[0] is output and path[-1] not in picks:
        # A backbone without a head: what a head would read.
        picks.append(path[-1])
    if not picks and len(weighted) > 1:
        picks = [path[weighted[-1] - weighted[0] - 1]]
    return [call.path for call in picks]


def _moved(axes: FilterAxes, call: LayerCall) -> bool:
    """Whether a call only moves axes, from or to an order in which filters are not last."""
    tensors = (call.inputs[0], call.outputs[0])
    return axes.hides(call) or (id(call) in axes.moving and not any(map(axes.mixes, tensors)))


def _reduces(axes: FilterAxes, here: LayerCall, after: LayerCall) -> bool:
    positions, next_positions = (_positions(axes, call.outputs[0]) for call in (here, after))
    if not positions:
        return False
    return not next_positions or math.prod(next_positions) * 2 <= math.prod(positions)


def _positions(axes: FilterAxes, tensor: Any) -> list[int]:
    filters = (axes.orders.get(id(tensor)) or (len(tensor.shape) - 1,))[-1]
    return [size for axis, size in enumerate(tensor.shape) if axis not in (0, filters)]


def _has_weights(call: LayerCall) -> bool:
    is_scaling = isinstance(call.operation, keras.layers.Normalization)
    return bool(getattr(call.operation, "weights", ())) and not is_scaling


def _main_path(graph: CallGraph) -> list[LayerCall]:
    """List the calls that every path from the image to the (first) output passes through."""
    calls = [call for call in graph.calls if not call.nested]
    # Calls the output does not depend on are side branches too.
    needed = {id(graph.outputs[0])}
    used: list[LayerCall] = []
    for call in reversed(calls):
        if any(id(tensor) in needed for tensor in call.outputs):
            used.append(call)
            needed.update(id(tensor) for tensor in call.inputs)
    used.reverse()

    last_reader: dict[int, int] = {id(graph.outputs[0]): len(used)}
    for index, call in enumerate(used):
        last_reader.update((id(tensor), index) for tensor in call.inputs)
    path = []
    farthest = _farthest(graph.inputs, last_reader)
    for index, call in enumerate(used):
        # A tensor made earlier and read later than this call bypasses it.
        if farthest <= index and fits(graph, call):
            path.append(call)
        farthest = max(farthest, _farthest(call.outputs, last_reader))
    return path


def _farthest(tensors: Sequence[Any], last_reader: dict[int, int]) -> int:
    return max((last_reader.get(id(tensor), -1) for tensor in tensors), default=-1)
