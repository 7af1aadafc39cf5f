"""How many multiplications and additions a layer makes for one input."""

from collections.abc import Sequence
from typing import Any

from sfp_keras.traits import traits_of_kind
from sfp_keras.traits.counting import UNKNOWN
from sfp_keras.traits.registry import Operations


def multiply_adds(layer: Any, inputs: Sequence[int], outputs: Sequence[int]) -> Operations:
    """Multiply-adds of one call of a layer on one input.

    Those of kernels are counted, not those of biases, batch norm, activations and pooling.

    Args:
        layer: `keras.layers.Layer`, or a Keras operation.
        inputs: shape of its first input, the batch's axis included.
        outputs: shape of its first output.

    Returns:
        All, and those of weights that are not zero; NaN for layers with matrices whose traits do
        not say, such as recurrent ones, and for shapes that are not known.
    """
    known = traits_of_kind(type(layer))
    if (
        known is not None
        and known.filters in ("passed", "moved", "joined")
        and known.kernel is None
        and known.multiply_adds is None
    ):
        return 0.0, 0.0  # Also with a number of its own for every place, as PReLU may have.
    for traits in map(traits_of_kind, type(layer).__mro__):
        if traits is not None and traits.multiply_adds is not None:
            try:
                return traits.multiply_adds(layer, inputs, outputs)
            except TypeError:  # An axis of any length is `None`.
                return UNKNOWN
    # Frozen ones too: they are used all the same.
    matrices = [w for w in getattr(layer, "weights", ()) if len(w.shape) > 1]
    return UNKNOWN if matrices else (0.0, 0.0)
