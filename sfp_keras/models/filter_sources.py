"""Whose filters the elements of a network's tensors are, behind all that only passes them."""

import dataclasses
from collections import Counter
from collections.abc import Iterator
from typing import Any

import numpy as np

from sfp_keras.models.filter_axes import FilterAxes, filter_axes, move_numbers
from sfp_keras.models.graph import CallGraph, LayerCall
from sfp_keras.models.traits import LayerTraits, traits_of
from sfp_keras.models.traits.elementwise import passes_each_filter

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

    def group_of(self, number: int) -> FilterGroup:
        """The group that a filter's number belongs to."""
        return next(g for g in reversed(self.groups) if g.first <= number)


def filter_sources(graph: CallGraph) -> FilterSources:
    """Follow the filters of every group through a network.

    Args:
        graph: `CallGraph` for images of a fixed size.

    Returns:
        `FilterSources`. What is not known to be made of filters, such as what an unknown layer
        makes of the image, belongs to the image.
    """
    walk = _Walk(graph, filter_axes(graph), readers_of(graph))
    for tensor in graph.inputs:
        walk.numbers[id(tensor)] = np.broadcast_to(np.int64(IMAGE), tensor.shape[1:])
    for call in graph.calls:
        if not call.nested:
            walk.follow(call)
    return FilterSources(tuple(walk.groups), walk.numbers, walk.unknown)


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
        why = why or (
            f"layer {call.path!r} ({kind}) is of a kind that is not known: say by "
            f"sfp_keras.models.register_traits what {kind} does with filters"
            if traits is None
            else f"layer {call.path!r} ({kind}) mixes filters with positions"
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
        of_image = all(numbers is not None and (numbers == IMAGE).all() for numbers in inputs)
        if of_image and (filters not in ("made",) and not _has_kernel(call)):
            return [np.broadcast_to(np.int64(IMAGE), t.shape[1:]) for t in call.outputs]
        if len(call.outputs) != 1 or filters is None:
            return None
        (output,) = call.outputs
        found = None
        known = [numbers for numbers in inputs if numbers is not None]
        if filters in ("moved", "joined"):
            found = move_numbers(call, known)
            if found is not None and filters == "joined" and not self._separate(found, output):
                found = self._new_group(call, output)
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
        along = np.moveaxis(numbers, before - 1, -1).reshape(-1, tensor.shape[before])
        if not (along == along[0]).all() or output.shape[after] != along.shape[1]:
            return None
        return _spread(along[0], output, after)

    def _separate(self, numbers: np.ndarray, output: Any) -> bool:
        """Whether joined filters stand one behind another, not some at some positions."""
        axis = self._filter_axis(output)
        if axis is None:
            return True  # Of flattened maps each element is known.
        along = np.moveaxis(numbers, axis - 1, -1).reshape(-1, output.shape[axis])
        return bool((along == along[0]).all())

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
    return np.broadcast_to(numbers.reshape(shape), tensor.shape[1:])


def _has_kernel(call: LayerCall) -> bool:
    return any(len(weight.shape) > 1 for weight in getattr(call.operation, "weights", ()))


def called_once(graph: CallGraph) -> set[int]:
    """The `id` of the layers that a network calls once."""
    times = Counter(id(call.operation) for call in graph.calls)
    return {key for key, count in times.items() if count == 1}
