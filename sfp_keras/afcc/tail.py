"""Splitting a network before the layers that are fine-tuned."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import keras
import numpy as np

from sfp_keras.errors import InputError
from sfp_keras.models.graph import functional_form, labelled_nodes, require_functional
from sfp_keras.models.rebuilding import check_not_quantized, copy_weights, remade
from sfp_keras.probing import Stage, StageView, apply_layers, cut_stages
from sfp_keras.probing.cutting import filters_last
from sfp_keras.traits import inherited_traits


@dataclasses.dataclass(frozen=True, eq=False)
class SplitNetwork:
    """A network up to a stage, in two parts with copied weights.

    Attributes:
        prefix: frozen model from images to the tail's inputs, or `None` where the tail begins at
            the images.
        tail: model from there to the stage's output; only layers asked for are trainable.
    """

    prefix: keras.Model | None
    tail: keras.Model

    @property
    def frozen(self) -> keras.Model:
        """The prefix, or a model that hands the images on."""
        if self.prefix is not None:
            return self.prefix
        inputs = keras.Input(self.tail.input_shape[1:])
        return keras.Model(inputs, keras.layers.Identity()(inputs))

    def copy_of_tail(self, dtype: str = "float32") -> keras.Model:
        """The tail on copies of its layers that compute in another dtype policy."""
        copy = _copy(self.tail, self.tail.name, dtype)
        for old, new in zip(self.tail.layers, copy.layers, strict=True):
            new.trainable = old.trainable
        return copy

    def whole(self, name: str, layers: Sequence[keras.layers.Layer]) -> keras.Model:
        """The network from images through the frozen part and then these layers."""
        parts = [*([] if self.prefix is None else [self.prefix]), *layers]
        inputs = keras.Input(parts[0].input_shape[1:], name="image")
        x: Any = inputs
        for part in parts:
            x = part(x)
        return keras.Model(inputs, x, name=name)


def split_network(
    model: keras.Model,
    stage: Stage,
    trainable: Sequence[str],
    pool: str | None = None,
    pooling: Mapping[str, np.ndarray] | None = None,
) -> SplitNetwork:
    """Split a network where its frozen part ends, on copies of its layers.

    The tail begins at the last single tensor that all later layers depend on before the first
    trainable layer.

    Args:
        model: a functional `keras.Model`.
        stage: `Stage` whose output ends the tail.
        trainable: names of the layers to train; empty for none, `["all"]` for all up to the
            stage.
        pool: `str`. What a head reads of the stage's output, as `cut_stages` takes it, or `None`.
        pooling: weights of a pooling that was trained with the head, which trains with it further;
            `None` for new ones.

    Returns:
        A `SplitNetwork`; all other layers, batch norms among them, are frozen in inference mode.

    Raises:
        InputError: if a layer is unknown or behind the stage, or the stage lies in a nested model,
            or the tail has quantized layers.
    """
    form = require_functional(model)
    nodes = labelled_nodes(form)
    labels = [label for label, _ in nodes]
    view = StageView(stage.name, stage.output_shape, pool or "")
    learnt = view.learnt() if pooling is None else view.trained(pooling)
    if stage.path not in labels:
        if trainable:
            raise InputError(
                f"`trainable`: stage {stage.name!r} lies inside a nested model, of which no layer "
                "can be trained; fine-tune the head alone"
            )
        cut = cut_stages(model, [stage], {stage.name: pool} if pool else None)
        return _frozen(cut, learnt, model.name)
    end = labels.index(stage.path)
    before = nodes[: end + 1]
    names = {node.operation.name for _, node in before}
    every = list(trainable) == ["all"]
    for name in [] if every else trainable:
        if name not in names:
            last = list(dict.fromkeys(node.operation.name for _, node in before))[-6:]
            raise InputError(
                f"`trainable`: {name!r} is no layer before stage {stage.name!r}; the last are "
                + ", ".join(last)
            )
    first = 0
    if not every:
        first = next(
            (i for i, (_, n) in enumerate(before) if n.operation.name in trainable), end + 1
        )
    start = last_single_tensor(form, before, first)
    output = filters_last(stage, nodes[end][1].outputs[0])
    output = apply_layers([*view.fixed(), *learnt], output)
    inputs = form.inputs[0]
    prefix = None
    if start is not inputs:
        prefix = _copy(keras.Model(inputs, start), f"{model.name}_prefix")
        prefix.trainable = False
    if start is output:
        tail = keras.Sequential([keras.Input(output.shape[1:]), keras.layers.Identity()])
    else:
        tail = keras.Model(start, output)
        check_not_quantized(tail)
        tail = _copy(tail, f"{model.name}_tail")
    of_head = [layer.name for layer in learnt]
    for layer in tail.layers:
        layer.trainable = every or layer.name in trainable or layer.name in of_head
    return SplitNetwork(prefix, tail)


def _mixes_filters(layer: Any) -> bool:
    """Whether a layer makes filters of all its input's by one kernel; depthwise ones do not."""
    traits = inherited_traits(layer)
    made = traits.kernel is not None and traits.filters_of(layer) == "made"
    depthwise = (keras.layers.DepthwiseConv1D, keras.layers.DepthwiseConv2D)
    usual = isinstance(layer, (keras.layers.Conv2D, keras.layers.Dense))
    return usual or (made and not isinstance(layer, depthwise))


