"""Stages: the points at which a network can be cut, and the names users give them."""

import difflib
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import keras

from sfp_keras.errors import InputError
from sfp_keras.file_names import same_file
from sfp_keras.models.filter_axes import FilterAxes, filter_axes
from sfp_keras.models.graph import CallGraph, LayerCall, runs_as_in_training
from sfp_keras.models.own_training_mode import answers_by_chance_or_batch
from sfp_keras.probing.stage_graph import attention_heads_of, called, makers, stage_graph
from sfp_keras.probing.views import StageView
from sfp_keras.text import plain_text


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
        axes: where the layer puts out its filters on another axis than the last, the order of its
            axes that puts them last, counted from 1; the shapes above are in that order.
        heads: number of attention heads whose outputs, one behind another, are the filters;
            `None` where they are not.
        called: what one of the filters is called, such as `branch`, after the layer that makes
            them; empty where the shape says it.
    """

    name: str
    path: str
    output_shape: tuple[int, ...]
    position_shape: tuple[int, ...]
    filters: int
    head_inputs: int
    axes: tuple[int, ...] = ()
    heads: int | None = None
    called: str = ""

    @property
    def kind(self) -> str:
        """What a filter is where a head reads the outputs as they are, as of `StageView`."""
        return StageView(self.name, self.output_shape, "", self.called).kind


def list_stages(model: keras.Model) -> list[Stage]:
    """List every layer output of a model at which it can be cut, input side first.

    Args:
        model: a functional or sequential `keras.Model` with one input. Nested models are entered.

    Returns:
        One `Stage` for each layer call with one output of numbers of known size, and of layers
        that hold attention their parts: `<path>/heads` of `keras.layers.MultiHeadAttention`, the
        outputs of its heads before the projection. Calls that only
        move axes so that filters are no longer last, and what mixes filters with positions
        (Flatten), are left out.

    Raises:
        InputError: if the model is subclassed, has several inputs, an open image size, or
            computes with channels first.
    """
    graph = stage_graph(model)
    check_image_size(model, graph)
    axes, made_by = filter_axes(graph), makers(graph)
    return [
        _stage(_display(call.path), call, axes, made_by)
        for call in graph.calls
        if fits(graph, call) and not axes.hides(call)
    ]


def listed(stages: Any) -> list[Any]:
    """What is given for one stage or for several, as a list."""
    one = isinstance(stages, str) or not isinstance(stages, Iterable)
    return [stages] if one else list(stages)


def resolve_stages(model: keras.Model, names: str | Sequence[str]) -> list[Stage]:
    """Find the stages a user names.

    A name is the path of a layer (`block3_pool`, `backbone/conv5`, `conv#1`) or of a part of one
    that holds attention (`block/attention/heads`), else the start of
    layer names up to an underscore: `layer2` is the last layer called `layer2_...`, as the papers
    measure a layer after its pooling. A name of a call that only moves the filters to another axis
    (Permute, transpose) means the layer before it.

    Args:
        model: a functional or sequential `keras.Model` with one input.
        names: names of stages, in any order; or a single one.

    Returns:
        The stages, input side first.

    Raises:
        InputError: if a name is unknown (with similar ones) or means several calls, if two names
            mean the same stage or would share a folder, if a stage mixes filters with positions,
            if a layer before it runs as in training, or as `list_stages`.
    """
    named = listed(names)
    for name in named:
        if not isinstance(name, str):
            kind = type(name).__name__
            raise InputError(f"`stages` must be names of layers, received {kind} {name!r:.80}")
    graph = stage_graph(model)
    check_image_size(model, graph)
    if not named:
        raise InputError("`stages` names none; `list_stages` shows the candidates")
    axes, made_by = filter_axes(graph), makers(graph)
    chosen: dict[str, Stage] = {}
    paths = {plain_text(call.path): call.path for call in graph.calls}
    for given in named:
        name = paths.get(plain_text(given), given)
        found = _find(graph, axes, name)
        stage = _stage(_display(name), _before_moves(graph, axes, found, name), axes, made_by)
        # Also where it is not asked for now: a later command may, in the same run directory.
        if stage.name != found.path and any(call.path == stage.name for call in graph.calls):
            raise InputError(
                f"`stages`: {found.path!r} and the layer {stage.name!r} would share the folder "
                f"{stage.name!r}; rename one of them"
            )
        for other in chosen.values():
            if other.path == stage.path:
                raise InputError(
                    f"`stages`: {other.name!r} and {stage.name!r} are the same layer "
                    f"{stage.path!r}; name it once"
                )
            if same_file(other.name, stage.name):
                raise InputError(
                    f"`stages`: {other.path!r} and {stage.path!r} would share the folder "
                    f"{stage.name!r}; probe them in two runs, or rename a layer"
                )
        chosen[stage.path] = stage
    _check_inference(graph, chosen.values())
    order = {call.path: index for index, call in enumerate(graph.calls)}
    return sorted(chosen.values(), key=lambda stage: order[stage.path])


def check_image_size(model: keras.Model, graph: CallGraph) -> None:
    """Refuse a model that takes images of any size: its stages have no shape."""
    for tensor in graph.inputs:
        if None in tensor.shape[1:]:
            raise InputError(
                f"model {model.name!r} takes images of any size {tensor.shape[1:]}, so its stages "
                "have no shape yet: give it a fixed `image_size`"
            )


def fits(graph: CallGraph, call: LayerCall) -> bool:
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


def _stage(name: str, call: LayerCall, axes: FilterAxes, made_by: Mapping[int, LayerCall]) -> Stage:
    maker = made_by.get(id(call.outputs[0]), call)
    shape = tuple(call.outputs[0].shape[1:])
    order = axes.orders.get(id(call.outputs[0])) or ()
    if order:
        shape = tuple(shape[axis - 1] for axis in order)
    size = math.prod(shape)
    return Stage(
        name,
        call.path,
        shape,
        shape[:-1],
        shape[-1],
        size,
        order,
        attention_heads_of(maker),
        # Pooled over all positions, filters of a map are still filters.
        called(maker) or ("filter" if len(shape) <= 2 < len(maker.outputs[0].shape) - 1 else ""),
    )


def _before_moves(graph: CallGraph, axes: FilterAxes, call: LayerCall, name: str) -> LayerCall:
    """Go back from a call that only moves the filters' axis to the one whose filters they are."""
    found = call
    makers = {id(t): other for other in graph.calls if not other.nested for t in other.outputs}
    mixed = axes.mixes(call.outputs[0])
    while id(found.outputs[0]) in axes.orders:
        found = makers.get(id(found.outputs[0]), found)
        before = makers.get(id(found.inputs[0]))
        if before is None or not (axes.hides(found) or axes.mixes(found.outputs[0])):
            break
        found = before
    if mixed:
        raise InputError(
            f"`stages`: {name!r} mixes filters with positions, so that its last axis is not the "
            f"filters of a layer: name what is before it, such as {found.path!r}"
        )
    return found


