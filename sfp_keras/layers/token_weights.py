"""The softmax over tokens that attention and sequence pooling average with."""

from typing import Any

import keras
from keras import ops


def token_weights(scores: Any, axis: int = -1) -> Any:
    """Positive weights of sum 1, computed in float32 or better.

    Args:
        scores: tensor of any shape.
        axis: `int`. The axis of the tokens that are averaged. Defaults to the last one.

    Returns:
        Tensor of the scores' shape, float32 or better.
    """
    exact = ops.cast(scores, keras.backend.result_type(scores.dtype, "float32"))
    if scores.shape[axis] == 1:
        return ops.ones_like(exact)  # Keras warns of a softmax over one number.
    return ops.softmax(exact, axis=axis)
