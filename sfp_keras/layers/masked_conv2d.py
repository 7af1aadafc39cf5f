"""A two-dimensional convolution some of whose kernels, or weights, are exactly zero, always."""

from typing import ClassVar

import keras
import numpy as np

from sfp_keras.layers.masked_kernel import MaskedKernel


@keras.saving.register_keras_serializable(package="sfp_keras")
class MaskedConv2D(MaskedKernel, keras.layers.Conv2D):
    """A 2D convolution whose weights outside a mask are exactly zero, always.

    The zeros hold as those of `MaskedDense` do: after building, `set_weights`, loading, averaging
    and every step of any optimiser. The bias is not masked.

    Example:

    ```
    shared = labels_of_layer_8 @ labels_of_layer_9.T > 0  # (512, 512), of Boolean (filters, labels)
    layer = MaskedConv2D(512, 3, padding="same", mask=shared)
    ```

    Args:
        filters: `int`. Number of output filters, F.
        kernel_size: as in `keras.layers.Conv2D`.
        *args: as in `keras.layers.Conv2D`.
        mask: true (or 1) where weights are free: an array (inputs, F), one element for the whole
            kernel from an input channel to a filter; or the kernel's shape (height, width,
            inputs, F), of which axes may be 1. With `groups`, `inputs` are all input channels
            (elements between groups are ignored) or those of one group. Defaults to `None`:
            every weight is free until `set_mask`.
        active_fan_in: `bool`. Whether each filter's initial weights are enlarged by
            `sqrt(fan-in / free fan-in)`. Defaults to `False`.
        **kwargs: the other arguments of `keras.layers.Conv2D`.

    Raises:
        InputError: if the mask holds anything but zeros and ones, keeps no weight, or, when the
            layer is built, does not fit the kernel.

    Input and output shapes: those of `keras.layers.Conv2D`.
    """

    plain = keras.layers.Conv2D
    summed_axes: ClassVar[tuple[int, ...]] = (0, 1, 2)
    short_forms = "(input channels, filters) for whole kernels"

    def _expanded(self, mask: np.ndarray, kernel_shape: tuple[int, ...]) -> np.ndarray:
        if mask.ndim != 2:
            return mask
        _, _, inputs, filters = kernel_shape
        if self.groups > 1 and mask.shape == (inputs * self.groups, filters):
            blocks = mask.reshape(self.groups, inputs, self.groups, filters // self.groups)
            own = np.arange(self.groups)
            # (groups, inputs of a group, filters of a group): each group's filters read its inputs.
            mask = np.moveaxis(blocks[own, :, own], 0, 1).reshape(inputs, filters)
        return mask[None, None]
