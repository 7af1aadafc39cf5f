"""Random flips, rotations, shears and shifts inside a network, in one resampling."""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from sfp_keras.errors import InputError


@keras.saving.register_keras_serializable(package="sfp_keras")
class RandomGeometry(keras.layers.Layer):
    """Moves each image of a training batch by an affine map of its own (paper 2, Methods).

    An image is mirrored left to right half of the time, sheared along its rows and rotated about
    its centre, then moved by whole pixels: so that without rotation and shear all pixels keep
    their values exactly. The four are one map, and images are interpolated once, bilinearly; what
    comes in from outside has the colour `fill`. In inference images pass unchanged.

    Draws come from a state of the layer that is among `model.variables`. Works compiled on every
    backend, `jit_compile=True` included; numbers are float32 inside under any dtype policy.

    Args:
        rotation: `float`, degrees from 0 to 180: angles are uniform between -rotation and
            rotation. Defaults to 2.
        shift: `int`, pixels: shifts are uniform over the whole numbers from -shift to shift, each
            axis for itself. Defaults to 4.
        shear: `float`, degrees from 0 to below 90: angles are uniform between -shear and shear.
            Defaults to 2.
        flip: `bool`. Whether half of the images are mirrored. Defaults to `True`.
        fill: number, or one for each channel, in the units of the images the layer gets.
            Defaults to 0.
        seed: `int` or `None`; layers with the same seed draw the same. Defaults to `None`.
        **kwargs: the other arguments of `keras.layers.Layer`.

    Raises:
        InputError: if an argument is out of its range or, when the layer is built, `fill` does
            not fit the channels.

    Input and output shape: `(batch, height, width, channels)`.
    """

    def __init__(
        self,
        rotation: float = 2.0,
        shift: int = 4,
        shear: float = 2.0,
        flip: bool = True,
        fill: float | Sequence[float] = 0.0,
        seed: int | None = None,
        **kwargs: Any,
    ):
        super().__init__(autocast=False, **kwargs)
        if not 0 <= rotation <= 180:
            raise InputError(f"`rotation` must be from 0 to 180 degrees, received {rotation!r}")
        if not 0 <= shear < 90:
            raise InputError(f"`shear` must be from 0 to below 90 degrees, received {shear!r}")
        if shift < 0 or shift != int(shift):
            raise InputError(f"`shift` must be a whole number of pixels from 0, received {shift!r}")
        colour = np.asarray(fill, np.float64)
        if colour.ndim > 1 or not colour.size or not np.isfinite(colour).all():
            raise InputError(f"`fill` must be a number or one for each channel, received {fill!r}")
        if not isinstance(seed, int | None) or (seed is not None and seed < 0):
            raise InputError(f"`seed` must be a whole number from 0 or None, received {seed!r}")
        self.rotation = float(rotation)
        self.shift = int(shift)
        self.shear = float(shear)
        self.flip = bool(flip)
        self.fill = colour.tolist()
        self.seed = seed
        self.seed_generator = keras.random.SeedGenerator(seed)

    def build(self, input_shape: Any) -> None:
        """Check the images' shape; there are no weights."""
        if len(input_shape) != 4 or None in input_shape[1:]:
            raise InputError(
                "RandomGeometry needs images (batch, height, width, channels) of known size, "
                f"received shape {tuple(input_shape)}: begin with "
                "keras.Input((height, width, channels))"
            )
        if isinstance(self.fill, list) and len(self.fill) != input_shape[-1]:
            raise InputError(
                f"`fill` has {len(self.fill)} numbers, but the images have {input_shape[-1]} "
                "channels: give one number, or one for each channel"
            )
        super().build(input_shape)

    def call(self, images: Any, training: bool = False) -> Any:
        """Return the images, each moved where `training`, in the layer's compute dtype."""
        if training:
            _, height, width, _ = images.shape
            draws = self.draw(ops.shape(images)[0])
            images = resample(images, affine_matrices(height, width, *draws), self.fill)
        return ops.cast(images, self.compute_dtype)

    def draw(self, count: Any) -> tuple[Any, Any, Any, Any, Any]:
        """Draw for `count` images; the next draws will be others.

        Args:
            count: `int`, or a scalar tensor in a compiled function.

        Returns:
            flip, rotation, shear, right and down, float32 tensors (count,), as `affine_matrices`
            takes them.
        """
        unit = keras.random.uniform((3, count), -1.0, 1.0, seed=self.seed_generator)
        moves = keras.random.randint(
            (2, count), -self.shift, self.shift + 1, seed=self.seed_generator
        )
        moves = ops.cast(moves, "float32")
        flip = ops.cast(unit[0] < 0, "float32") * float(self.flip)
        return flip, unit[1] * self.rotation, unit[2] * self.shear, moves[0], moves[1]

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Return the input's shape."""
        return input_shape

    def get_config(self) -> dict[str, Any]:
        """The arguments of the constructor."""
        return {
            **super().get_config(),
            "rotation": self.rotation,
            "shift": self.shift,
            "shear": self.shear,
            "flip": self.flip,
            "fill": self.fill,
            "seed": self.seed,
        }


