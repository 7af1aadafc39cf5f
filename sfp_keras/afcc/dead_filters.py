"""Filters that change nothing in what a network puts out, and the network without them."""

import dataclasses
from collections.abc import Iterator

import keras
import numpy as np

from sfp_keras.afcc import channels
from sfp_keras.afcc.constants import Constants
from sfp_keras.afcc.filter_ties import FilterTies
from sfp_keras.afcc.smaller_network import without_filters
from sfp_keras.models.filter_sources import called_once
from sfp_keras.models.graph import LayerCall, call_graph, layer_path, require_functional


@dataclasses.dataclass(frozen=True, eq=False)
class DeadFilters:
    """The filters of a network that change nothing in what it puts out.

    Attributes:
        dead: by path of each layer that makes filters which can be removed, bool (F,), true for
            those that change nothing.
        kept: by path of such a layer, why some filters stay that are the same for every image, in
            words.
    """

    dead: dict[str, np.ndarray]
    kept: dict[str, str]

    @property
    def number(self) -> int:
        """How many dead filters there are in all."""
        return sum(int(dead.sum()) for dead in self.dead.values())


def dead_filters(model: keras.Model) -> DeadFilters:
    """Find the filters that can be removed without a change of the network's outputs.

    Those that nothing reads, because all weights that read them are zero or belong to filters
    that are dead themselves; and those that put out the same for every image, because their own
    weights are zero, where that constant is zero or can be added to the biases of what reads
    it. Filters that are added or multiplied (residual sums, squeeze-and-excitation) are dead where
    all of the same number are, nodes of `AttentionHeads` where all of their head are.

    Example:

    ```
    found = dead_filters(mask_layers(model, masks))
    {layer: int(dead.sum()) for layer, dead in found.dead.items()}
    ```

    Args:
        model: a functional or sequential `keras.Model` with one input; nested ones are entered.

    Returns:
        `DeadFilters`. Each layer keeps one filter at least.

    Raises:
        InputError: if the model has no graph, or several inputs.
    """
    search = _Search(FilterTies(call_graph(model)))
    return search.found()


def remove_dead_filters(model: keras.Model) -> keras.Model:
    """Make a copy of a model without its `dead_filters`: smaller, faster, with equal outputs.

    Example:

    ```
    smaller = remove_dead_filters(strip_masks(masked))
    network_report(model).beside(masked=masked, smaller=smaller)
    ```

    Args:
        model: a functional or sequential `keras.Model` with one input, also with masked layers,
            whose masks are cut with them. It is left as it is.

    Returns:
        A functional `keras.Model` of new layers, not compiled, whose outputs at inference are the
        model's up to rounding. A layer without a bias gets one where a constant goes into it.

    Raises:
        InputError: as `dead_filters`, or if a layer with dead filters is quantized.
    """
    form = require_functional(model)
    search = _Search(FilterTies(call_graph(form)))
    return without_filters(form, search.ties, ~search.alive, search.added())


