"""Removing filters of a stage from the network, which makes it smaller and faster."""

from typing import Any

import keras
import numpy as np

from sfp_keras.afcc import channels
from sfp_keras.afcc.filter_ties import NO_FILTERS, FilterTies, Pin
from sfp_keras.afcc.smaller_network import without_filters
from sfp_keras.errors import InputError
from sfp_keras.filters import FilterClusters, check_clusters
from sfp_keras.models.graph import CallGraph, LayerCall, call_graph, require_functional
from sfp_keras.models.rebuilding import rebuild
from sfp_keras.probing import Stage, resolve_stages


def unused_filters(clusters: FilterClusters) -> np.ndarray:
    """Find the filters of a stage that have no cluster, all of whose weights AFCC masks.

    Args:
        clusters: `FilterClusters` of the stage.

    Returns:
        bool (F,), true for filters in no cluster.
    """
    check_clusters(clusters)
    return np.logical_not(clusters.in_cluster.any(axis=1))


def prune_filters(model: keras.Model, stage: Stage | str, remove: Any) -> keras.Model:
    """Make a copy of a model without some filters of a stage.

    The filters of the convolution (or dense layer) that makes the stage are removed, with their
    batch norm, and so is all that reads them, also behind pooling, dropout, flattening and
    concatenations: input channels of the next convolutions, or rows of a dense head and of its
    mask. Where a stage's filters are added to others (a residual sum) or multiplied by them,
    those of the same number go everywhere in the sum. Nodes of `AttentionHeads` go by whole
    heads. The copy has the model's outputs where the removed filters contribute nothing: all of
    them put out zeros, or the weights that read them are zero, as those of an AFCC head are for
    `unused_filters`. `remove_dead_filters` finds such filters.

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
            layer needs the filters where they are: one that computes all of them together
            (softmax, layer normalization, attention, a grouped convolution), one whose kind is
            not known, or the model's output.
    """
    if not isinstance(stage, str | Stage):
        raise InputError(f"`stage` must be a Stage or its name, not {type(stage).__name__}")
    form = require_functional(model)
    graph = call_graph(form)
    name = stage if isinstance(stage, str) else stage.path
    found, axes = _find(form, graph, name)
    shape = found.outputs[0].shape
    keep = _kept(remove, int(shape[axes[-1] if axes else -1]), name)
    if keep.all():
        return rebuild(form, {})
    ties = FilterTies(graph)
    filters = _filters_of(ties, found, axes, name)
    gone = np.zeros(ties.size, bool)
    gone[filters[~keep]] = True
    pins = ties.pins()
    for number in filters[~keep].tolist():
        if number in pins:
            raise _refusal(name, pins[number])
    _check_heads(ties, name, filters, keep)
    for maker in ties.makers():
        if gone[ties.filters(maker.outputs[0])].all():
            raise _refusal(name, Pin(maker, "makes no other filters than these"))
    return without_filters(form, ties, gone)


def _check_heads(ties: FilterTies, name: str, filters: np.ndarray, keep: np.ndarray) -> None:
    """Refuse to remove only some of the nodes of an attention head, which all would go.

    Filters that a stage has twice, such as those of a sum beside what it adds, may be named once.
    """
    of_heads = [
        ties.filters(maker.outputs[0])
        for maker in ties.makers()
        if channels.filters_together(maker.operation) > 1
    ]
    gone = np.intersect1d(filters[~keep], np.concatenate([np.empty(0, int), *of_heads]))
    more = np.flatnonzero(keep & np.isin(filters, gone))
    if more.size:
        raise InputError(
            f"`remove`: {more.size} more filters of stage {name!r}, such as {more[0]}, would go "
            "with these: name all the nodes of an attention head, or none"
        )


def _filters_of(ties: FilterTies, call: LayerCall, axes: tuple[int, ...], name: str) -> np.ndarray:
    """The numbers of a stage's filters."""
    (output,) = call.outputs
    numbers = ties.elements(output)
    if axes:
        full = np.broadcast_to(numbers, output.shape[1:])
        numbers = np.transpose(full, [axis - 1 for axis in axes])
    rows = numbers.reshape(-1, numbers.shape[-1])
    if not (rows == rows[0]).all():
        raise _refusal(name, Pin(call, "mixes them with positions"))
    return rows[0]


def _find(form: keras.Model, graph: CallGraph, name: str) -> tuple[LayerCall, tuple[int, ...]]:
    """Find a stage's call by name, in nested models if the outermost has none.

    Returns:
        The call, and the order of the axes of its output that puts filters last; empty where
        they are last.
    """
    if None in graph.inputs[0].shape[1:]:
        return _find_layer(form, graph, name), ()
    stage = _find_stage(form, graph, name)
    return next(call for call in graph.calls if call.path == stage.path), stage.axes


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


def _refusal(name: str, pin: Pin) -> InputError:
    why = pin.why
    if pin.call is not None:
        kind = type(pin.call.operation).__name__
        why = f"layer {pin.call.path!r} ({kind}) {why}"
    elif pin is NO_FILTERS:
        return InputError(f"stage {name!r} {why}")
    return InputError(f"filters of stage {name!r} cannot be removed: {why}")
