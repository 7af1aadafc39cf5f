"""Removing filters of a stage from the network, which makes it smaller and faster."""

from collections import Counter
from typing import Any

import keras
import numpy as np

from sfp_keras.afcc import channels
from sfp_keras.errors import InputError
from sfp_keras.filters import FilterClusters, check_kind
from sfp_keras.models.filter_axes import source_elements
from sfp_keras.models.graph import CallGraph, LayerCall, call_graph, require_functional
from sfp_keras.models.rebuilding import Exchange, rebuild
from sfp_keras.probing import Stage, resolve_stages


def unused_filters(clusters: FilterClusters) -> np.ndarray:
    """Find the filters of a stage that have no cluster, all of whose weights AFCC masks.

    Args:
        clusters: `FilterClusters` of the stage.

    Returns:
        bool (F,), true for filters in no cluster.
    """
    check_kind("clusters", clusters, FilterClusters, "find_clusters")
    return np.logical_not(clusters.in_cluster.any(axis=1))


def prune_filters(model: keras.Model, stage: Stage | str, remove: Any) -> keras.Model:
    """Make a copy of a model without some filters of a stage.

    The filters of the convolution (or dense layer) that makes the stage are removed, with their
    batch norm, and so is all that reads them, also behind pooling, dropout and flattening: input
    channels of the next convolutions, or rows of a dense head and of its mask. The copy has the
    model's outputs where the removed filters contribute nothing: they put out zeros, or the
    weights that read them are zero, as those of an AFCC head are for `unused_filters`.

    Example:

    ```
    smaller = prune_filters(model, "layer10", unused_filters(clusters))
    ```

    Args:
        model: a functional or sequential `keras.Model` with one input; nested models may hold
            the stage and what follows it. It is left as it is.
        stage: `Stage`, or name of one as `resolve_stages` takes it; the names of nested models
            before it may be left out where it is clear without. In a model for images of any
            size, the whole name of a layer.
        remove: the filters to remove: indices, or a bool array (F,).

    Returns:
        A functional `keras.Model` of new layers, not compiled.

    Raises:
        InputError: if the stage is unknown, `remove` does not fit it or leaves no filter, or a
            layer needs the filters where they are: one that adds or concatenates them, sums over
            them by itself, is called more than once, or is the model's output.
    """
    form = require_functional(model)
    graph = call_graph(form)
    name = stage if isinstance(stage, str) else stage.path
    found = _find(form, graph, name)
    keep = _kept(remove, int(found.outputs[0].shape[-1]), name)
    if keep.all():
        return rebuild(form, {})
    maker = _maker(graph, found, name)
    exchanges = {id(maker.operation): channels.without_outputs(maker.operation, keep)}
    exchanges.update(_exchanges_behind(graph, maker, keep, name))
    times = Counter(id(call.operation) for call in graph.calls)
    for call in graph.calls:
        if id(call.operation) in exchanges and times[id(call.operation)] > 1:
            raise _refusal(name, call, "is called more than once")
    return rebuild(form, exchanges)


def _find(form: keras.Model, graph: CallGraph, name: str) -> LayerCall:
    """Find a stage's call by name, in nested models if the outermost has none."""
    if None in graph.inputs[0].shape[1:]:
        return _find_layer(form, graph, name)
    path = _find_stage(form, graph, name).path
    return next(call for call in graph.calls if call.path == path)


def _find_layer(form: keras.Model, graph: CallGraph, name: str) -> LayerCall:
    """Find a layer by its whole name: stages are found by shapes, which open image sizes lack."""
    found = [call for call in graph.calls if call.path == name]
    found = found or [call for call in graph.calls if call.path.endswith(f"/{name}")]
    if len(found) == 1 and len(found[0].outputs) == 1:
        return found[0]
    raise InputError(
        f"stage {name!r} is no layer of model {form.name!r}, or not one alone: in a model for "
        "images of any size, give the whole name of a layer with one output"
    )


def _find_stage(form: keras.Model, graph: CallGraph, name: str) -> Stage:
    try:
        return resolve_stages(form, [name])[0]
    except InputError as error:
        found = {}
        for call in graph.calls:
            if call.nested:
                try:
                    stage = resolve_stages(form, [f"{call.path}/{name}"])[0]
                    found[stage.path] = stage
                except InputError:
                    continue
        if len(found) > 1:
            paths = ", ".join(found)
            raise InputError(f"stage {name!r} may be any of {paths}: give one of them") from None
        if not found:
            raise error
        return next(iter(found.values()))