def affine_matrices(
    height: int, width: int, flip: Any, rotation: Any, shear: Any, right: Any, down: Any
) -> Any:
    """Return for each image the map from its new pixels to the old ones.

    An image is mirrored, then sheared, then rotated, all about its centre, then moved.

    Args:
        height: `int`, of the images.
        width: `int`, of the images.
        flip: array (n,), 1 (or true) where an image is mirrored left to right, else 0.
        rotation: array (n,), degrees, clockwise as seen.
        shear: array (n,), degrees; positive ones move lower rows to the right.
        right: array (n,), pixels.
        down: array (n,), pixels.

    Returns:
        float32 (n, 2, 3): the new pixel in column x and row y shows what was at `M @ (x, y, 1)`.
    """
    mirror, turn, slant, right, down = (
        ops.cast(ops.convert_to_tensor(draws), "float32")
        for draws in (flip, rotation, shear, right, down)
    )
    mirror = 1 - 2 * mirror
    turn, slant = turn * (np.pi / 180), ops.tan(slant * (np.pi / 180))
    cos, sin = ops.cos(turn), ops.sin(turn)
    middle_x, middle_y = (width - 1) / 2, (height - 1) / 2
    xx, xy, yx, yy = mirror * (cos + slant * sin), mirror * (sin - slant * cos), -sin, cos
    # From the new centre back to the old one: exact, like all the rest, where nothing is rotated.
    new_x, new_y = middle_x + right, middle_y + down
    across = [xx, xy, middle_x - (xx * new_x + xy * new_y)]
    along = [yx, yy, middle_y - (yx * new_x + yy * new_y)]
    return ops.stack([ops.stack(across, axis=-1), ops.stack(along, axis=-1)], axis=1)


def resample(images: Any, matrices: Any, fill: float | Sequence[float] = 0.0) -> Any:
    """Move each image by an affine map, interpolating bilinearly.

    The plane outside an image has the colour `fill` at every whole pixel, so within one pixel of
    the border the image blends into it. Maps onto whole pixels copy values exactly. On a CPU
    this takes less than half the time of `keras.ops.image.affine_transform` where it is compiled
    by XLA, which TensorFlow cannot do with that one, and about twice as long in plain TensorFlow.

    Args:
        images: array (n, height, width, channels).
        matrices: array (n, 2, 3): new pixel (x, y) shows what was at `M @ (x, y, 1)`, column and
            row counted from the middle of the first pixel.
        fill: number, or one for each channel. Defaults to 0.

    Returns:
        float32 (n, height, width, channels).
    """
    images = ops.cast(images, "float32")
    matrices = ops.cast(matrices, "float32")
    count = ops.shape(images)[0]
    _, height, width, channels = images.shape
    # One ring of the colour outside and one more beyond it, so that the four pixels around every
    # position exist: positions further away are drawn near, where all four are colour too.
    padded = ops.pad(images, ((0, 0), (1, 2), (1, 2), (0, 0)))
    colour = np.broadcast_to(np.asarray(fill, np.float32), (channels,))
    if colour.any():
        ring = np.array(np.broadcast_to(colour, (height + 3, width + 3, channels)))
        ring[1:-2, 1:-2] = 0
        padded = padded + ring
    pixels = ops.reshape(padded, (-1, channels))

    # Products of elements: a matrix product may be of lower precision on a GPU.
    columns = np.arange(width, dtype=np.float32)
    rows = np.arange(height, dtype=np.float32)[:, None]
    xx, xy, x0, yx, yy, y0 = (matrices[:, i, j][:, None, None] for i in range(2) for j in range(3))
    x = ops.clip(xx * columns + xy * rows + x0, -1, width)
    y = ops.clip(yx * columns + yy * rows + y0, -1, height)
    left, top = ops.floor(x), ops.floor(y)
    x, y = (x - left)[..., None], (y - top)[..., None]
    line = width + 3
    first = ops.reshape(ops.arange(count, dtype="int32") * ((height + 3) * line), (-1, 1, 1))
    corner = first + (ops.cast(top, "int32") + 1) * line + ops.cast(left, "int32") + 1

    def across(offset: int) -> Any:
        """Between two neighbours of a row; exact where they are equal or `x` is zero."""
        one = ops.take(pixels, corner + offset, axis=0)
        return one + (ops.take(pixels, corner + (offset + 1), axis=0) - one) * x

    upper = across(0)
    return upper + (across(line) - upper) * y
