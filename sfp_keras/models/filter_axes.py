"""Where filters are in a tensor, behind layers that move axes or mix them.

Layers put filters last. Permute, transpose and reshape move them: networks that were ported from
PyTorch flatten with the filters first. The last axis then holds image columns.
"""

import dataclasses
import math
from collections.abc import Iterable
from typing import Any

import keras
import numpy as np
from keras import layers, ops

from sfp_keras.models.graph import CallGraph, LayerCall
from sfp_keras.traits import inherited_traits, traits_of


@dataclasses.dataclass(frozen=True, eq=False)
class FilterAxes:
    """The tensors of a graph whose last axis is not their filters.

    Attributes:
        orders: by a tensor's `id`: the axes, counted from 1 behind the batch axis, in the order
            that puts the filters last (as `keras.layers.Permute` takes them); `None` where no
            axis has the filters, because they are mixed with positions.
        moving: `id` of the calls that move numbers and compute nothing, and whose input or output
            is such a tensor.
    """

    orders: dict[int, tuple[int, ...] | None]
    moving: frozenset[int]

    def mixes(self, tensor: Any) -> bool:
        """Whether no axis of a tensor has the filters."""
        return self.orders.get(id(tensor), ()) is None

    def hides(self, call: LayerCall) -> bool:
        """Whether a call is no stage: it mixes filters, or only moves them from the last axis."""
        tensor = call.outputs[0]
        return self.mixes(tensor) or (id(tensor) in self.orders and id(call) in self.moving)


def filter_axes(graph: CallGraph) -> FilterAxes:
    """Follow the filters through all calls of a graph.

    Args:
        graph: `CallGraph` for images of a fixed size.

    Returns:
        `FilterAxes`; empty for a network that keeps filters last.
    """
    # By a tensor's id, the number of the filter that each element of one image belongs to.
    filters: dict[int, np.ndarray] = {}
    moving = set()
    for call in graph.calls:
        if call.nested or len(call.outputs) != 1 or not _known(call):
            continue
        moved = any(id(tensor) in filters for tensor in call.inputs)
        found: np.ndarray | None
        if moves_axes(call):
            found = _moved(call, [_filters_of(call.inputs[0], filters)])
            if moved or (found is not None and not _is_last(found)):
                moving.add(id(call))
        elif moved:
            found = _computed(call, filters)
        elif _own(call.operation) and len(call.inputs) == 1 and not _has_kernel(call.operation):
            found = _reduced(call, _filters_of(call.inputs[0], filters))
        else:
            continue
        if found is not None and not _is_last(found):
            filters[id(call.outputs[0])] = found
    return FilterAxes({key: _order(found) for key, found in filters.items()}, frozenset(moving))


def moves_axes(call: LayerCall) -> bool:
    """Whether a call puts each number of its one input somewhere else and computes nothing."""
    operation = call.operation
    if len(call.inputs) != 1 or len(call.outputs) != 1:
        return False
    traits = traits_of(operation)
    if traits is not None and traits.filters == "moved":
        return True
    shapes = [tensor.shape[1:] for tensor in (*call.inputs, *call.outputs)]
    if getattr(operation, "weights", ()) or not _known(call):
        return False
    if math.prod(shapes[0]) != math.prod(shapes[1]) or not (
        _own(operation) or shapes[0] != shapes[1]
    ):
        return False
    return _sources(call) is not None


def _own(operation: Any) -> bool:
    """Whether a Lambda or a layer of the user's own, which may transpose, among other things."""
    if isinstance(operation, layers.Lambda):
        return True
    return not type(operation).__module__.startswith("keras.") and traits_of(operation) is None


def source_elements(call: LayerCall) -> np.ndarray:
    """Where a call that moves axes takes each number from.

    Args:
        call: a call of `moves_axes`.

    Returns:
        (n,) int64: for each element of its output, flattened, the place in its flattened input.
    """
    return _run(call, [_numbers(call.inputs[0])]).reshape(-1).astype(np.int64)


def move_numbers(call: LayerCall, inputs: Iterable[np.ndarray]) -> list[np.ndarray] | None:
    """What a call that only moves, splits or joins numbers makes of whole numbers, one image each.

    Args:
        call: such a call.
        inputs: int arrays of the shapes of its inputs, without the batch axis.

    Returns:
        int64 array of each output's shape without the batch axis; `None` where it cannot be run.
    """
    try:
        found = _run_all(call, [np.asarray(numbers, np.int32)[None] for numbers in inputs])
    # A backend raises what it likes.
    except Exception:
        return None
    if any(array.shape[0] != 1 for array in found):
        return None
    return [array[0].astype(np.int64) for array in found]


def _sources(call: LayerCall) -> np.ndarray | None:
    """`source_elements` of any call, or `None` where it computes something."""
    numbers = _numbers(call.inputs[0])
    try:
        found = _run(call, [numbers]).reshape(-1)
        again = _run(call, [numbers.size - 1 - numbers]).reshape(-1)
    # The user's code, or an operation that takes no integers.
    except Exception:
        return None
    if not np.array_equal(np.sort(found), np.arange(numbers.size)):
        return None
    return found if np.array_equal(again, numbers.size - 1 - found) else None


