"""A Dense layer of any axes some of whose weights are exactly zero, always."""

import keras

from sfp_keras.layers.masked_kernel import MaskedKernel


@keras.saving.register_keras_serializable(package="sfp_keras")
class MaskedEinsumDense(MaskedKernel, keras.layers.EinsumDense):
    """An `EinsumDense` layer whose weights outside a mask are exactly zero, always.

    The zeros hold as those of `MaskedDense` do: after building, `set_weights`, loading, averaging
    and every step of any optimiser. The bias is not masked.

    Example:

    ```
    free = np.ones((1, 8, 1), bool)
    free[:, 3] = False  # Head 3 of a projection to 8 heads of 64 stays silent.
    layer = MaskedEinsumDense("btd,dhk->bthk", output_shape=(None, 8, 64), mask=free)
    ```

    Args:
        equation: as in `keras.layers.EinsumDense`.
        output_shape: as in `keras.layers.EinsumDense`.
        *args: as in `keras.layers.EinsumDense`.
        mask: true (or 1) where weights are free: an array with the axes of the kernel in the
            equation's order, each as long as the kernel's or 1. Defaults to `None`: every weight
            is free until `set_mask`.
        active_fan_in: `bool`. Whether each output's initial weights are enlarged by
            `sqrt(fan-in / free fan-in)`. Defaults to `False`.
        **kwargs: the other arguments of `keras.layers.EinsumDense`.

    Raises:
        InputError: if the mask holds anything but zeros and ones, keeps no weight, or, when the
            layer is built, does not fit the kernel.

    Input and output shapes: those of `keras.layers.EinsumDense`.
    """

    plain = keras.layers.EinsumDense
    short_forms = "axes of 1 where it is the same all along"

    @property
    def summed_axes(self) -> tuple[int, ...]:  # type: ignore[override]
        """Axes of the kernel that the equation's output does not have."""
        read, outputs = self.equation.split("->")
        kernel = read.split(",")[1].strip()
        return tuple(axis for axis, letter in enumerate(kernel) if letter not in outputs)
