"""Links: the kernels between stages, and which of their weights join filters of a common label."""

import dataclasses
import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

import keras
import numpy as np

from sfp_keras.errors import InputError
from sfp_keras.filters import FilterClusters
from sfp_keras.layers import MASKED_LAYERS, CompactDense, MaskedKernel
from sfp_keras.models.filter_sources import (
    IMAGE,
    FilterGroup,
    FilterSources,
    called_once,
    filter_sources,
    is_image,
    readers_of,
    traits_of_call,
)
from sfp_keras.models.graph import CallGraph, LayerCall, call_graph, layer_path
from sfp_keras.traits import KernelAxes, traits_of

Labels = FilterClusters | np.ndarray


@dataclasses.dataclass(frozen=True, eq=False)
class Link:
    """A kernel between the filters of stages and the filters that it makes of them, or the labels.

    Attributes:
        layer: path of the layer that has the kernel, as `mask_layers` takes it.
        name: short name: that of the target stage where layers are numbered (`layer8` of
            `layer8_conv`), else the path with `.` for `/`.
        sources: paths of the stages whose filters it reads.
        source_sizes: how many filters each of them has.
        target: path of the stage of the filters that it makes; `None` where these are the labels,
            which the network puts out.
        inputs: int (inputs,): for each of the filters that the kernel reads, and each of their
            positions where they are flattened, which of the sources' filters it is, those of all
            sources counted one behind another.
        kernel_shape: shape of the kernel.
        axes: `KernelAxes` of the layer: which axes of the kernel these are.
    """

    layer: str
    name: str
    sources: tuple[str, ...]
    source_sizes: tuple[int, ...]
    target: str | None
    inputs: np.ndarray
    kernel_shape: tuple[int, ...]
    axes: KernelAxes = dataclasses.field(repr=False)

    @property
    def num_outputs(self) -> int | None:
        """How many numbers the network puts out that the link leads to; `None` for filters."""
        return None if self.target is not None else self.kernel_shape[self.axes.output]

    def mask(self, labels: Mapping[str, Labels]) -> np.ndarray:
        """Find the kernel's weights between filters that share a label.

        Example:

        ```
        masked = mask_layers(model, {link.layer: link.mask(labels)})
        ```

        Args:
            labels: by path of the sources and of the target, or by path with `.` for `/`, as
                `probe` names stages: the `FilterClusters` of the stage, or a bool array (filters,
                labels).

        Returns:
            bool, true where a weight is kept, with the axes of the kernel, each as long as the
            kernel's or 1; as `mask_layers` takes it.

        Raises:
            InputError: if a stage is missing, or its labels do not fit.
        """
        if not isinstance(labels, Mapping):
            raise InputError(
                "`labels` must be a dict from paths of stages to what their filters work for, "
                f"received {type(labels).__name__}"
            )
        sources = [_of_stage(labels, path) for path in self.sources]
        for path, size, found in zip(self.sources, self.source_sizes, sources, strict=True):
            if len(found) != size:
                raise InputError(
                    f"`labels` are of {len(found)} filters of {path}, of which the link "
                    f"{self.name!r} reads {size}"
                )
        source = np.concatenate(sources)
        target = None if self.target is None else _of_stage(labels, self.target)
        kept = link_mask(source, target)[self.inputs]
        made = self.kernel_shape[self.axes.output]
        if kept.shape[1] != made:
            raise InputError(
                f"`labels` are of {kept.shape[1]} {'labels' if target is None else 'filters'}, "
                f"and the link {self.name!r} makes {made}"
            )
        return self.in_kernel(kept)

    def in_kernel(self, kept: np.ndarray) -> np.ndarray:
        """Put values of inputs and outputs into the axes of the kernel.

        Args:
            kept: (inputs, outputs); a value for each input that `inputs` numbers, and each filter
                that is made.

        Returns:
            The values with the axes of the kernel, each as long as the kernel's or 1.
        """
        axes, rank = self.axes, len(self.kernel_shape)
        if axes.groups > 1:
            # The filters of each group read its own inputs alone.
            blocks = kept.reshape(axes.groups, -1, axes.groups, kept.shape[1] // axes.groups)
            own = np.arange(axes.groups)
            kept = np.moveaxis(blocks[own, :, own], 0, 1).reshape(blocks.shape[1], -1)
        sizes = [self.kernel_shape[axis] for axis in axes.inputs]
        kept = kept.reshape(*sizes, -1)
        places = [axis % rank for axis in (*axes.inputs, axes.output)]
        others = [axis for axis in range(rank) if axis not in places]
        kept = kept.reshape(*kept.shape, *(1 for _ in others))
        return np.moveaxis(kept, range(rank), [*places, *others])


def link_mask(source: Labels, target: Labels | None = None) -> np.ndarray:
    """Find which filters of two stages share a label: the kernels between them that AFCC keeps.

    A filter without a cluster shares none.

    Args:
        source: `FilterClusters` of the stage that is read, or bool (F_s, K).
        target: those of the stage that is made, (F_t, K). `None` for the labels themselves.

    Returns:
        bool (F_s, F_t), or (F_s, K); true where a kernel is kept.

    Raises:
        InputError: if the two are of different labels.

    Source: the group's later paper on pruning between layers (arXiv 2501.12880).
    """
    of_source = _membership(source, "source")
    if target is None:
        return of_source
    of_target = _membership(target, "target")
    if of_source.shape[1] != of_target.shape[1]:
        raise InputError(
            f"`source` has {of_source.shape[1]} labels and `target` {of_target.shape[1]}: give "
            "those of one data set"
        )
    # The number of labels shared is exact in float32.
    return of_source.astype(np.float32) @ of_target.T.astype(np.float32) > 0


def links(model: keras.Model) -> tuple[Link, ...]:
    """Find the kernels of a network between filters and filters, or filters and labels.

    Filters are followed through what passes them (normalization, activations, pooling, dropout,
    depthwise convolutions), moves them (flattening) or joins them. What is added or multiplied of
    several tensors has filters of its own, which are measured behind the sum. The kernels of
    layers that read the image are no links, nor are those that `mask_layers` cannot mask:
    `unlinked_kernels` says why.

    Example:

    ```
    [(link.layer, link.sources, link.target) for link in links(model)]
    ```

    Args:
        model: a functional or sequential `keras.Model` with one input.

    Returns:
        The links, input side first.

    Raises:
        InputError: if there are none, or the model has no graph, or several inputs.
    """
    found, left_out = _search(model)
    if not found:
        raise InputError(
            f"model {model.name!r} has no link between filters that a mask can go on: "
            + ("; ".join(left_out.values()) or "fewer than two layers have kernels")
        )
    return found


def unlinked_kernels(model: keras.Model) -> dict[str, str]:
    """Say of which layers that read filters the kernels are no links.

    Args:
        model: as `links` takes it.

    Returns:
        dict from a layer's path to why, in words.

    Raises:
        InputError: if the model has no graph, or several inputs.
    """
    return _search(model)[1]


def _search(model: keras.Model) -> tuple[tuple[Link, ...], dict[str, str]]:
    graph = call_graph(model)
    sources = filter_sources(graph)
    groups = {id(group.maker): group for group in sources.groups}
    once, readers = called_once(graph), readers_of(graph)
    found, left_out = [], {}
    for call in graph.calls:
        if call.nested or not _joins_filters(call) or _reads_image(call, sources):
            continue
        link: Link | str = "is called more than once, with one kernel for all calls"
        if id(call.operation) in once:
            link = _link(graph, call, sources, groups.get(id(call)), readers)
        if isinstance(link, str):
            left_out[layer_path(call.path)] = f"layer {call.path!r} {link}"
        else:
            found.append(link)
    return tuple(found), left_out


def _link(
    graph: CallGraph,
    call: LayerCall,
    sources: FilterSources,
    group: FilterGroup | None,
    readers: Mapping[int, Any],
) -> Link | str:
    """The link of a call with a kernel, or why it has none."""
    layer = call.operation
    unknown = [sources.unknown[id(t)] for t in call.inputs if id(t) in sources.unknown]
    if unknown:
        return f"reads what cannot be followed to filters: {unknown[0]}"
    traits = traits_of(layer)
    axes = traits.kernel_of(layer) if traits is not None else None
    if not isinstance(layer, MaskedKernel) and type(layer) not in {k.plain for k in MASKED_LAYERS}:
        kinds = ", ".join(kind.plain.__name__ for kind in MASKED_LAYERS)
        return (
            f"is a {type(layer).__name__}, and masks go on the one kernel of {kinds} layers that "
            "the model itself calls: build it of these"
        )
    if axes is None or group is None or len(call.inputs) != 1:
        return "does not sum over its input's filters to make its output's last axis"
    numbers = sources.numbers[id(call.inputs[0])]
    reads = [numbers.ndim + axis for axis in axes.reads]
    rows = np.moveaxis(numbers, reads, range(-len(reads), 0))
    rows = rows.reshape(-1, math.prod(rows.shape[-len(reads) :]))
    if not (rows == rows[0]).all():
        return "reads filters along another axis than theirs, each output of other ones"
    if (rows[0] == IMAGE).any():
        return "reads the image beside filters"
    of_labels = _makes_labels(group, readers)
    groups = sources.groups_of(rows[0])
    stages, sizes = zip(*((one.stage.path, one.size) for one in groups), strict=True)
    target = None if of_labels else group.stage.path
    path = layer_path(call.path)
    name = _short_name(graph, path, group.stage.path)
    shape = tuple(int(n) for n in layer.kernel.shape)
    inputs = _end_to_end(rows[0], groups)
    return Link(path, name, stages, sizes, target, inputs, shape, axes)


def _end_to_end(numbers: np.ndarray, groups: Sequence[FilterGroup]) -> np.ndarray:
    """Filters' numbers among those of some groups, counted one behind another."""
    inputs = np.empty(numbers.size, np.int64)
    before = 0
    for group in groups:
        own = (numbers >= group.first) & (numbers < group.first + group.size)
        inputs[own] = numbers[own] - group.first + before
        before += group.size
    return inputs


def _makes_labels(group: FilterGroup, readers: Mapping[int, Any]) -> bool:
    """Whether the model puts out a group's filters as they are, as the numbers of labels."""
    tensor = group.end
    linear = group.stage is group.maker and _is_linear(group.maker)
    while True:
        after = readers.get(id(tensor), [])
        if after == [None]:
            # A stage with positions that is pooled at the end is the output of a body without a
            # head, unless its filters come as a classifier's do.
            flat = len(group.maker.outputs[0].shape) == 2
            return flat or (linear and tuple(tensor.shape[1:]) == (group.size,))
        if len(after) != 1 or after[0] is None or len(after[0].inputs) != 1:
            return False
        traits = traits_of_call(after[0])
        if traits is None or traits.filters_of(after[0].operation) not in ("passed", "moved"):
            return False
        tensor = after[0].outputs[0]


def _is_linear(call: LayerCall) -> bool:
    activation = getattr(call.operation, "activation", None)
    return activation in (None, keras.activations.linear, keras.activations.softmax)


def _joins_filters(call: LayerCall) -> bool:
    """Whether a call has a kernel between filters, not one for each filter alone."""
    if isinstance(call.operation, CompactDense):
        return True  # Its weights have one axis.
    if not any(len(weight.shape) > 1 for weight in getattr(call.operation, "weights", ())):
        return False
    traits = traits_of_call(call)
    if traits is None:
        return True
    axes = traits.kernel_of(call.operation)
    alone = axes is not None and not axes.inputs
    return traits.filters_of(call.operation) == "made" and not alone


def _reads_image(call: LayerCall, sources: FilterSources) -> bool:
    """Whether a call reads nothing but the image."""
    return all(
        id(tensor) in sources.numbers and is_image(sources.numbers[id(tensor)])
        for tensor in call.inputs
    )


def _short_name(graph: CallGraph, layer: str, stage: str) -> str:
    """`layer8`, where that is the name of the target stage, else the layer's path."""
    numbered = re.match(r"((?:layer|stage)\d+)_[^/]*$", stage)
    if numbered:
        with_prefix = [c.path for c in graph.calls if c.path.startswith(f"{numbered[1]}_")]
        if with_prefix[-1] == stage:
            return numbered[1]
    return layer.replace("/", ".")


def _of_stage(labels: Mapping[str, Labels], path: str) -> np.ndarray:
    name = path if path in labels else path.replace("/", ".")
    if name not in labels:
        known = ", ".join(map(repr, labels)) or "none"
        raise InputError(f"`labels` has none of stage {path!r}; there are those of {known}")
    return _membership(labels[name], "labels")


def _membership(labels: Labels, argument: str) -> np.ndarray:
    """bool (F, K): the labels in a cluster of each filter."""
    if isinstance(labels, FilterClusters):
        return labels.in_cluster
    array = np.asarray(labels)
    if array.ndim != 2 or array.dtype != bool:
        raise InputError(
            f"`{argument}` must be FilterClusters or a bool array (filters, labels), received an "
            f"array of shape {array.shape} and dtype {array.dtype}"
        )
    return array