def _computed(call: LayerCall, filters: dict[int, np.ndarray]) -> np.ndarray | None:
    """The filters behind a call that computes from moved ones; `None` where they are last."""
    shape = call.outputs[0].shape[1:]
    traits = traits_of(call.operation)
    if traits is not None and traits.filters == "joined":
        return _joined(call, filters)
    moved = next(filters[id(tensor)] for tensor in call.inputs if id(tensor) in filters)
    same = [_filters_of(tensor, filters) for tensor in call.inputs if tensor.shape[1:] == shape]
    mixed_images = moved.shape[0] != 1
    # Flattened positions that are scaled are positions still; other layers make nodes of them.
    makes_nodes = len(shape) == 1 and not (mixed_images or inherited_traits(call.operation).linear)
    if same and not _has_kernel(call.operation) and not makes_nodes:
        if all(np.array_equal(found, same[0]) for found in same):
            return same[0]
    elif mixed_images:
        # Filters of its own, of images that are still mixed.
        return np.broadcast_to(np.arange(shape[-1], dtype=np.int32), (moved.shape[0], *shape))
    elif len(call.inputs) == 1 and not same and not _has_kernel(call.operation):
        return _reduced(call, moved)
    return None


def _joined(call: LayerCall, filters: dict[int, np.ndarray]) -> np.ndarray | None:
    parts, first = [], 0
    for tensor in call.inputs:
        parts.append(_filters_of(tensor, filters) + first)
        first = int(parts[-1].max()) + 1
    return _moved(call, parts)


def _reduced(call: LayerCall, filters: np.ndarray) -> np.ndarray | None:
    """The filters behind pooling or a mean: the axis along which outputs follow one filter."""
    order = _order(filters)
    if order is None or filters.shape[0] != 1:
        return None
    count = filters.shape[order[-1]]
    images = np.random.default_rng(0).uniform(1, 2, filters.shape).astype(np.float32)
    output = _moved(call, [images])
    if output is None:
        return None
    changed = []
    for place in (0, count - 1):
        other = np.moveaxis(images.copy(), order[-1], -1)
        other[..., place] += 1
        changed.append(_run(call, [np.moveaxis(other, -1, order[-1])]) != output)
    for axis in range(1, output.ndim):
        places = np.arange(count).reshape([-1 if a == axis else 1 for a in range(output.ndim)])
        if output.shape[axis] == count and all(
            np.array_equal(changed[i], np.broadcast_to(places == place, output.shape))
            for i, place in enumerate((0, count - 1))
        ):
            return np.broadcast_to(places, output.shape)
    return None


def _has_kernel(operation: Any) -> bool:
    """Whether a layer sums over its last axis: its outputs are filters of their own."""
    if isinstance(operation, layers.PReLU):
        return False
    return any(len(weight.shape) > 1 for weight in getattr(operation, "weights", ()))


def _known(call: LayerCall) -> bool:
    """Whether all sizes but the batch's are known."""
    return all(None not in tensor.shape[1:] for tensor in (*call.inputs, *call.outputs))


def _moved(call: LayerCall, arrays: Iterable[np.ndarray]) -> np.ndarray | None:
    """What a call that moves numbers puts out; `None` where it cannot be run on one image."""
    try:
        return _run(call, arrays)
    # A backend raises what it likes.
    except Exception:
        return None


def _run(call: LayerCall, arrays: Iterable[np.ndarray]) -> np.ndarray:
    return _run_all(call, arrays)[0]


def _run_all(call: LayerCall, arrays: Iterable[np.ndarray]) -> list[np.ndarray]:
    outputs = call.run(*(ops.convert_to_tensor(array) for array in arrays))
    return [np.asarray(ops.convert_to_numpy(one)) for one in keras.tree.flatten(outputs)]


def _numbers(tensor: Any) -> np.ndarray:
    shape = (1, *tensor.shape[1:])
    return np.arange(int(np.prod(shape)), dtype=np.int32).reshape(shape)


def _filters_of(tensor: Any, filters: dict[int, np.ndarray]) -> np.ndarray:
    found = filters.get(id(tensor))
    if found is None:
        shape = (1, *tensor.shape[1:])
        found = np.broadcast_to(np.arange(shape[-1], dtype=np.int32), shape)
    return found


def _is_last(filters: np.ndarray) -> bool:
    return filters.ndim > 1 and _is_at(filters, filters.ndim - 1)


def _order(filters: np.ndarray) -> tuple[int, ...] | None:
    for axis in reversed(range(1, filters.ndim)):
        if _is_at(filters, axis):
            return (*(a for a in range(1, filters.ndim) if a != axis), axis)
    return None


def _is_at(filters: np.ndarray, axis: int) -> bool:
    """Whether an axis holds the filters: each place of it another one, alike at all positions."""
    if filters.shape[0] != 1:
        return False  # Images are mixed too.
    rows = np.moveaxis(filters, axis, -1).reshape(-1, filters.shape[axis])
    return bool((rows == rows[0]).all()) and np.unique(rows[0]).size == rows.shape[1]
