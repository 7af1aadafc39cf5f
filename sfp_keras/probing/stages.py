"""Stages: the points at which a network can be cut, and the names users give them."""

import difflib
import itertools
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import keras

from sfp_keras.errors import InputError
from sfp_keras.models.graph import CallGraph, LayerCall, call_graph
from sfp_keras.models.registry import architectures
from sfp_keras.text import plain_text

_PADDING = (keras.layers.ZeroPadding1D, keras.layers.ZeroPadding2D, keras.layers.ZeroPadding3D)


@dataclass(frozen=True)
class Stage:
    """A point of a network where it is cut: the output of one layer call.

    Attributes:
        name: display and folder name: as asked for, with `.` for `/`.
        path: the layer, with the nested models it lies in: `backbone/conv5`; `conv5#1` is the
            second call of a layer that is called more than once.
        output_shape: shape of the output without the batch axis.
        position_shape: the axes between batch and filters; `()` for a dense layer.
        filters: F, the length of the last axis.
        head_inputs: F * P, the numbers one image gives a head where nothing is pooled.
    """

    name: str
    path: str
    output_shape: tuple[int, ...]
    position_shape: tuple[int, ...]
    filters: int
    head_inputs: int


def list_stages(model: keras.Model) -> list[Stage]:
    """List every layer output of a model at which it can be cut, input side first.

    Args:
        model: a functional or sequential `keras.Model` with one input. Nested models are entered.

    Returns:
        One `Stage` for each layer call with one output of numbers of known size.

    Raises:
        InputError: if the model is subclassed, has several inputs, an open image size, or
            computes with channels first.
    """
    graph = call_graph(model)
    _check_image_size(model, graph)
    return [_stage(_display(call.path), call) for call in graph.calls if _fits(graph, call)]


def resolve_stages(model: keras.Model, names: Sequence[str]) -> list[Stage]:
    """Find the stages a user names.

    A name is the path of a layer (`block3_pool`, `backbone/conv5`, `conv#1`), else the start of
    layer names up to an underscore: `layer2` is the last layer called `layer2_...`, as the papers
    measure a layer after its pooling.

    Args:
        model: a functional or sequential `keras.Model` with one input.
        names: names of stages, in any order.

    Returns:
        The stages, input side first.

    Raises:
        InputError: if a name is unknown (with similar ones) or means several calls, if two names
            mean the same stage or would share a folder, or as `list_stages`.
    """
    graph = call_graph(model)
    _check_image_size(model, graph)
    if not names:
        raise InputError("`stages` names none; `list_stages` shows the candidates")
    chosen: dict[str, Stage] = {}
    paths = {plain_text(call.path): call.path for call in graph.calls}
    for given in names:
        name = paths.get(plain_text(given), given)
        call = _find(graph, name)
        stage = _stage(_display(name), call)
        for other in chosen.values():
            if other.path == stage.path:
                raise InputError(
                    f"`stages`: {other.name!r} and {stage.name!r} are the same layer "
                    f"{stage.path!r}; name it once"
                )
            if other.name == stage.name:
                raise InputError(
                    f"`stages`: {other.path!r} and {stage.path!r} would share the folder "
                    f"{stage.name!r}; probe them in two runs, or rename a layer"
                )
        chosen[stage.path] = stage
    order = {call.path: index for index, call in enumerate(graph.calls)}
    return sorted(chosen.values(), key=lambda stage: order[stage.path])


def default_stages(model: keras.Model) -> list[Stage]:
    """Choose the stages probed where the user names none.

    The papers' stages for their networks. For layers named `layer<N>_...` or `stage<N>_...`,
    those that end in a pooling (all, where none does). For any other model the last layer before
    each spatial reduction: of the layers that all of the image passes through, those whose
    successor has at most half the positions or none (flatten, global pooling), and the output
    where it has positions (a backbone without a head). Border rows lost to unpadded convolutions
    are no reduction. A model without spatial axes gives what its last layer with weights reads.

    Args:
        model: a functional or sequential `keras.Model` with one input.

    Returns:
        The stages, input side first.

    Raises:
        InputError: if nothing can be chosen, or as `list_stages`.
    """
    graph = call_graph(model)
    _check_image_size(model, graph)
    names = _paper_names(model, graph) or _numbered_names(graph) or _reduction_names(graph)
    if not names:
        raise InputError(
            f"model {model.name!r} has no layer before a reduction: name the `stages`; "
            "`list_stages` shows the candidates"
        )
    return resolve_stages(model, names)


def _check_image_size(model: keras.Model, graph: CallGraph) -> None:
    for tensor in graph.inputs:
        if None in tensor.shape[1:]:
            raise InputError(
                f"model {model.name!r} takes images of any size {tensor.shape[1:]}, so its stages "
                "have no shape yet: give it a fixed `image_size`"
            )


def _fits(graph: CallGraph, call: LayerCall) -> bool:
    """Say whether a call puts out one array of (batch, ..., filters) numbers."""
    if len(call.outputs) != 1:
        return False
    output = call.outputs[0]
    return (
        len(output.shape) >= 2
        and output.shape[0] == graph.inputs[0].shape[0]
        and None not in output.shape[1:]
        and "float" in output.dtype
    )


