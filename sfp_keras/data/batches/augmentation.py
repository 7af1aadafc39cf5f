"""What is changed at random in each training image, drawn as a function of (seed, epoch, image).

Three executors do the same to images: `augment` moves pixels on the host, `ResidentImages` of
`sfp_keras.training` moves them on the device, and `moved_batches` there interpolates, which
rotation and shear need.
"""

from dataclasses import dataclass

import numpy as np

from sfp_keras.data.seeded_random import random_uniform, random_words
from sfp_keras.errors import InputError


@dataclass(frozen=True, eq=False)
class ImageMoves:
    """What is done to each image of a set or batch.

    An image is mirrored, then sheared, then rotated, all about its centre, then moved.

    Attributes:
        flip: array (n,) of bool, mirrored left to right.
        down: array (n,) of whole pixels the image is moved down.
        right: array (n,) of whole pixels it is moved to the right.
        rotation: array (n,) of degrees, clockwise as seen, or `None` for no rotation.
        shear: array (n,) of degrees; positive ones move lower rows to the right. `None` for none.
    """

    flip: np.ndarray
    down: np.ndarray
    right: np.ndarray
    rotation: np.ndarray | None = None
    shear: np.ndarray | None = None

    def at(self, indices: np.ndarray) -> "ImageMoves":
        """Return the moves of the images at `indices` (n,)."""
        parts = (self.flip, self.down, self.right, self.rotation, self.shear)
        return ImageMoves(*(None if part is None else part[indices] for part in parts))  # type: ignore[arg-type]


@dataclass(frozen=True)
class Augmentation:
    """Horizontal flip with probability 1/2 and shift by whole pixels (paper 1, Methods).

    Attributes:
        flip: `bool`. Whether images are mirrored left to right half of the time. Default True.
        shift: `int`. Most pixels an image is moved, each way and each axis; all (2*shift + 1)^2
            moves are equally likely. Default 4.

    Raises:
        InputError: if `shift` is negative.
    """

    flip: bool = True
    shift: int = 4

    def __post_init__(self) -> None:
        if self.shift < 0:
            raise InputError(f"`shift`={self.shift} must not be negative")

    def draw(self, count: int, seed: int, epoch: int) -> ImageMoves:
        """Draw for every image of an epoch.

        What happens to image i is a function of `seed`, `epoch` and i alone.

        Args:
            count: `int`. Number of images.
            seed: `int`, not negative.
            epoch: `int`, from 0.

        Returns:
            `ImageMoves` of `count` images.
        """
        words = random_words(count, "augmentation", seed, epoch)
        moves = 2 * self.shift + 1
        # One word an image: a bit for the flip, 31 and 32 bits for the moves.
        down = (words >> np.uint64(1)) % np.uint64(2**31) % np.uint64(moves)
        right = (words >> np.uint64(32)) % np.uint64(moves)
        return ImageMoves(
            flip=(words % np.uint64(2)).astype(bool) & self.flip,
            down=down.astype(np.int64) - self.shift,
            right=right.astype(np.int64) - self.shift,
        )


@dataclass(frozen=True)
class GeometricAugmentation(Augmentation):
    """Flip, shear, rotation and shift by whole pixels (paper 2, Methods).

    Attributes:
        flip: as of `Augmentation`.
        shift: as of `Augmentation`.
        rotation: `float`, degrees: angles are uniform between -rotation and rotation. Default 2.
        shear: `float`, degrees: angles are uniform between -shear and shear. Default 2.
    """

    rotation: float = 2.0
    shear: float = 2.0

    def draw(self, count: int, seed: int, epoch: int) -> ImageMoves:
        """Draw for every image of an epoch, as `Augmentation.draw` does but with other numbers."""

        def uniform(what: str) -> np.ndarray:
            return random_uniform(count, f"geometry: {what}", seed, epoch)

        def whole(what: str) -> np.ndarray:
            return np.floor(uniform(what) * (2 * self.shift + 1)) - self.shift

        return ImageMoves(
            flip=(uniform("flip") < 0.5) & self.flip,
            down=whole("down"),
            right=whole("right"),
            rotation=(2 * uniform("rotation") - 1) * self.rotation,
            shear=(2 * uniform("shear") - 1) * self.shear,
        )


def augment(images: np.ndarray, moves: ImageMoves, fill: np.ndarray) -> np.ndarray:
    """Flip and shift each image, on the host.

    Augment scaled images with the scaled mid-grey as `fill`: mid-grey itself, 127.5, is no
    uint8 number.

    Args:
        images: array (n, H, W, C).
        moves: `ImageMoves` of n images, without rotation and shear.
        fill: array (C,), the colour of pixels that are moved in from outside.

    Returns:
        A new array (n, H, W, C) of the same type.
    """
    _, height, width, channels = images.shape
    # In C's order, which the images may not have: the rows that are filled must be views.
    result = np.empty_like(images, order="C")
    result.reshape(-1, width * channels)[:] = np.tile(fill, width)
    each = zip(moves.flip.tolist(), moves.down.tolist(), moves.right.tolist(), strict=True)
    # Two slices an image: in NumPy no gather of whole batches is faster.
    for image, moved, (flip, down, right) in zip(images, result, each, strict=True):
        if abs(down) < height and abs(right) < width:
            mirrored = image[:, ::-1] if flip else image
            moved[max(down, 0) : height + down, max(right, 0) : width + right] = mirrored[
                max(-down, 0) : height - down, max(-right, 0) : width - right
            ]
    return result
