"""Bicubic enlargement inside a network, as two matrix products."""

import operator
from typing import Any

import keras
import numpy as np
from keras import ops

from sfp_keras.errors import InputError
from sfp_keras.traits.registry import LayerTraits, register_traits


@keras.saving.register_keras_serializable(package="sfp_keras")
class Enlarge(keras.layers.Layer):
    """Enlarges images with Keys' bicubic kernel, a = -0.5 (paper 2, Methods).

    That is what Pillow's `BICUBIC` does with pixels that are not rounded: half-pixel centres, and
    at the edges the weights outside the image left out and the others scaled to sum to one. The
    aspect is not kept. Works compiled on every backend, `jit_compile=True` included; numbers are
    float32 inside under any dtype policy, because weights of bfloat16 do not sum to one.

    Args:
        size: `int` for square images, or `(height, width)`: the size after enlarging, no side
            smaller than the image's. Images of that size already pass unchanged.
        **kwargs: the other arguments of `keras.layers.Layer`.

    Raises:
        InputError: if the size is none of these or, when the layer is built or called, smaller
            than the images.

    Input shape: `(batch, h, w, channels)`. Output shape: `(batch, height, width, channels)`.
    """

    def __init__(self, size: int | tuple[int, int], **kwargs: Any):
        super().__init__(autocast=False, **kwargs)
        self.size = _checked_size(size)

    def build(self, input_shape: Any) -> None:
        """Check the images' shape; there are no weights."""
        self._checked(input_shape)
        super().build(input_shape)

    def call(self, images: Any) -> Any:
        """Return the enlarged images, in the layer's compute dtype."""
        rows, columns, channels = self._checked(images.shape)
        height, width = self.size
        images = ops.cast(images, "float32")
        # Columns first, while there are few rows, as one large product with channels out of its
        # way: einsum takes four times as long, batches of small products up to five times.
        if columns < width:
            lines = ops.reshape(ops.transpose(images, (0, 1, 3, 2)), (-1, columns))
            lines = ops.matmul(lines, bicubic_matrix(columns, width).T)
            lines = ops.reshape(lines, (-1, rows, channels, width))
            images = ops.transpose(lines, (0, 1, 3, 2))
        if rows < height:
            flat = ops.reshape(images, (-1, rows, width * channels))
            flat = ops.matmul(bicubic_matrix(rows, height), flat)
            images = ops.reshape(flat, (-1, height, width, channels))
        return ops.cast(images, self.compute_dtype)

    def compute_output_shape(self, input_shape: Any) -> tuple[int | None, ...]:
        """Return `(batch, height, width, channels)`."""
        return (input_shape[0], *self.size, self._checked(input_shape)[2])

    def get_config(self) -> dict[str, Any]:
        """The arguments of the constructor."""
        return {**super().get_config(), "size": list(self.size)}

    def _checked(self, shape: Any) -> tuple[int, int, int]:
        """Rows, columns and channels of images that can be enlarged."""
        if len(shape) != 4 or None in shape[1:]:
            raise InputError(
                "Enlarge needs images (batch, height, width, channels) of known size, received "
                f"shape {tuple(shape)}: begin with keras.Input((height, width, channels))"
            )
        _, rows, columns, channels = shape
        if rows > self.size[0] or columns > self.size[1]:
            raise InputError(
                f"Enlarge only enlarges: images of {rows}x{columns} are larger than "
                f"size={self.size}; give a size of at least {(rows, columns)}"
            )
        return rows, columns, channels


register_traits(Enlarge, LayerTraits("passed", positions="window"))


def bicubic_matrix(source: int, target: int) -> np.ndarray:
    """Return the matrix that enlarges a line of pixels with Keys' kernel, a = -0.5.

    Args:
        source: `int`, pixels of the line.
        target: `int`, pixels of the enlarged line, at least `source`.

    Returns:
        A float32 array (target, source) whose rows sum to one; the identity where both are equal.

    Raises:
        InputError: if `target` is smaller than `source`.
    """
    if not 0 < source <= target:
        raise InputError(
            f"bicubic_matrix only enlarges: target={target} must be at least source={source}, "
            "and source at least 1"
        )
    centres = (np.arange(target) + 0.5) * (source / target) - 0.5
    distance = np.abs(centres[:, None] - np.arange(source))
    near = (1.5 * distance - 2.5) * distance**2 + 1
    far = ((-0.5 * distance + 2.5) * distance - 4) * distance + 2
    weights = np.where(distance < 1, near, np.where(distance < 2, far, 0.0))
    return (weights / weights.sum(axis=1, keepdims=True)).astype(np.float32)


def _checked_size(size: Any) -> tuple[int, int]:
    """`size` as (height, width)."""
    sides = tuple(size) if isinstance(size, (tuple, list)) else (size, size)
    try:
        whole = tuple(operator.index(side) for side in sides)
    except TypeError:
        whole = ()
    if len(whole) != 2 or min(whole) < 1 or any(isinstance(side, bool) for side in sides):
        raise InputError(
            f"size must be one positive whole number or (height, width), received {size!r}"
        )
    return (whole[0], whole[1])
