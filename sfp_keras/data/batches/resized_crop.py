"""A random part of each image, resized to the whole."""

from dataclasses import dataclass

import numpy as np

from sfp_keras.data.batches.rectangles import placed, random_sides
from sfp_keras.data.images.cropping import bicubic
from sfp_keras.errors import InputError

_ASPECTS = (3 / 4, 4 / 3)


@dataclass(frozen=True)
class ResizedCrop:
    """A random part of each image, of another area and aspect, resized by bicubic interpolation.

    As `RandomResizedCrop` of torchvision and timm, with aspects of 3/4 to 4/3.

    Attributes:
        least: `float` in (0, 1]. Least share of the area. Default 0.8.

    Raises:
        InputError: if `least` is out of its range.
    """

    least: float = 0.8

    def __post_init__(self) -> None:
        if not 0 < self.least <= 1:
            raise InputError(f"`resized_crop`={self.least} must be above 0 and at most 1")

    def draw(self, count: int, size: tuple[int, int], seed: int, epoch: int) -> np.ndarray:
        """Draw for every image of an epoch, a function of `seed`, `epoch` and the image.

        Args:
            count: `int`. Number of images.
            size: `(height, width)` of the images.
            seed: `int`, not negative.
            epoch: `int`, from 0.

        Returns:
            Array (count, 4) of int64: top, bottom, left, right.
        """
        numbers = (seed, epoch)
        heights, widths = random_sides(
            count, size, (self.least, 1.0), _ASPECTS, "crop: sides", *numbers
        )
        boxes = placed(heights, widths, size, "crop: place", *numbers)
        boxes[heights == 0] = _middle(size)
        return boxes


def _middle(size: tuple[int, int]) -> tuple[int, int, int, int]:
    """The largest part of a good aspect, in the middle: for images that no draw fits."""
    height, width = size
    low, high = _ASPECTS
    tall = min(height, round(width / low))
    wide = min(width, round(height * high))
    top, left = (height - tall) // 2, (width - wide) // 2
    return top, top + tall, left, left + wide


def crop(images: np.ndarray, boxes: np.ndarray) -> np.ndarray:
    """Cut a part out of each image and resize it to the image's size.

    Args:
        images: array (n, H, W, C) of uint8 or float32.
        boxes: array (n, 4) of int64, of `ResizedCrop.draw`.

    Returns:
        A new array of the same shape and type.
    """
    size = (images.shape[1], images.shape[2])
    result = np.empty_like(images, order="C")
    each = zip(images, result, boxes.tolist(), strict=True)
    for image, resized, (top, bottom, left, right) in each:
        part = image[top:bottom, left:right]
        resized[:] = image if part.shape == image.shape else bicubic(part, size)
    return result