def _check_inference(graph: CallGraph, stages: Iterable[Stage]) -> None:
    """Refuse layers before stages that run as in training: an image would depend on its batch."""
    paths = {stage.path for stage in stages}
    needed = {id(t) for call in graph.calls if call.path in paths for t in call.outputs}
    for call in reversed(graph.calls):
        if not any(id(tensor) in needed for tensor in call.outputs):
            continue
        if runs_as_in_training(call):
            raise InputError(
                f"layer {call.path!r} ({type(call.operation).__name__}) is called with "
                "training=True, so what it puts out depends on chance or on the other images of a "
                "batch: build the network without that argument"
            )
        if answers_by_chance_or_batch(call):
            raise InputError(
                f"layer {call.path!r} ({type(call.operation).__name__}) makes something else of an "
                "image at each pass or in each batch, as in training: let its `call` do so only "
                "where training=True"
            )
        needed.update(id(tensor) for tensor in call.inputs)


def _display(path: str) -> str:
    return path.replace("/", ".")


def _find(graph: CallGraph, axes: FilterAxes, name: str) -> LayerCall:
    """Find the call a user's name means: exact path, prefix, or display name."""
    call = (
        next((call for call in graph.calls if call.path == name), None)
        or last_with_prefix(graph, axes, name)
        or next((call for call in graph.calls if _display(call.path) == name), None)
    )
    if call is None:
        raise InputError(_unknown(graph, name))
    if not fits(graph, call):
        shapes = ", ".join(str(tuple(output.shape)) for output in call.outputs)
        raise InputError(
            f"`stages`: {name!r} puts out {shapes}, not one array of numbers of known size; "
            "`list_stages` shows the candidates"
        )
    return call


def last_with_prefix(graph: CallGraph, axes: FilterAxes, name: str) -> LayerCall | None:
    """The last layer whose name goes on after a name and an underscore."""
    with_prefix = [
        call
        for call in graph.calls
        if call.path.startswith(f"{name}_") and "/" not in call.path[len(name) :]
    ]
    # `conv` must not mean `conv_2` where `conv` itself is a layer called twice.
    if not with_prefix or _calls_of(graph, name):
        return None
    # A layer's Flatten or Permute is not what is measured of it.
    with_filters = [call for call in with_prefix if not axes.hides(call)]
    return (with_filters or with_prefix)[-1]


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
    close = difflib.get_close_matches(name, list(dict.fromkeys([*sorted(prefixes), *known])), n=3)
    ends = [path for path in known if path.endswith(f"/{name}")][:3]
    hint = f"did you mean {' or '.join(ends or close)}? " if ends or close else ""
    return f"`stages`: no layer is called {name!r}; {hint}`list_stages` shows all"