class _Search:
    """The filters that are alive: by their numbers in `ties`, bool (size,)."""

    def __init__(self, ties: FilterTies):
        self.ties = ties
        self.constants = Constants(ties)
        self._pins = ties.pins()
        self._once = called_once(ties.graph)
        self._reads = {id(call): self._needed(call) for call in self._kernels()}
        self._spared: set[int] = set()
        self.alive = self._living()
        while spared := self._to_spare():
            self._spared |= spared
            self.alive = self._living()

    def found(self) -> DeadFilters:
        """The dead filters, by layer."""
        dead, kept = {}, {}
        for call in self.ties.makers():
            path = layer_path(call.path)
            numbers = self.ties.filters(call.outputs[0])
            dead[path] = ~self.alive[numbers]
            why = self._why_kept(numbers)
            if why:
                kept[path] = why
        return DeadFilters(dead, kept)

    def added(self) -> dict[int, np.ndarray]:
        """By a layer's `id`, what the constants that go add to its bias."""
        added = {}
        for call in self._kernels():
            filters = self.ties.filters(call.inputs[0])
            gone = ~self.alive[filters] & self.constants.filters(call.inputs[0])
            values = self.constants.of(call.inputs[0])
            if not channels.adds_constants(call.operation):
                continue  # Their weights of what goes are zero.
            if values is None or not gone.any() or not np.nan_to_num(values)[..., gone].any():
                continue
            if id(call.operation) in self._once:
                contribution = self.constants.contribution(call, gone)
                outputs = self.alive[self.ties.filters(call.outputs[0])]
                if contribution[outputs].any():
                    added[id(call.operation)] = contribution
        return added

    def _kernels(self) -> Iterator[LayerCall]:
        for call in self.ties.graph.calls:
            if self.ties.roles.get(id(call)) == "kernel":
                yield call

    def _needed(self, call: LayerCall) -> np.ndarray:
        """bool (inputs, outputs): whether an output that is alive needs an input."""
        alike = self.constants.contributes_alike(call)
        if id(call.operation) not in self._once:
            # One bias cannot hold what several calls read, unless that is nothing.
            values = self.constants.of(call.inputs[0])
            zero = False if values is None else (values == 0).reshape(-1, values.shape[-1]).all(0)
            alike &= np.broadcast_to(zero, alike.shape[:1])[:, None]
        return channels.kernel_between(call.operation).any(axis=0) & ~alike

    def _living(self) -> np.ndarray:
        """Follow what is needed from the filters that must stay to all that they read."""
        alive = np.zeros(self.ties.size, bool)
        alive[[*self._pins, *self._spared]] = True
        calls = list(self._kernels())[::-1]
        before = -1
        while before != (before := int(alive.sum())):
            for call in calls:
                outputs = alive[self.ties.filters(call.outputs[0])]
                needed = self._reads[id(call)][:, outputs].any(axis=1)
                alive[self.ties.filters(call.inputs[0])[needed]] = True
        return alive

    def _to_spare(self) -> set[int]:
        """The filters to be kept that are dead: a layer must have one, and a mask keep a weight."""
        # Masks of single filters first: one of theirs may be all that a layer in front needs.
        spared = self._spared_by_each()
        if spared:
            return spared
        for call in self._kernels():
            made = self.ties.filters(call.outputs[0])
            if not self.alive[made].any():
                spared.add(int(made[0]))
                continue
            mask = channels.mask_between(call.operation)
            read = self.ties.filters(call.inputs[0])
            if (
                mask is not None
                and mask.any()
                and not mask[np.ix_(self.alive[read], self.alive[made])].any()
            ):
                # The weight for which fewest are kept that are dead.
                price = np.where(mask, (~self.alive)[read][:, None] + 0 + ~self.alive[made], 3)
                row, column = np.unravel_index(int(price.argmin()), price.shape)
                spared |= {int(read[row]), int(made[column])}
        return spared

    def _spared_by_each(self) -> set[int]:
        """`_to_spare` for masks of layers that make each filter of one, such as depthwise ones."""
        spared: set[int] = set()
        for call in self.ties.graph.calls:
            each = None
            if self.ties.roles.get(id(call)) == "passed":
                each = channels.mask_of_each(call.operation)
            if each is not None and each.any():
                filters = self.ties.filters(call.outputs[0])
                if not each[self.alive[filters]].any():
                    spared.add(int(filters[each.argmax()]))
        return spared

    def _why_kept(self, made: np.ndarray) -> str:
        """Why filters of a layer that are the same for every image are not dead."""
        for call in self._kernels():
            read = self.ties.filters(call.inputs[0])
            outputs = self.alive[self.ties.filters(call.outputs[0])]
            constant = self.constants.filters(call.inputs[0]) & np.isin(read, made)
            needed = constant & self._reads[id(call)][:, outputs].any(axis=1)
            if needed.any():
                many = f"{int(needed.sum())} are the same for every image and not zero"
                return f"{many}; {self._why_not_added(call)}, so that its bias cannot hold it"
        return ""

    def _why_not_added(self, call: LayerCall) -> str:
        if id(call.operation) not in self._once:
            return f"{call.path!r} is called more than once"
        if not channels.adds_constants(call.operation):
            return f"{call.path!r} is a {type(call.operation).__name__}"
        return f"for {call.path!r} it is not the same at all positions, because of zero padding"
