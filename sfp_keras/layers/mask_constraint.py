"""A weight constraint that holds chosen weights at exactly zero."""

from typing import Any

import keras
import numpy as np
from keras import ops

from sfp_keras.errors import InputError
from sfp_keras.layers.packed_mask import as_mask, pack_mask


@keras.saving.register_keras_serializable(package="sfp_keras")
class MaskConstraint(keras.constraints.Constraint):
    """Holds the weights outside a mask at exactly zero.

    Works on any kernel. Keras applies constraints after each update of the optimiser only, not
    when weights are initialised, loaded or set, and takes averages of weights (`use_ema=True`)
    before: `MaskedDense` holds its zeros there too. After a training with averages call
    `kernel.assign(constraint(kernel))`.

    Example:

    ```
    mask = np.ones((3, 3, 16, 32), bool)
    mask[:, :, :, 5] = False  # Filter 5 stays silent.
    layer = keras.layers.Conv2D(32, 3, kernel_constraint=MaskConstraint(mask))
    ```

    Args:
        mask: array of bools, or of 0 and 1, that broadcasts to the kernel's shape: true where a
            weight is free.
        constraint: another constraint, applied first. Defaults to `None`.

    Raises:
        InputError: if the mask holds anything else, or keeps no weight; when it is applied, if
            it does not fit the kernel.
    """

    def __init__(self, mask: Any, constraint: Any = None):
        self.mask = as_mask(mask)
        self.constraint = keras.constraints.get(constraint)

    def __call__(self, w: Any) -> Any:
        """Return `w` with zeros outside the mask."""
        if self.constraint is not None:
            w = self.constraint(w)
        return masked(w, self.mask)

    def get_config(self) -> dict[str, Any]:
        """The mask, packed, and the other constraint."""
        return {
            "mask": pack_mask(self.mask),
            "constraint": keras.constraints.serialize(self.constraint),
        }


def masked(weights: Any, mask: np.ndarray) -> Any:
    """Return weights with exact zeros outside a mask, also where they are not finite."""
    weights = ops.convert_to_tensor(weights)
    shape = tuple(weights.shape)
    try:
        fits = np.broadcast_shapes(mask.shape, shape) == shape
    except ValueError:
        fits = False
    if not fits:
        raise InputError(f"`mask` of shape {mask.shape} does not fit a kernel of shape {shape}")
    # A constant, not a variable: JAX gives constraints no access to other variables.
    return ops.where(mask, weights, ops.zeros((), dtype=weights.dtype))
