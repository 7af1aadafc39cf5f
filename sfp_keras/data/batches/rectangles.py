"""Rectangles of a random area and aspect in images."""

import numpy as np

from sfp_keras.data.seeded_random import random_uniform

# Draws until one fits.
_ATTEMPTS = 10


def random_sides(
    count: int,
    size: tuple[int, int],
    shares: tuple[float, float],
    aspects: tuple[float, float],
    purpose: str,
    *numbers: int,
) -> tuple[np.ndarray, np.ndarray]:
    """Draw the sides of a rectangle in each image, as timm and torchvision do.

    The area is uniform, the aspect uniform in its logarithm, and the first of ten draws counts
    that is no larger than the image.

    Args:
        count: `int`. Number of images.
        size: `(height, width)` of the images.
        shares: least and largest share of the area.
        aspects: least and largest width by height.
        purpose: `str`. Keeps the draws of different purposes apart.
        *numbers: `int`, none negative: seed and epoch.

    Returns:
        Heights and widths, (count,) of int64; 0 where none of the ten fits.
    """
    place = random_uniform(2 * count * _ATTEMPTS, purpose, *numbers).reshape(count, 2, _ATTEMPTS)
    area = size[0] * size[1] * (shares[0] + (shares[1] - shares[0]) * place[:, 0])
    low, high = np.log(aspects)
    aspect = np.exp(low + (high - low) * place[:, 1])
    heights = np.maximum(np.rint(np.sqrt(area / aspect)), 1).astype(np.int64)
    widths = np.maximum(np.rint(np.sqrt(area * aspect)), 1).astype(np.int64)
    fits = (heights <= size[0]) & (widths <= size[1])
    first = fits.argmax(axis=1)[:, None]
    found = fits.any(axis=1)
    return (
        np.take_along_axis(heights, first, 1)[:, 0] * found,
        np.take_along_axis(widths, first, 1)[:, 0] * found,
    )


def placed(
    heights: np.ndarray, widths: np.ndarray, size: tuple[int, int], purpose: str, *numbers: int
) -> np.ndarray:
    """Put each rectangle somewhere in its image, all places equally likely.

    Args:
        heights: array (n,) of int64, at most the images'.
        widths: array (n,) of int64.
        size: `(height, width)` of the images.
        purpose: `str`. Keeps the draws of different purposes apart.
        *numbers: `int`, none negative: seed and epoch.

    Returns:
        Array (n, 4) of int64: top, bottom, left, right; bottom and right are outside.
    """
    down, right = random_uniform(2 * len(heights), purpose, *numbers).reshape(-1, 2).T
    top = (down * (size[0] - heights + 1)).astype(np.int64)
    left = (right * (size[1] - widths + 1)).astype(np.int64)
    return np.stack([top, top + heights, left, left + widths], axis=1)