def _kept(remove: Any, filters: int, name: str) -> np.ndarray:
    """The filters to keep, bool (F,)."""
    array = np.asarray(remove)
    keep = np.ones(filters, bool)
    if array.dtype == bool and array.shape == (filters,):
        keep = ~array
    elif array.size and (array.dtype.kind not in "iu" or array.ndim != 1):
        raise InputError(
            f"`remove` must be indices or {filters} bools, one for each filter of stage {name!r}; "
            f"received an array of shape {array.shape} and dtype {array.dtype}"
        )
    elif array.size:
        if array.min() < 0 or array.max() >= filters:
            raise InputError(
                f"`remove` must hold indices from 0 to {filters - 1}, the filters of stage "
                f"{name!r}; received {array.min()} to {array.max()}"
            )
        if np.unique(array).size < array.size:
            raise InputError(
                f"`remove` holds an index more than once, of {array.size}: give {filters} bools or "
                "distinct indices"
            )
        keep[array] = False
    if not keep.any():
        raise InputError(
            f"`remove` names all {filters} filters of stage {name!r}: leave at least one"
        )
    return keep


def _maker(graph: CallGraph, stage: LayerCall, name: str) -> LayerCall:
    """Go back from a stage's output to the layer that makes its filters."""
    made_by = {id(t): call for call in graph.calls if not call.nested for t in call.outputs}
    tensor = stage.outputs[0]
    while id(tensor) in made_by:
        call = made_by[id(tensor)]
        if channels.puts_out_filters(call.operation):
            return call
        (tensor, *others) = call.inputs
        if others or not channels.passes_filters(call.operation, len(tensor.shape)):
            joins = f"mixes filters of {1 + len(others)} tensors before the stage"
            raise _refusal(name, call, joins if others else channels.why_no_maker(call.operation))
    raise InputError(f"stage {name!r} follows no convolution or dense layer: it has no filters")


def _exchanges_behind(
    graph: CallGraph, maker: LayerCall, keep: np.ndarray, name: str
) -> dict[int, Exchange]:
    """Follow the filters left from their maker to the layers that sum over them."""
    # Whether each element of a tensor is left: it need not be on the last axis.
    left = {id(maker.outputs[0]): np.broadcast_to(keep, _sizes(maker.outputs[0]))}
    exchanges: dict[int, Exchange] = {}
    for call in graph.calls:
        here = [left[id(tensor)] for tensor in call.inputs if id(tensor) in left]
        if not here or call.nested:
            continue
        layer, shape = call.operation, call.inputs[0].shape
        exchange = None
        if len(call.inputs) > 1:
            raise _refusal(name, call, "reads them together with other inputs")
        if channels.moves_filters(layer, len(shape)) and None not in shape[1:]:
            moved = here[0].reshape(-1)[source_elements(call)]
            left[id(call.outputs[0])] = moved.reshape(call.outputs[0].shape[1:])
            continue
        rows = here[0].reshape(-1, shape[-1])
        if not (rows == rows[0]).all():
            raise _refusal(name, call, "reads them along another axis than the last")
        if channels.passes_filters(layer, len(shape)):
            exchange = channels.with_fewer_filters(layer, rows[0])
            left[id(call.outputs[0])] = np.broadcast_to(rows[0], _sizes(call.outputs[0]))
        elif channels.reads_filters(layer):
            exchange = channels.without_inputs(layer, rows[0])
        else:
            raise _refusal(name, call, "may need all of them")
        if exchange is not None:
            exchanges[id(layer)] = exchange
    if any(id(tensor) in left for tensor in graph.outputs):
        raise InputError(
            f"filters of stage {name!r} cannot be removed: the model puts them out; put a "
            "head on it first"
        )
    return exchanges


def _sizes(tensor: Any) -> list[int]:
    """A tensor's shape behind the batch axis; open sizes, along which all is alike, as 1."""
    return [size or 1 for size in tensor.shape[1:]]


def _refusal(name: str, call: LayerCall, why: str) -> InputError:
    return InputError(
        f"filters of stage {name!r} cannot be removed: layer {call.path!r} "
        f"({type(call.operation).__name__}) {why}; choose a stage whose outputs go straight to "
        "the next convolution or head"
    )
