"""A depthwise convolution some of whose kernels, or weights, are exactly zero, always."""

from typing import ClassVar

import keras
import numpy as np

from sfp_keras.layers.masked_kernel import MaskedKernel


@keras.saving.register_keras_serializable(package="sfp_keras")
class MaskedDepthwiseConv2D(MaskedKernel, keras.layers.DepthwiseConv2D):
    """A 2D depthwise convolution whose weights outside a mask are exactly zero, always.

    A depthwise kernel joins no two filters, so that no link has a mask here: one silences whole
    channels, or makes kernels sparse. The zeros hold as those of `MaskedDense` do. The bias is
    not masked.

    Example:

    ```
    layer = MaskedDepthwiseConv2D(3, padding="same", mask=np.arange(32) != 5)
    ```

    Args:
        kernel_size: as in `keras.layers.DepthwiseConv2D`.
        *args: as in `keras.layers.DepthwiseConv2D`.
        mask: true (or 1) where weights are free: an array (channels,) or (channels,
            depth_multiplier), one element for a whole kernel; or the kernel's shape (height,
            width, channels, depth_multiplier), of which axes may be 1. Defaults to `None`: every
            weight is free until `set_mask`.
        active_fan_in: `bool`. Whether each filter's initial weights are enlarged by
            `sqrt(fan-in / free fan-in)`. Defaults to `False`.
        **kwargs: the other arguments of `keras.layers.DepthwiseConv2D`.

    Raises:
        InputError: if the mask holds anything but zeros and ones, keeps no weight, or, when the
            layer is built, does not fit the kernel.

    Input and output shapes: those of `keras.layers.DepthwiseConv2D`.
    """

    plain = keras.layers.DepthwiseConv2D
    summed_axes: ClassVar[tuple[int, ...]] = (0, 1)
    role = "depthwise"
    short_forms = "(channels,) or (channels, depth_multiplier) for whole kernels"

    def _expanded(self, mask: np.ndarray, kernel_shape: tuple[int, ...]) -> np.ndarray:
        if mask.ndim == 1:
            mask = mask[:, None]
        return mask[None, None] if mask.ndim == 2 else mask
