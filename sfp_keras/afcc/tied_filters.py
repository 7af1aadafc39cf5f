"""Which filters of a network can only be removed together, and which cannot be removed."""

import dataclasses
from collections.abc import Iterable
from typing import Any

import numpy as np

from sfp_keras.afcc import channels
from sfp_keras.models.filter_sources import (
    IMAGE,
    FilterSources,
    along,
    called_once,
    traits_of_call,
)
from sfp_keras.models.graph import CallGraph, LayerCall


@dataclasses.dataclass(frozen=True, eq=False)
class TiedFilters:
    """Sets of filters that can only be removed together, as those that a residual sum adds.

    Attributes:
        sets: int (filters,): the number of the set that each filter is in, of all filters of
            `FilterSources`.
        bound: by the number of a set, why none of it can be removed: the path of a call and, in
            words, what it does.
    """

    sets: np.ndarray
    bound: dict[int, tuple[str, str]]

    def removable(self, wanted: np.ndarray) -> np.ndarray:
        """Of the filters that are to go, bool (filters,), those all of whose set is to go too."""
        kept_sets = np.union1d(self.sets[~wanted], np.array(list(self.bound), int))
        return wanted & ~np.isin(self.sets, kept_sets)


def tied_filters(graph: CallGraph, sources: FilterSources) -> TiedFilters:
    """Find which filters of a network can only be removed together.

    Args:
        graph: `CallGraph` of the network.
        sources: `FilterSources` of it.

    Returns:
        `TiedFilters`.
    """
    ties = _Ties(sources, np.arange(sum(group.size for group in sources.groups)))
    makers = {id(group.maker) for group in sources.groups}
    once = called_once(graph)
    for call in graph.calls:
        if call.nested:
            continue
        traits = traits_of_call(call)
        filters = "made" if traits is None else traits.filters_of(call.operation)
        weights = getattr(call.operation, "weights", [])
        if weights and id(call.operation) not in once:
            ties.bind(call, (*call.inputs, *call.outputs), "is called more than once")
        elif filters == "made":
            if not channels.reads_filters(call.operation) or len(call.inputs) > 1:
                ties.bind(call, call.inputs, "may need all of them")
            if not channels.puts_out_filters(call.operation):
                ties.bind(call, call.outputs, channels.why_no_maker(call.operation))
        elif not _goes_on_with_fewer(call, filters):
            ties.bind(call, call.inputs, "may need all of them")
        if filters != "made" and id(call) in makers:
            for tensor in call.inputs:
                ties.tie(call, tensor)
    for tensor in graph.outputs:
        for call in graph.calls:
            if any(output is tensor for output in call.outputs):
                ties.bind(call, [tensor], "puts them out for the whole model")
    sets = np.unique(ties.parents(), return_inverse=True)[1]
    return TiedFilters(sets, {int(sets[one]): why for one, why in ties.bound.items()})


def _goes_on_with_fewer(call: LayerCall, filters: str) -> bool:
    """Whether a call that passes, moves or joins filters does so where there are fewer."""
    layer, rank = call.operation, len(call.inputs[0].shape)
    if filters == "joined" or (filters == "passed" and len(call.inputs) > 1):
        return True
    passes = channels.moves_filters if filters == "moved" else channels.passes_filters
    return passes(layer, rank)


@dataclasses.dataclass
class _Ties:
    """Sets of numbers that grow together: each number leads to a smaller one of its set."""

    sources: FilterSources
    leads_to: np.ndarray
    bound: dict[int, tuple[str, str]] = dataclasses.field(default_factory=dict)

    def tie(self, call: LayerCall, tensor: Any) -> None:
        """Tie the filters that a call makes to those of their number in a tensor that it reads."""
        read, made = map(self._row, (tensor, call.outputs[0]))
        if made is None or read is None or read.size not in (1, made.size):
            self.bind(call, [tensor, *call.outputs], "adds other filters at other places")
        elif read.size < made.size:
            self.bind(call, [tensor], "reads one filter for all others")
        elif (read == IMAGE).any():
            self.bind(call, call.outputs, "adds the image to them")
        else:
            for pair in zip(read, made, strict=True):
                low, high = sorted(map(self._root, pair))
                self.leads_to[high] = low

    def bind(self, call: LayerCall, tensors: Iterable[Any], why: str) -> None:
        """Note why no filter of some tensors can be removed."""
        for tensor in tensors:
            numbers = self.sources.numbers.get(id(tensor), np.empty(0, int))
            for number in np.unique(numbers[numbers != IMAGE]).tolist():
                self.bound.setdefault(number, (call.path, why))

    def _row(self, tensor: Any) -> np.ndarray | None:
        numbers = self.sources.numbers.get(id(tensor))
        return None if numbers is None else along(numbers, numbers.ndim)

    def parents(self) -> np.ndarray:
        """By each number, the smallest of its set."""
        return np.array([self._root(number) for number in range(len(self.leads_to))], int)

    def _root(self, number: int) -> int:
        while self.leads_to[number] != number:
            number = self.leads_to[number]
        return int(number)
