"""What each kind of layer does with filters, in one place that all analyses of networks read."""

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any, Literal

from keras import layers

from sfp_keras.errors import InputError

Filters = Literal["made", "passed", "moved", "joined"]
# All multiply-adds, and those of weights that are not zero.
Operations = tuple[float, float]
Count = Callable[[Any, Sequence[int], Sequence[int]], Operations]


@dataclasses.dataclass(frozen=True)
class KernelAxes:
    """Where a layer's one kernel has the filters that it reads and those that it makes.

    Attributes:
        inputs: axes of the kernel that number filters it sums over, counted from the last as -1;
            none where each filter has a kernel of its own.
        output: axis of the kernel that numbers the filters it puts out.
        reads: the axes of the layer's input that `inputs` stand for, counted from the last.
        groups: number of groups of a grouped convolution, each of which reads its own inputs.
        count: the layer's argument that is the number of filters it makes; empty where it has
            none.
    """

    inputs: tuple[int, ...] = (-2,)
    output: int = -1
    reads: tuple[int, ...] = (-1,)
    groups: int = 1
    count: str = ""


@dataclasses.dataclass(frozen=True)
class LayerTraits:
    """What a kind of layer does with filters, which are the last axis of its inputs.

    Example: a layer that multiplies each filter by a number of its own, and one that mixes them.

    ```
    register_traits(Gain, LayerTraits("passed"))
    register_traits(Mixer, LayerTraits("made"))
    ```

    Attributes:
        filters: where the filters of the outputs come from, or a function of the layer that says
            so. `"passed"`: each output filter is the input filter of its number, changed, and
            where there are several inputs, those of its number in all of them. `"moved"`:
            numbers are put elsewhere and nothing is computed. `"joined"`: the inputs' filters
            stand one behind another. `"made"`: they are new, of all the inputs' filters.
        alone: whether what a layer that passes or moves filters makes of one depends neither on
            the others nor on their number, so that some can be removed before it, its own weights
            with them on their last axis; or a function of the layer and of the number of axes of
            its input.
        positions: which positions each output is computed from: `"same"`, `"window"` as of
            pooling, `"all"` as of global pooling; `"padded"` where some are added that no input
            has.
        linear: how a layer that passes filters is linear at inference, a constant apart:
            `"identity"`, `"scaled"` by a number for each filter, `"averaged"` over positions;
            `None` where it is not, or this does not say.
        only_in_training: whether a call with training=True depends on chance or changes weights.
        kernel: of a layer with one kernel, its weight `kernel`: a function that gives the
            `KernelAxes` of a layer, or `None` where its outputs' last axis is not made of axes of
            its input.
        multiply_adds: a function of the layer and of the shapes of its input and its output, the
            batch's axis first: the multiply-adds for one input, all and those of weights that are
            not zero. `None` where they are not known.
        heads: of layers whose filters are nodes of attention heads, one head behind another: a
            function of the layer that gives the number of heads.
        called: what one of the filters that a layer makes is called, `"branch"`; empty where it
            is a filter of a map, or a node.
    """

    filters: Filters | Callable[[Any], Filters]
    alone: bool | Callable[[Any, int], bool] = True
    positions: Literal["same", "window", "all", "padded"] = "same"
    linear: Literal["identity", "scaled", "averaged"] | None = None
    only_in_training: bool = False
    kernel: Callable[[Any], KernelAxes | None] | None = None
    multiply_adds: Count | None = None
    heads: Callable[[Any], int] | None = None
    called: str = ""

    def filters_of(self, layer: Any) -> Filters:
        """Where the filters come from that a layer of this kind puts out."""
        return self.filters(layer) if callable(self.filters) else self.filters

    def alone_in(self, layer: Any, rank: int) -> bool:
        """Whether a layer of this kind computes each filter of an input of `rank` axes alone."""
        return self.alone(layer, rank) if callable(self.alone) else self.alone

    def kernel_of(self, layer: Any) -> KernelAxes | None:
        """The axes of a layer's kernel, where it has one."""
        return None if self.kernel is None else self.kernel(layer)


_KINDS: dict[type | str, LayerTraits] = {}
_NOT_KNOWN = LayerTraits("made", alone=False)


def register_traits(kind: type | str, traits: LayerTraits) -> None:
    """Say what a kind of layer does with filters.

    Args:
        kind: class of layers; subclasses are kinds of their own. Or the name of the class of a
            Keras operation, which is not public: `"Add"` is that of `keras.ops.add` and of `+`.
        traits: `LayerTraits`. They take the place of any that the kind has.

    Raises:
        InputError: if the kind is neither a class of layers nor a name.
    """
    if not isinstance(kind, str) and not (
        isinstance(kind, type) and issubclass(kind, layers.Layer)
    ):
        raise InputError(
            "`kind` must be a class of layers, or the name of the class of a Keras operation; "
            f"received {kind!r}"
        )
    _KINDS[kind] = traits


def traits_of(layer: Any) -> LayerTraits | None:
    """The traits of a layer's or Keras operation's kind, or `None` where they are not known."""
    return traits_of_kind(type(layer))


def traits_of_kind(kind: type) -> LayerTraits | None:
    """The traits of a class of layers or Keras operations, or `None` where they are not known."""
    # Exactly this class: a subclass may do anything with its filters.
    return _KINDS.get(kind if issubclass(kind, layers.Layer) else kind.__name__)


def inherited_traits(layer: Any) -> LayerTraits:
    """The traits of a layer's kind or of the nearest one that it is derived from.

    For what a subclass is not expected to change. Those of what is not known say nothing.
    """
    return next(filter(None, map(traits_of_kind, type(layer).__mro__)), _NOT_KNOWN)
