"""Whose filters the elements of a network's tensors are, behind all that only passes them."""

import dataclasses
from collections import Counter
from collections.abc import Iterator
from typing import Any

import numpy as np

from sfp_keras.models.filter_axes import FilterAxes, filter_axes, move_numbers
from sfp_keras.models.graph import CallGraph, LayerCall
from sfp_keras.traits import LayerTraits, traits_of
from sfp_keras.traits.elementwise import passes_each_filter

# The number of what belongs to the image: no stage has made it.
IMAGE = -1


@dataclasses.dataclass(frozen=True, eq=False)
class FilterGroup:
    """Filters that one call makes, or that it adds up of several tensors.

    Attributes:
        maker: the call.
        stage: the call at which the filters are measured: the last with positions that only
            passes them, before they are read, joined, added or read by several.
        first: number of the first filter, among all filters of a network.
        size: how many there are.
        end: the tensor behind all calls that only pass the filters; at most one call reads each
            tensor before it.
    """

    maker: LayerCall
    stage: LayerCall
    first: int
    size: int
    end: Any


@dataclasses.dataclass(frozen=True, eq=False)
class FilterSources:
    """Where filters come from, and which filter each element of a tensor belongs to.

    Attributes:
        groups: the groups of filters, input side first.
        numbers: by a tensor's `id`, an int array of the shape of its output for one image: the
            filter's number among all filters of the network, or `IMAGE`.
        unknown: by a tensor's `id`, why its filters are not known, in words.
    """

    groups: tuple[FilterGroup, ...]
    numbers: dict[int, np.ndarray]
    unknown: dict[int, str]

    def groups_of(self, numbers: np.ndarray) -> tuple[FilterGroup, ...]:
        """The groups that filters belong to, by their first appearance."""
        starts = [group.first for group in self.groups]
        places = np.searchsorted(starts, numbers[numbers != IMAGE], side="right") - 1
        return tuple(self.groups[place] for place in dict.fromkeys(places.tolist()))


def filter_sources(graph: CallGraph) -> FilterSources:
    """Follow the filters of every group through a network.

    Args:
        graph: `CallGraph`. Sizes that it leaves open count as 1: filters are the same all along.

    Returns:
        `FilterSources`. What is not known to be made of filters, such as what an unknown layer
        makes of the image, belongs to the image.
    """
    walk = _Walk(graph, filter_axes(graph), readers_of(graph))
    for tensor in graph.inputs:
        walk.numbers[id(tensor)] = np.broadcast_to(np.int64(IMAGE), _sizes(tensor))
    for call in graph.calls:
        if not call.nested:
            walk.follow(call)
    return FilterSources(tuple(walk.groups), walk.numbers, walk.unknown)


def along(numbers: np.ndarray, axis: int) -> np.ndarray | None:
    """The numbers along one axis, counted with the batch's as 0, where they are alike elsewhere."""
    rows = np.moveaxis(numbers, axis - 1, -1)
    row = rows[(0,) * (rows.ndim - 1)]
    return row if not any(rows.strides[:-1]) or bool((rows == row).all()) else None


def is_image(numbers: np.ndarray) -> bool:
    """Whether all elements belong to the image."""
    return bool((numbers == IMAGE).all())


def readers_of(graph: CallGraph) -> dict[int, list[LayerCall | None]]:
    """By a tensor's `id`, the calls that read it; `None` stands for the model's output."""
    readers: dict[int, list[LayerCall | None]] = {}
    for call in graph.calls:
        if not call.nested:
            for tensor in call.inputs:
                readers.setdefault(id(tensor), []).append(call)
    for tensor in graph.outputs:
        readers.setdefault(id(tensor), []).append(None)
    return readers


def traits_of_call(call: LayerCall) -> LayerTraits | None:
    """The traits of a call's kind; a function of one tensor that is not known is tried."""
    traits = traits_of(call.operation)
    if traits is None and passes_each_filter(call):
        return LayerTraits("passed", alone=False, positions="window")
    return traits


