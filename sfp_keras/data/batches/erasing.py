"""Random erasing: a rectangle of an image becomes noise."""

from dataclasses import dataclass

import numpy as np

from sfp_keras.data.batches.rectangles import placed, random_sides
from sfp_keras.data.seeded_random import random_normal, random_uniform
from sfp_keras.errors import InputError

_SHARES, _ASPECTS = (0.02, 1 / 3), (0.3, 1 / 0.3)


@dataclass(frozen=True)
class Erasing:
    """Random erasing (Zhong et al. 2020) by noise of every pixel, as timm does it.

    Rectangles have 1/50 to 1/3 of an image's area and aspects of 0.3 to 1/0.3.

    Attributes:
        probability: `float` from 0 to 1. Share of the images. Default 0.25.

    Raises:
        InputError: if `probability` is out of its range.
    """

    probability: float = 0.25

    def __post_init__(self) -> None:
        if not 0 <= self.probability <= 1:
            raise InputError(f"`erasing`={self.probability} must be from 0 to 1")

    def draw(self, count: int, size: tuple[int, int], seed: int, epoch: int) -> np.ndarray:
        """Draw for every image of an epoch, a function of `seed`, `epoch` and the image.

        Args:
            count: `int`. Number of images.
            size: `(height, width)` of the images.
            seed: `int`, not negative.
            epoch: `int`, from 0.

        Returns:
            Array (count, 4) of int64: top, bottom, left, right; all 0 where nothing is erased.
        """
        numbers = (seed, epoch)
        # No side of an image is erased whole; areas are still shares of the whole image.
        inner = (size[0] - 1, size[1] - 1)
        area = size[0] * size[1] / max(inner[0] * inner[1], 1)
        shares = (_SHARES[0] * area, _SHARES[1] * area)
        heights, widths = random_sides(count, inner, shares, _ASPECTS, "erasing: sides", *numbers)
        boxes = placed(heights, widths, size, "erasing: place", *numbers)
        chosen = random_uniform(count, "erasing: which", *numbers) < self.probability
        return boxes * (chosen & (heights > 0))[:, None]


@dataclass(frozen=True, eq=False)
class Noise:
    """Normal noise for a batch, a function of `seed`, `epoch` and the image.

    Attributes:
        seed: `int`, not negative.
        epoch: `int`, from 0.
        indices: array (n,) of int64, which images the batch has.
        mean: array (C,).
        std: array (C,), the standard deviation.
    """

    seed: int
    epoch: int
    indices: np.ndarray
    mean: np.ndarray
    std: np.ndarray

    def of(self, place: int, shape: tuple[int, ...]) -> np.ndarray:
        """The noise (h, w, C) in the image at a place of the batch."""
        numbers = (self.seed, self.epoch, int(self.indices[place]))
        drawn = random_normal(int(np.prod(shape)), "erasing: noise", *numbers)
        return drawn.reshape(shape) * self.std + self.mean


def erase(images: np.ndarray, boxes: np.ndarray, noise: Noise) -> None:
    """Replace a rectangle of each image by noise, in place.

    Args:
        images: array (n, H, W, C) of float32.
        boxes: array (n, 4) of int64, of `Erasing.draw`.
        noise: `Noise`.
    """
    for place in np.flatnonzero(boxes[:, 1]):
        top, bottom, left, right = boxes[place]
        part = images[place, top:bottom, left:right]
        part[:] = noise.of(int(place), part.shape)
