"""What filters put out that is the same for every image, and what layers make of it."""

from typing import Any

import keras
import numpy as np
from keras import layers

from sfp_keras.afcc import channels
from sfp_keras.afcc.filter_ties import FilterTies
from sfp_keras.models.graph import LayerCall, runs_as_in_training
from sfp_keras.models.rebuilding import remade
from sfp_keras.traits import traits_of

# Sums in another order differ by this much of the largest, and more than rounding differs by more.
_ROUNDING = 1e-6
# Images of one filter each that are run at a time are at most as many numbers.
_BLOCK = 2**23


class Constants:
    """The filters of a network that put out the same for every image, at inference.

    A filter does where all its weights are zero, or read nothing else than such filters: its
    constant, behind batch norm, activations and pooling, is found by running the layers. In a
    model for images of any size none is found.
    """

    def __init__(self, ties: FilterTies):
        self._roles = ties.roles
        # By a tensor's id, float of the shape of one image; NaN where images differ.
        self._values: dict[int, np.ndarray] = {}
        for call in ties.graph.calls:
            shapes = [tensor.shape[1:] for tensor in (*call.inputs, *call.outputs)]
            known = not call.nested and all(None not in shape for shape in shapes)
            if known and not runs_as_in_training(call):
                found = self._of_call(call)
                if found is not None and not np.isnan(found).all():
                    self._values[id(call.outputs[0])] = found

    def of(self, tensor: Any) -> np.ndarray | None:
        """A tensor's values, NaN where images differ; `None` where they differ everywhere."""
        return self._values.get(id(tensor))

    def filters(self, tensor: Any) -> np.ndarray:
        """bool, along a tensor's last axis, true where all of a filter's values are known."""
        return _known_filters(self._values.get(id(tensor)), tensor)

    def contributes_alike(self, call: LayerCall) -> np.ndarray:
        """Find which of the constants that a kernel reads add the same to a filter everywhere.

        So that it can be added to the bias. Zero padding makes another number of a constant at
        the borders.

        Args:
            call: a call with the role "kernel".

        Returns:
            bool (inputs, outputs); false for inputs that are not constant.
        """
        (tensor,), (output,) = call.inputs, call.outputs
        values, filters = self.of(tensor), self.filters(tensor)
        alike = np.zeros((filters.size, output.shape[-1]), bool)
        if values is None:
            return alike
        rows = np.moveaxis(values, -1, 0).reshape(filters.size, -1)
        zero = filters & (rows == 0).all(axis=1)
        alike[zero] = True
        others = np.flatnonzero(filters & ~zero)
        if not channels.adds_constants(call.operation) or not others.size:
            return alike
        places = np.prod(output.shape[1:-1], dtype=int)
        if places == 1:
            alike[others] = True
            return alike
        block = max(1, _BLOCK // max(values.size, places * output.shape[-1]))
        linear = _linear(call)
        for first in range(0, others.size, block):
            here = others[first : first + block]
            images = np.zeros((here.size, *values.shape), np.float32)
            images[np.arange(here.size), ..., here] = np.moveaxis(values[..., here], -1, 0)
            found = _run(linear, images).reshape(here.size, places, -1)
            alike[here] = np.ptp(found, axis=1) <= _ROUNDING * np.abs(found).max()
        return alike

    def contribution(self, call: LayerCall, inputs: np.ndarray) -> np.ndarray:
        """What some constants together add to the filters of a layer before its activation.

        Args:
            call: a call with the role "kernel".
            inputs: bool (inputs,), which; all of them contribute alike everywhere.

        Returns:
            float32 (outputs,).
        """
        values = self._values[id(call.inputs[0])]
        images = np.where(inputs, values, 0).astype(np.float32)[None]
        return _run(_linear(call), images).reshape(-1, call.outputs[0].shape[-1]).mean(axis=0)

    def _of_call(self, call: LayerCall) -> np.ndarray | None:
        role = self._roles[id(call)]
        inputs = [self._values.get(id(tensor)) for tensor in call.inputs]
        if role in ("other", "joined", "moved") and all(values is None for values in inputs):
            return None
        if role in ("moved", "joined"):
            return _run_call(call, inputs)
        if role == "merged":
            known = _known_together(call, inputs)
        elif role == "passed":
            known = _known_filters(inputs[0], call.inputs[0]) | _silent(call)
        elif role == "kernel" and channels.puts_out_filters(call.operation):
            read: Any = channels.kernel_between(call.operation).any(axis=0)
            unknown = np.logical_not(_known_filters(inputs[0], call.inputs[0]))
            known = np.logical_not(read[unknown].any(axis=0))
        else:
            return None
        if not known.any():
            return None
        found = _run_call(call, [None if v is None else np.nan_to_num(v) for v in inputs], 0)
        return np.where(known & np.isfinite(found), found, np.nan)


def _known_filters(values: np.ndarray | None, tensor: Any) -> np.ndarray:
    if values is None:
        return np.zeros(tensor.shape[-1], bool)
    return ~np.isnan(values).reshape(-1, values.shape[-1]).any(axis=0)


def _known_together(call: LayerCall, inputs: list[np.ndarray | None]) -> np.ndarray:
    """The elements that are constant of a sum, a product or the like."""
    shape = call.outputs[0].shape[1:]
    full = [np.broadcast_to(np.nan if v is None else v, shape) for v in inputs]
    known = ~np.isnan(np.stack(full)).any(axis=0)
    if type(call.operation).__name__ == "Multiply":
        known |= (np.stack(full) == 0).any(axis=0)
    return known


def _silent(call: LayerCall) -> np.ndarray:
    """The filters that a layer passes of which nothing is left but a constant."""
    layer = call.operation
    size = call.outputs[0].shape[-1]
    if isinstance(layer, layers.BatchNormalization) and layer.scale:
        return keras.ops.convert_to_numpy(layer.gamma) == 0
    traits = traits_of(layer)
    axes = traits.kernel_of(layer) if traits is not None else None
    if axes is not None:
        kernel = np.moveaxis(keras.ops.convert_to_numpy(layer.kernel), axes.output, -1)
        return ~kernel.reshape(-1, size).any(axis=0)
    return np.zeros(size, bool)


def _linear(call: LayerCall) -> keras.layers.Layer:
    """The layer of a call without bias and activation, in float32."""
    layer = call.operation
    changes = {"activation": "linear", "use_bias": False, "dtype": "float32"}
    linear = remade(layer, **changes)
    linear.build((None, *call.inputs[0].shape[1:]))
    linear.set_weights([keras.ops.convert_to_numpy(layer.kernel)])
    return linear


def _run(layer: Any, images: np.ndarray) -> np.ndarray:
    return np.asarray(keras.ops.convert_to_numpy(layer(keras.ops.convert_to_tensor(images))))


def _run_call(
    call: LayerCall, inputs: list[np.ndarray | None], unknown: float = np.nan
) -> np.ndarray:
    """What a call puts out for one image; its inputs are `unknown` where no values are given."""
    images = [
        np.full(tensor.shape[1:], unknown) if values is None else values
        for values, tensor in zip(inputs, call.inputs, strict=True)
    ]
    tensors = [
        keras.ops.convert_to_tensor(image[None], dtype=tensor.dtype)
        for image, tensor in zip(images, call.inputs, strict=True)
    ]
    output = keras.tree.flatten(call.run(*tensors))[0]
    return np.asarray(keras.ops.convert_to_numpy(keras.ops.cast(output, "float32")))[0]