@dataclasses.dataclass
class _Walk:
    graph: CallGraph
    axes: FilterAxes
    readers: dict[int, list[LayerCall | None]]
    groups: list[FilterGroup] = dataclasses.field(default_factory=list)
    numbers: dict[int, np.ndarray] = dataclasses.field(default_factory=dict)
    unknown: dict[int, str] = dataclasses.field(default_factory=dict)
    tried: dict[int, LayerTraits | None] = dataclasses.field(default_factory=dict)

    def follow(self, call: LayerCall) -> None:
        """Number the filters of what a call puts out."""
        why = next((self.unknown[id(t)] for t in call.inputs if id(t) in self.unknown), "")
        traits = self._traits(call)
        made = traits is not None and traits.filters_of(call.operation) == "made"
        found = None if why and not made else self._numbers(call, traits)
        if found is not None:
            for tensor, numbers in zip(call.outputs, found, strict=True):
                self.numbers[id(tensor)] = numbers
            return
        kind = type(call.operation).__name__
        why = why or f"layer {call.path!r} ({kind}) " + (
            "is of a kind that is not known: say by sfp_keras.models.register_traits what "
            f"{kind} does with filters"
            if traits is None
            else "puts out several tensors that it makes"
            if len(call.outputs) > 1
            else "mixes filters with positions"
        )
        self.unknown.update((id(tensor), why) for tensor in call.outputs)

    def _traits(self, call: LayerCall) -> LayerTraits | None:
        if id(call) not in self.tried:
            self.tried[id(call)] = traits_of_call(call)
        return self.tried[id(call)]

    def _numbers(self, call: LayerCall, traits: LayerTraits | None) -> list[np.ndarray] | None:
        """The numbers of what a call puts out; `None` where they are not known."""
        inputs = [self.numbers.get(id(tensor)) for tensor in call.inputs]
        filters = traits.filters_of(call.operation) if traits is not None else None
        of_image = all(numbers is not None and is_image(numbers) for numbers in inputs)
        if of_image and filters != "made" and not _has_kernel(call):
            return [np.broadcast_to(np.int64(IMAGE), _sizes(t)) for t in call.outputs]
        known = [numbers for numbers in inputs if numbers is not None]
        if filters == "moved":
            return move_numbers(call, known)
        if len(call.outputs) != 1 or filters is None:
            return None
        (output,) = call.outputs
        found = None
        if filters == "joined":
            found = self._joined(call, known, output)
        elif filters == "passed" and len(call.inputs) == 1:
            found = self._passed(call.inputs[0], known[0], output)
        elif filters is not None:
            found = self._new_group(call, output)
        return None if found is None else [found]

    def _passed(self, tensor: Any, numbers: np.ndarray, output: Any) -> np.ndarray | None:
        if tuple(tensor.shape[1:]) == tuple(output.shape[1:]):
            return numbers
        before, after = (self._filter_axis(t) for t in (tensor, output))
        if before is None or after is None:
            return None
        row = along(numbers, before)
        if row is None or output.shape[after] != row.size:
            return None
        return _spread(row, output, after)

    def _joined(self, call: LayerCall, numbers: list[np.ndarray], output: Any) -> np.ndarray | None:
        axis = self._filter_axis(output)
        rows = [row for row in (along(one, one.ndim) for one in numbers) if row is not None]
        row = np.concatenate([np.empty(0, np.int64), *rows])
        if axis == len(output.shape) - 1 and row.size == output.shape[axis]:
            return _spread(row, output, axis)
        moved = move_numbers(call, numbers)
        if moved is None:
            return None
        (found,) = moved
        if axis is None:
            return found  # Of flattened maps each element is known.
        # Some at some positions and others at others: each filter is of all of them.
        return self._new_group(call, output) if along(found, axis) is None else found

    def _filter_axis(self, tensor: Any) -> int | None:
        """The axis of a tensor that numbers its filters, where one does."""
        order = self.axes.orders.get(id(tensor), (len(tensor.shape) - 1,))
        return None if order is None else order[-1]

    def _new_group(self, call: LayerCall, output: Any) -> np.ndarray | None:
        axis = self._filter_axis(output)
        if axis is None:
            return None
        first = self.groups[-1].first + self.groups[-1].size if self.groups else 0
        size = int(output.shape[axis])
        stage, end = call, output
        for passing in self._passing(output):
            traits = self._traits(passing)
            if traits is not None and traits.positions != "padded":
                # Padding belongs to the layer behind it.
                stage = passing
            end = passing.outputs[0]
        self.groups.append(FilterGroup(call, stage, first, size, end))
        return _spread(np.arange(first, first + size), output, axis)

    def _passing(self, tensor: Any) -> Iterator[LayerCall]:
        """The calls behind a tensor that pass its filters and keep positions, one after another."""
        while True:
            readers = self.readers.get(id(tensor), [])
            call = readers[0] if len(readers) == 1 else None
            if call is None or len(call.inputs) != 1 or len(call.outputs) != 1:
                return
            traits = self._traits(call)
            output = call.outputs[0]
            if traits is None or traits.filters_of(call.operation) != "passed":
                return
            if traits.positions == "all" or len(output.shape) != len(tensor.shape):
                return
            yield call
            tensor = output


def _spread(numbers: np.ndarray, tensor: Any, axis: int) -> np.ndarray:
    """Numbers along one axis of a tensor, the same at all positions."""
    shape = [1] * (len(tensor.shape) - 1)
    shape[axis - 1] = -1
    return np.broadcast_to(numbers.reshape(shape), _sizes(tensor))


def _sizes(tensor: Any) -> list[int]:
    """A tensor's shape behind the batch axis; open sizes, along which all is alike, as 1."""
    return [size or 1 for size in tensor.shape[1:]]


def _has_kernel(call: LayerCall) -> bool:
    return any(len(weight.shape) > 1 for weight in getattr(call.operation, "weights", ()))


def called_once(graph: CallGraph) -> set[int]:
    """The `id` of the layers that a network calls once."""
    times = Counter(id(call.operation) for call in graph.calls)
    return {key for key, count in times.items() if count == 1}
