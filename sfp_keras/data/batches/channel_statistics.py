"""Mean and standard deviation of each colour channel of a split."""

import math
from collections.abc import Callable
from typing import NamedTuple
from weakref import WeakKeyDictionary

import numpy as np

from sfp_keras.data.dataset import ImageSplit
from sfp_keras.data.images.changed_images import chunks
from sfp_keras.errors import InputError


class ChannelStatistics(NamedTuple):
    """Mean and standard deviation (over all pixels, not N-1) of images.

    Attributes:
        mean: array (C,) of float64, of images in 0..1 (uint8), or as they are (float32).
        std: array (C,) of float64, likewise.
    """

    mean: np.ndarray
    std: np.ndarray


# Every network that is built asks for them, and a large split is read from disk for it.
_KNOWN: WeakKeyDictionary[ImageSplit, ChannelStatistics] = WeakKeyDictionary()


def channel_statistics(split: ImageSplit) -> ChannelStatistics:
    """Compute the channel statistics of a split in chunks.

    The grey levels of uint8 images are counted, so sums are those of integers and rounding enters
    at the end. Floats are summed in float64, in two passes.

    Args:
        split: `ImageSplit`.

    Returns:
        A `ChannelStatistics`.

    Raises:
        InputError: if there are no images, or a channel has the same value everywhere.
    """
    known = _KNOWN.get(split)
    if known is None:
        compute = _of_levels if split.dtype == np.uint8 else _of_floats
        known = _KNOWN[split] = compute(split)
    return known


def _of_levels(split: ImageSplit) -> ChannelStatistics:
    counts = np.zeros((split.image_shape[-1], 256), np.int64)
    for part in chunks(len(split)):
        images = split.read(part)
        for channel in range(len(counts)):
            counts[channel] += np.bincount(images[..., channel].ravel(), minlength=256)
    number = int(counts[0].sum())
    levels = np.arange(256)
    totals = [int(n) for n in counts @ levels]
    squares = [int(n) for n in counts @ levels**2]
    variances = [number * q - t * t for t, q in zip(totals, squares, strict=True)]
    if not all(variances):
        raise _constant()
    mean = np.array([t / (255 * number) for t in totals])
    std = np.array([v**0.5 / (255 * number) for v in variances])
    return ChannelStatistics(mean, std)


def _of_floats(split: ImageSplit) -> ChannelStatistics:
    def mean_of(change: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
        sums = sum(
            change(split.read(part).astype(np.float64)).sum(axis=(0, 1, 2))
            for part in chunks(len(split))
        )
        return np.asarray(sums / (len(split) * math.prod(split.image_shape[:2])))

    mean = mean_of(lambda images: images)
    std = np.sqrt(mean_of(lambda images: (images - mean) ** 2))
    if not np.isfinite(std).all():
        raise InputError("`scaling`=dataset needs images without NaN and infinite values")
    if not std.all():
        raise _constant()
    return ChannelStatistics(mean, std)


def _constant() -> InputError:
    return InputError(
        "`scaling`=dataset needs images whose every channel varies; give the mean and "
        "standard deviation as numbers"
    )
