"""Random flips and whole-pixel shifts of each image."""

from dataclasses import dataclass

import numpy as np

from sfp_keras.data.seeded_random import random_words
from sfp_keras.errors import InputError


@dataclass(frozen=True, eq=False)
class AugmentationDraws:
    """What is done to each image of a set or batch.

    Attributes:
        flip: array (n,) of bool, mirrored left to right.
        down: array (n,) of int64, pixels the mirrored image is then moved down.
        right: array (n,) of int64, pixels it is moved to the right.
    """

    flip: np.ndarray
    down: np.ndarray
    right: np.ndarray

    def at(self, indices: np.ndarray) -> "AugmentationDraws":
        """Return the draws of the images at `indices` (n,)."""
        return AugmentationDraws(self.flip[indices], self.down[indices], self.right[indices])


@dataclass(frozen=True)
class Augmentation:
    """Horizontal flip with probability 1/2 and shift by whole pixels (paper 1, Methods).

    Attributes:
        flip: `bool`. Whether images are mirrored left to right half of the time. Default True.
        shift: `int`. Most pixels an image is moved, each way and each axis; all (2*shift + 1)^2
            moves are equally likely. Default 4.
    """

    flip: bool = True
    shift: int = 4

    def __post_init__(self) -> None:
        if self.shift < 0:
            raise InputError(f"the shift must not be negative, got {self.shift}")

    def draw(self, count: int, seed: int, epoch: int) -> AugmentationDraws:
        """Draw for every image of an epoch.

        What happens to image i is a function of `seed`, `epoch` and i alone.

        Args:
            count: `int`. Number of images.
            seed: `int`, not negative.
            epoch: `int`, from 0.

        Returns:
            An `AugmentationDraws` of `count` images.
        """
        words = random_words(count, "augmentation", seed, epoch)
        moves = 2 * self.shift + 1
        # One word an image: a bit for the flip, 31 and 32 bits for the moves.
        down = (words >> np.uint64(1)) % np.uint64(2**31) % np.uint64(moves)
        right = (words >> np.uint64(32)) % np.uint64(moves)
        return AugmentationDraws(
            flip=(words % np.uint64(2)).astype(bool) & self.flip,
            down=down.astype(np.int64) - self.shift,
            right=right.astype(np.int64) - self.shift,
        )


def augment(images: np.ndarray, draws: AugmentationDraws, fill: np.ndarray) -> np.ndarray:
    """Flip and shift each image as drawn.

    Augment scaled images with the scaled mid-grey as `fill`: mid-grey itself, 127.5, is no
    uint8 number.

    Args:
        images: array (n, H, W, C).
        draws: `AugmentationDraws` of n images.
        fill: array (C,), the colour of pixels that are moved in from outside.

    Returns:
        A new array (n, H, W, C) of the same type.
    """
    _, height, width, channels = images.shape
    # In C's order whatever the images' own: the rows that are filled must be views.
    result = np.empty_like(images, order="C")
    result.reshape(-1, width * channels)[:] = np.tile(fill, width)
    moves = zip(draws.flip.tolist(), draws.down.tolist(), draws.right.tolist(), strict=True)
    # Two slices an image: in NumPy no gather of whole batches is faster.
    for image, moved, (flip, down, right) in zip(images, result, moves, strict=True):
        if abs(down) < height and abs(right) < width:
            mirrored = image[:, ::-1] if flip else image
            moved[max(down, 0) : height + down, max(right, 0) : width + right] = mirrored[
                max(-down, 0) : height - down, max(-right, 0) : width - right
            ]
    return result
