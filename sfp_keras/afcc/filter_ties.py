"""Which filters of a network are removed together, and which must stay."""

import dataclasses
from collections.abc import Iterator, Sequence
from typing import Any, Literal

import keras
import numpy as np
from keras import layers

from sfp_keras.afcc import channels
from sfp_keras.models.filter_axes import source_elements
from sfp_keras.models.filter_sources import called_once
from sfp_keras.models.graph import CallGraph, LayerCall
from sfp_keras.traits import traits_of

# What a call does with filters of which some may go: "kernel" sums over them, with a kernel;
# "passed" and "moved" as in LayerTraits; "merged" computes each of those of its number in several
# tensors; "joined" puts those of several tensors one behind another; "other" needs them all.
Role = Literal["kernel", "passed", "moved", "merged", "joined", "other"]


@dataclasses.dataclass(frozen=True, eq=False)
class Pin:
    """Why filters must stay.

    Attributes:
        call: the call that needs them; `None` for the model's inputs and outputs.
        why: a verb, of which the layer is the subject.
    """

    call: LayerCall | None
    why: str


NO_FILTERS = Pin(None, "follows no convolution or dense layer: it has no filters")
OUTPUT = Pin(None, "the model puts them out; put a head on it first")


class FilterTies:
    """Filters that stand and fall together: of a sum, of a layer's several calls, of a head.

    Attributes:
        graph: the `CallGraph`.
        roles: by a call's `id`, its `Role`.
    """

    def __init__(self, graph: CallGraph):
        self.graph = graph
        self.roles: dict[int, Role] = {}
        self._parents: list[int] = []
        self._pins: dict[int, Pin] = {}
        # By a tensor's id, the number of the filter that each element of one image belongs to;
        # an axis is 1 where it is the same all along.
        self._numbers: dict[int, np.ndarray] = {}
        self._once = called_once(graph)
        self._first_calls: dict[int, tuple[list[np.ndarray], np.ndarray]] = {}
        for tensor in graph.inputs:
            self._numbers[id(tensor)] = self._new(tensor, NO_FILTERS)
        for call in graph.calls:
            self._follow(call)
        for tensor in graph.outputs:
            self._pin(self._numbers[id(tensor)], OUTPUT)
        self._roots = np.array([self._root(one) for one in range(len(self._parents))])

    @property
    def size(self) -> int:
        """One more than the largest number of a filter."""
        return len(self._roots)

    def pins(self) -> dict[int, Pin]:
        """Why filters must stay, by the number that stands for all that are tied to them."""
        return {int(self._roots[number]): pin for number, pin in self._pins.items()}

    def filters(self, tensor: Any) -> np.ndarray:
        """int, along a tensor's last axis: which filters these are, the same for tied ones."""
        return self._roots[_along(self._numbers[id(tensor)])]

    def elements(self, tensor: Any) -> np.ndarray:
        """int, of the shape of one image or with axes of 1: `filters` for every element."""
        return self._roots[self._numbers[id(tensor)]]

    def makers(self) -> Iterator[LayerCall]:
        """The calls that make filters which may go."""
        for call in self.graph.calls:
            if self.roles.get(id(call)) == "kernel" and channels.puts_out_filters(call.operation):
                yield call

    def _follow(self, call: LayerCall) -> None:
        inputs = [self._numbers[id(tensor)] for tensor in call.inputs]
        several = id(call.operation) not in self._once
        if call.nested:
            if several:
                self._tie_calls(call, inputs, inputs[0])
            return
        role = self.roles[id(call)] = _role(call)
        found: np.ndarray | str = "may need all of them"
        if role == "moved":
            found = self._moved(call, inputs[0])
        elif role in ("merged", "joined"):
            found = self._merged(call, inputs) if role == "merged" else self._joined(call, inputs)
        elif role != "other":
            found = "reads them along another axis than the last"
            if _is_last(inputs[0]):
                found = _along(inputs[0]) if role == "passed" else self._made(call)
        elif len(inputs) > 1:
            found = "reads them together with other inputs"
        if isinstance(found, str):
            self.roles[id(call)] = "other"
            for numbers in inputs:
                self._pin(numbers, Pin(call, found))
            pin = Pin(call, channels.why_no_maker(call.operation))
            for tensor in call.outputs:
                self._numbers[id(tensor)] = self._new(tensor, pin)
            return
        # One ReLU or pooling may stand behind many layers.
        own = getattr(call.operation, "weights", ()) or type(call.operation) is layers.Reshape
        if several and (own or role == "kernel"):
            found = self._tie_calls(call, inputs, found)
        (output,) = call.outputs
        rank = len(output.shape) - 1
        self._numbers[id(output)] = found.reshape((1,) * (rank - found.ndim) + found.shape)

    def _made(self, call: LayerCall) -> np.ndarray:
        (output,) = call.outputs
        if channels.puts_out_filters(call.operation):
            first, together = len(self._parents), channels.filters_together(call.operation)
            self._parents += range(first, first + int(output.shape[-1]) // together)
            return np.arange(first, len(self._parents)).repeat(together)
        return self._new(output, Pin(call, channels.why_no_maker(call.operation)))

    def _new(self, tensor: Any, pin: Pin) -> np.ndarray:
        """One number for all that a tensor holds, for it must stay."""
        number = len(self._parents)
        self._parents.append(number)
        self._pins[number] = pin
        sizes = [1] * (len(tensor.shape) - 2) + [tensor.shape[-1] or 1]
        return np.full(sizes, number) if len(tensor.shape) > 1 else np.full((), number)

    def _moved(self, call: LayerCall, numbers: np.ndarray) -> np.ndarray | str:
        before, after = (tensors[0].shape[1:] for tensors in (call.inputs, call.outputs))
        found = np.broadcast_to(numbers, before).reshape(-1)[source_elements(call)]
        found = found.reshape(after)
        if type(call.operation) is layers.Reshape and not _is_last(found):
            return "mixes them with positions"
        return found

    def _merged(self, call: LayerCall, inputs: Sequence[np.ndarray]) -> np.ndarray | str:
        if not all(len(tensor.shape) > 1 for tensor in call.inputs):
            return "needs it for all the others"
        size = call.outputs[0].shape[-1]
        # A single filter that is added to all others, or multiplies them, is not one of them.
        for tensor, numbers in zip(call.inputs, inputs, strict=True):
            if tensor.shape[-1] == 1 and size != 1:
                self._pin(numbers, Pin(call, "needs it for all the others"))
        same = [one for one in inputs if one.shape[-1] == size]
        return self._tied(call, same)

    def _joined(self, call: LayerCall, inputs: Sequence[np.ndarray]) -> np.ndarray | str:
        (output,) = call.outputs
        axis = call.operation.axis
        last = axis in (-1, len(output.shape) - 1)
        if not all(map(_is_last, inputs)):
            return "joins them along another axis than theirs"
        if last:
            return np.concatenate([_along(numbers) for numbers in inputs])
        return self._tied(call, [_along(numbers) for numbers in inputs])

    def _tied(self, call: LayerCall, inputs: Sequence[np.ndarray]) -> np.ndarray:
        first, *others = np.broadcast_arrays(*inputs)
        for other in others:
            self._tie(first, other, Pin(call, "reads them together with filters that must stay"))
        return first

    def _tie_calls(
        self, call: LayerCall, inputs: Sequence[np.ndarray], output: np.ndarray
    ) -> np.ndarray:
        """Tie what a call reads and puts out to what an earlier call of its layer does."""
        here = list(inputs), output
        before = self._first_calls.setdefault(id(call.operation), here)
        if before is here:
            return output
        pin = Pin(call, "is called more than once")
        for old, new in zip([*before[0], before[1]], [*inputs, output], strict=True):
            if old.shape[-1:] != new.shape[-1:] or not (_is_last(old) and _is_last(new)):
                self._pin(old, pin)
                self._pin(new, pin)
            elif old.ndim:
                self._tie(_along(old), _along(new), pin)
        return output

    def _tie(self, numbers: np.ndarray, others: np.ndarray, pin: Pin) -> None:
        pairs = np.stack([numbers.reshape(-1), others.reshape(-1)])
        for a, b in np.unique(pairs, axis=1).T.tolist():
            a, b = self._root(a), self._root(b)
            if a == b:
                continue
            self._parents[b] = a
            found = [self._pins.pop(one) for one in (a, b) if one in self._pins]
            if found:
                self._pins[a] = pin if found[0] is NO_FILTERS else found[0]

    def _pin(self, numbers: np.ndarray, pin: Pin) -> None:
        for number in np.unique(numbers).tolist():
            self._pins.setdefault(self._root(number), pin)

    def _root(self, number: int) -> int:
        while self._parents[number] != number:
            self._parents[number] = self._parents[self._parents[number]]
            number = self._parents[number]
        return number


def _role(call: LayerCall) -> Role:
    operation, traits = call.operation, traits_of(call.operation)
    if len(call.outputs) != 1:
        return "other"
    filters = traits.filters_of(operation) if traits is not None else "made"
    if len(call.inputs) > 1:
        ranks = {len(tensor.shape) for tensor in (*call.inputs, *call.outputs)}
        if filters == "passed" and len(ranks) == 1 and _only_numbers(call):
            return "merged"
        joins = filters == "joined" and isinstance(getattr(operation, "axis", None), int)
        return "joined" if joins and len(ranks) == 1 else "other"
    shape = call.inputs[0].shape
    if channels.reads_filters(operation):
        return "kernel"
    moves = channels.moves_filters(operation, len(shape)) or type(operation) is layers.Reshape
    if moves and None not in (*shape[1:], *call.outputs[0].shape[1:]):
        return "moved"
    if channels.passes_filters(operation, len(shape)) or _with_numbers(call):
        return "passed"
    return "other"


def _with_numbers(call: LayerCall) -> bool:
    """Whether an operation adds a number to each element, multiplies it by one, or the like."""
    traits = traits_of(call.operation)
    if isinstance(call.operation, layers.Layer) or traits is None or traits.filters != "passed":
        return False
    return traits.alone is True and _only_numbers(call)


def _only_numbers(call: LayerCall) -> bool:
    """Whether a call is given no arrays beside its inputs: theirs may have one number a filter."""
    arguments = call.node.arguments
    rest = keras.tree.flatten([arguments.args, arguments.kwargs])
    others = [one for one in rest if not isinstance(one, keras.KerasTensor)]
    return all(np.ndim(one) == 0 for one in others)


def _along(numbers: np.ndarray) -> np.ndarray:
    """The numbers along the last axis, where they are the same at all positions."""
    return numbers.reshape(-1, numbers.shape[-1])[0] if numbers.ndim else numbers


def _is_last(numbers: np.ndarray) -> bool:
    if not numbers.ndim:
        return False
    rows = numbers.reshape(-1, numbers.shape[-1])
    return bool((rows == rows[0]).all())