def last_kernel_layer(model: keras.Model, stage: Stage) -> str:
    """The name of the last layer with a kernel up to a stage: what paper 2 fine-tunes of VGG-16.

    Args:
        model: a functional or sequential `keras.Model`.
        stage: `Stage` of the model.

    Returns:
        `str`.

    Raises:
        InputError: if there is none, or the stage lies in a nested model.
    """
    found = None
    for label, node in labelled_nodes(require_functional(model)):
        if _mixes_filters(node.operation):
            found = node.operation.name
        if label == stage.path:
            if found:
                return found
            break
    raise InputError(
        f"`trainable`: stage {stage.name!r} follows no layer of the outer model that mixes "
        "filters by a kernel; name the layers to train, or fine-tune the head alone"
    )


def last_single_tensor(form: keras.Model, before: Sequence[tuple[str, Any]], first: int) -> Any:
    """The last tensor before node `first` that alone feeds all that follows, up to the stage."""
    position = {id(form.inputs[0]): -1}
    tensors = {id(form.inputs[0]): form.inputs[0]}
    for i, (_, node) in enumerate(before):
        for tensor in node.outputs:
            position[id(tensor)] = i
            tensors[id(tensor)] = tensor
    end = len(before) - 1
    stage_output = before[end][1].outputs[0]
    found = form.inputs[0]
    for cut in range(min(first, end + 1)):
        live = {
            id(tensor)
            for _, node in before[cut + 1 :]
            for tensor in node.input_tensors
            if position[id(tensor)] <= cut
        }
        if cut == end:
            live = {id(stage_output)}
        if len(live) == 1:
            found = tensors[live.pop()]
    return found


def _frozen(cut: keras.Model, learnt: Sequence[Any], name: str) -> SplitNetwork:
    """A network cut at one stage, of which only what belongs to the head is fine-tuned."""
    (output,) = cut.outputs
    prefix = _copy(keras.Model(cut.inputs[0], output), f"{name}_prefix")
    prefix.trainable = False
    layers = learnt or [keras.layers.Identity()]
    tail = keras.Sequential([keras.Input(output.shape[1:]), *layers])
    return SplitNetwork(prefix, tail)


def _copy(model: keras.Model, name: str, dtype: str | None = None) -> keras.Model:
    """New layers with the same weights: the network itself is never changed."""

    def clone(layer: Any) -> Any:
        if not isinstance(layer, keras.layers.Layer):
            return layer  # An operation such as `x + 3`, which has no weights and no dtype.
        if isinstance(layer, keras.Model) and functional_form(layer) is not None:
            # By its configuration alone, its layers would have to be registered.
            return keras.models.clone_model(layer, clone_function=clone)
        return remade(layer, dtype=dtype) if dtype else remade(layer)

    copy = keras.models.clone_model(model, clone_function=clone)
    copy_weights(model, copy)
    copy.name = name
    return copy
