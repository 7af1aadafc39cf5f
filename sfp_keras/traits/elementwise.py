"""What unknown functions do with filters, found by trying them."""

from typing import Any

import keras
import numpy as np

from sfp_keras.traits.registry import traits_of

_ELEMENTWISE = {
    keras.activations.get(name)
    for name in (
        *("linear", "relu", "relu6", "leaky_relu", "elu", "selu", "celu", "gelu", "silu", "mish"),
        *("tanh", "sigmoid", "hard_tanh", "hard_sigmoid", "hard_silu", "softplus", "softsign"),
        *("exponential", "log_sigmoid"),
    )
}


def is_elementwise(function: Any, rank: int | None = None) -> bool:
    """Whether a function of a tensor computes each filter alone, and all alike.

    Activations of other libraries (`tf.nn.relu`), activation layers and functions of one's own
    are tried on random numbers.

    Args:
        function: of a tensor, whose filters are its last axis.
        rank: number of the tensor's axes, the batch among them: axis 1 is that of filters of flat
            outputs, and of positions of maps. Default: any, from 2 to 4.
    """
    if function in _ELEMENTWISE:
        return True
    traits = traits_of(function)
    if isinstance(function, keras.layers.Layer) and traits is not None and traits.alone is True:
        return traits.filters == "passed"
    return all(_computes_each_alone(function, axes) for axes in ((rank,) if rank else (2, 3, 4)))


def _computes_each_alone(function: Any, rank: int) -> bool:
    shape = (2, *range(3, rank + 1), 5)
    numbers = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    others = numbers.copy()
    others[..., 0] += 1
    order = [3, 0, 4, 1, 2]
    try:
        found, changed, moved = (
            keras.ops.convert_to_numpy(function(keras.ops.convert_to_tensor(array)))
            for array in (numbers, others, numbers[..., order])
        )
    except Exception:  # It is the user's own.
        return False
    alone = found.shape == numbers.shape and np.array_equal(found[..., 1:], changed[..., 1:])
    return bool(alone and np.allclose(found[..., order], moved, rtol=1e-6))


def passes_each_filter(call: Any) -> bool:
    """Whether each output filter of a call depends on the input filter of its number alone.

    Functions of one's own, operations and layers of unknown kinds are tried on random numbers of
    the call's own shape, with its other arguments.

    Args:
        call: `LayerCall` of one input; its filters are the last axis.
    """
    if len(call.inputs) != 1 or len(call.outputs) != 1 or call.nested:
        return False
    shape, after = (tuple(x[0].shape[1:]) for x in (call.inputs, call.outputs))
    if None in (*shape, *after) or not shape or not after or shape[-1] != after[-1]:
        return False
    if "float" not in call.inputs[0].dtype or shape[-1] < 2:
        return False
    # Neither negative nor above the bounds of common activations throughout.
    images = np.random.default_rng(0).uniform(0.1, 2, (1, *shape)).astype(np.float32)
    try:
        before = _answer(call, images)
        for place in (0, shape[-1] - 1):
            others = images.copy()
            others[..., place] += 0.5
            if not _changes_only(before, _answer(call, others), place):
                return False
    except Exception:  # It is the user's own.
        return False
    return True


def _answer(call: Any, images: np.ndarray) -> np.ndarray:
    outputs = call.run(keras.ops.convert_to_tensor(images))
    (output,) = keras.tree.flatten(outputs)
    return np.asarray(keras.ops.convert_to_numpy(output))


def _changes_only(before: np.ndarray, now: np.ndarray, place: int) -> bool:
    changed = (before != now).reshape(-1, before.shape[-1]).any(axis=0)
    return bool(changed[place]) and int(changed.sum()) == 1
