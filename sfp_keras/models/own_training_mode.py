"""Layers of the user's own that run as in training at all times, without being asked to."""

import inspect
from typing import Any

import keras
import numpy as np
from keras import ops

from sfp_keras.models.graph import LayerCall

# Rounding differs with the batch; dropped and newly normalised numbers differ by far more.
_ROUNDING = 1e-2


def answers_by_chance_or_batch(call: LayerCall) -> bool:
    """Whether what a layer makes of an image depends on chance or on the rest of its batch.

    Two batches that share an image are run, and states such as moving means are left as they are.

    Args:
        call: a call of `call_graph`. Keras' own layers and this package's are not run: what they
            do is known.

    Returns:
        Whether the shared image's outputs differ; `False` where the layer cannot be run alone.
    """
    layer = call.operation
    own = isinstance(layer, keras.layers.Lambda) or (
        isinstance(layer, keras.layers.Layer)
        and not type(layer).call.__module__.startswith(("keras.", "sfp_keras."))
    )
    shapes = [tensor.shape[1:] for tensor in call.inputs]
    if call.nested or not own or any(None in shape for shape in shapes):
        return False
    if not all("float" in tensor.dtype for tensor in call.inputs):
        return False
    generator = np.random.default_rng(0)
    first = [generator.normal(size=(2, *shape)).astype(np.float32) for shape in shapes]
    second = [np.stack([images[0], 9 * images[1] + 3]) for images in first]
    try:
        before = [variable.value for variable in layer.non_trainable_variables]
        found, after = _run(call, first, before)
        again, _ = _run(call, second, after if _uses_chance(layer) else before)
    # The user's code, which may want other images.
    except Exception:
        return False
    return any(
        np.abs(one[0] - other[0]).max(initial=0) > _ROUNDING * np.abs(one[0]).max(initial=0)
        for one, other in zip(found, again, strict=True)
    )


def _uses_chance(layer: Any) -> bool:
    """Whether a layer has the state of a random generator."""
    return any("seed" in variable.path for variable in layer.non_trainable_variables)


def _run(call: LayerCall, images: list[np.ndarray], states: Any) -> tuple[list[np.ndarray], Any]:
    """The outputs of a layer, and its states afterwards."""
    layer = call.operation
    now = {
        id(tensor): ops.convert_to_tensor(values)
        for tensor, values in zip(call.node.input_tensors, images, strict=True)
    }
    args, kwargs = call.node.arguments.fill_in(now)
    if "training" in inspect.signature(layer.call).parameters:
        kwargs["training"] = False
    if states:
        weights = [variable.value for variable in layer.trainable_variables]
        outputs, after = layer.stateless_call(weights, states, *args, **kwargs)
    else:  # What Keras draws for all layers together would be drawn twice.
        outputs, after = layer(*args, **kwargs), states
    found = [np.asarray(ops.convert_to_numpy(x), np.float64) for x in keras.tree.flatten(outputs)]
    return found, after