def _stage(name: str, call: LayerCall) -> Stage:
    shape = tuple(call.outputs[0].shape[1:])
    return Stage(name, call.path, shape, shape[:-1], shape[-1], math.prod(shape))


def _display(path: str) -> str:
    return path.replace("/", ".")


def _find(graph: CallGraph, name: str) -> LayerCall:
    """Find the call a user's name means: exact path, prefix, or display name."""
    call = (
        next((call for call in graph.calls if call.path == name), None)
        or _last_with_prefix(graph, name)
        or next((call for call in graph.calls if _display(call.path) == name), None)
    )
    if call is None:
        raise InputError(_unknown(graph, name))
    if not _fits(graph, call):
        shapes = ", ".join(str(tuple(output.shape)) for output in call.outputs)
        raise InputError(
            f"`stages`: {name!r} puts out {shapes}, not one array of numbers of known size; "
            "`list_stages` shows the candidates"
        )
    return call


def _last_with_prefix(graph: CallGraph, name: str) -> LayerCall | None:
    with_prefix = [
        call
        for call in graph.calls
        if call.path.startswith(f"{name}_") and "/" not in call.path[len(name) :]
    ]
    # `conv` must not mean `conv_2` where `conv` itself is a layer called twice.
    if not with_prefix or _calls_of(graph, name):
        return None
    return with_prefix[-1]


def _calls_of(graph: CallGraph, name: str) -> list[str]:
    """List the paths that are `name` but for call indices."""
    return [call.path for call in graph.calls if re.sub(r"#\d+(?=/|$)", "", call.path) == name]


def _unknown(graph: CallGraph, name: str) -> str:
    calls = _calls_of(graph, name)
    if calls:
        return (
            f"`stages`: {name!r} is called {len(calls)} times; say which call: {', '.join(calls)}"
        )
    known = [call.path for call in graph.calls]
    prefixes = {match[1] for path in known if (match := re.match(r"(.*?\d)_[^/]*$", path))}
    close = difflib.get_close_matches(name, [*sorted(prefixes), *known], n=3)
    ends = [path for path in known if path.endswith(f"/{name}")][:3]
    hint = f"did you mean {' or '.join(ends or close)}? " if ends or close else ""
    return f"`stages`: no layer is called {name!r}; {hint}`list_stages` shows all"


def _paper_names(model: keras.Model, graph: CallGraph) -> list[str]:
    known = architectures().get(model.name)
    if known is None or known.stages is None:
        return []
    names = known.stages(known.options())
    found = [name for name in names if _last_with_prefix(graph, name)]
    if found and names[-1] not in found:
        # A network without its last stage ends with the one before it.
        found.append(_last_numbered(graph))
    return found if len(found) == len(names) and len(set(found)) == len(found) else []


def _last_numbered(graph: CallGraph) -> str:
    matches = (re.match(r"((?:layer|stage)\d+)_", call.path) for call in graph.calls)
    return [match[1] for match in matches if match][-1]


def _numbered_names(graph: CallGraph) -> list[str]:
    """List the prefixes `layer<N>` or `stage<N>` of a network that numbers its layers so."""
    names: dict[str, bool] = {}
    for call in graph.calls:
        match = re.match(r"((?:layer|stage)\d+)_([^/]*)$", call.path)
        if match:
            names[match[1]] = names.get(match[1], False) or match[2].startswith("pool")
    if len(names) < 2:
        return []
    pooled = [name for name, has_pool in names.items() if has_pool]
    return pooled or list(names)


def _reduction_names(graph: CallGraph) -> list[str]:
    path = _main_path(graph)
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
        last = last if isinstance(here.operation, _PADDING) else here
        if _reduces(last, after) and last not in picks:
            picks.append(last)
    own_output = picks and math.prod(picks[-1].outputs[0].shape[1:]) == output.shape[-1]
    if own_output and not any(map(_has_weights, path[path.index(picks[-1]) + 1 :])):
        # A convolution to 1x1xK and a flatten: these are the network's own logits.
        picks.pop()
    picks = [call for call in picks if not type(call.operation).__name__.startswith("Global")]
    if len(output.shape) > 2 and path[-1].outputs[0] is output and path[-1] not in picks:
        # A backbone without a head: what a head would read.
        picks.append(path[-1])
    if not picks and len(weighted) > 1:
        picks = [path[weighted[-1] - weighted[0] - 1]]
    return [call.path for call in picks]


def _reduces(here: LayerCall, after: LayerCall) -> bool:
    positions, next_positions = here.outputs[0].shape[1:-1], after.outputs[0].shape[1:-1]
    if not positions:
        return False
    return not next_positions or math.prod(next_positions) * 2 <= math.prod(positions)


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
        if farthest <= index and _fits(graph, call):
            path.append(call)
        farthest = max(farthest, _farthest(call.outputs, last_reader))
    return path


def _farthest(tensors: Sequence[Any], last_reader: dict[int, int]) -> int:
    return max((last_reader.get(id(tensor), -1) for tensor in tensors), default=-1)
