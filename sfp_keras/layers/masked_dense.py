"""A Dense layer some of whose weights are exactly zero, always."""

import warnings
from typing import Any, ClassVar

import keras
import numpy as np

from sfp_keras.errors import InputError
from sfp_keras.layers.masked_kernel import MaskedKernel
from sfp_keras.layers.packed_mask import as_mask


@keras.saving.register_keras_serializable(package="sfp_keras")
class MaskedDense(MaskedKernel, keras.layers.Dense):
    """A densely connected layer whose weights outside a mask are exactly zero, always.

    The zeros hold after building, `set_weights`, loading, averaging and every step of any
    optimiser: a `MaskConstraint` sets them after each update, every assignment to the kernel
    does, and the forward pass reads the kernel through the mask, so that masked weights get no
    gradient. The mask is saved with the layer. It saves no time and no memory by itself.

    Example:

    ```
    mask = np.random.default_rng(0).random((2048, 100)) < 0.05
    layer = MaskedDense(100, mask, use_bias=False)
    ```

    Args:
        units: `int`. Number of outputs, K.
        mask: true (or 1) where a weight is free: an array (inputs, units); or (P, F, units) with
            `P * F` inputs; or (F, units), one row a filter, for inputs that are a flattened map
            of F channels, last. Defaults to `None`: every weight is free until `set_mask`.
        activation: as in `keras.layers.Dense`. Defaults to `None`.
        use_bias: as in `keras.layers.Dense`. Defaults to `True`.
        kernel_initializer: as in `keras.layers.Dense`. Defaults to `"glorot_uniform"`.
        active_fan_in: `bool`. Whether each unit's initial weights are enlarged by
            `sqrt(inputs / its free inputs)`, so that outputs begin with the variance that a full
            layer's have. Defaults to `False`.
        kernel_constraint: another constraint, applied before the mask. Defaults to `None`.
        **kwargs: the other arguments of `keras.layers.Dense`.

    Raises:
        InputError: if the mask holds anything but zeros and ones, keeps no weight, or does not
            fit the units or, when the layer is built, the inputs.

    Input shape: `(batch, ..., inputs)`. Output shape: `(batch, ..., units)`.
    """

    plain = keras.layers.Dense
    summed_axes: ClassVar[tuple[int, ...]] = (0,)
    kernel_initializer: Any

    def __init__(
        self,
        units: int,
        mask: Any = None,
        activation: Any = None,
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        *,
        active_fan_in: bool = False,
        kernel_constraint: Any = None,
        **kwargs: Any,
    ):
        super().__init__(
            units,
            mask=mask,
            activation=activation,
            use_bias=use_bias,
            kernel_initializer=kernel_initializer,
            active_fan_in=active_fan_in,
            kernel_constraint=kernel_constraint,
            **kwargs,
        )

    def _checked(self, mask: Any) -> np.ndarray:
        array = as_mask(mask)
        if array.ndim not in (2, 3) or array.shape[-1] != self.units:
            raise InputError(
                f"`mask` must have shape (inputs, {self.units}), (filters, {self.units}) or "
                f"(positions, filters, {self.units}), received {array.shape}"
            )
        silent = np.flatnonzero(~array.any(axis=tuple(range(array.ndim - 1))))
        if silent.size:
            listed = ", ".join(map(str, silent[:10])) + (", ..." if silent.size > 10 else "")
            warnings.warn(
                f"mask: {silent.size} of {self.units} units have no free weight and put out their "
                f"bias alone: {listed}",
                stacklevel=4,
            )
        return array

    def _expanded(self, mask: np.ndarray, kernel_shape: tuple[int, ...]) -> np.ndarray:
        inputs = kernel_shape[0]
        rows = int(np.prod(mask.shape[:-1], dtype=int))
        if rows == inputs:
            return mask.reshape(rows, self.units)
        if mask.ndim == 3 or inputs % rows:
            raise InputError(
                f"`mask` of shape {mask.shape} does not fit a layer of {inputs} inputs and "
                f"{self.units} units"
            )
        # Flattened with channels last: filter f stands at f, F + f, 2F + f, ...
        return np.tile(mask, (inputs // rows, 1))
