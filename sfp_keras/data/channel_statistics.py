"""Mean and standard deviation of each colour channel of a split."""

from typing import NamedTuple
from weakref import WeakKeyDictionary

import numpy as np

from sfp_keras.data.dataset import ImageSplit
from sfp_keras.data.resizing import chunks
from sfp_keras.errors import InputError


class ChannelStatistics(NamedTuple):
    """Mean and standard deviation (over all pixels, not N-1) of images in 0..1.

    Attributes:
        mean: array (3,) of float64.
        std: array (3,) of float64.
    """

    mean: np.ndarray
    std: np.ndarray


# Every network that is built asks anew, and a large split is read from disk for it.
_KNOWN: WeakKeyDictionary[ImageSplit, ChannelStatistics] = WeakKeyDictionary()


def channel_statistics(split: ImageSplit) -> ChannelStatistics:
    """Compute the channel statistics of a split exactly, in chunks.

    The grey levels are counted, so sums are those of integers and rounding enters at the end.

    Args:
        split: `ImageSplit`.

    Returns:
        A `ChannelStatistics`.

    Raises:
        InputError: if there are no images, or a channel has the same value everywhere.
    """
    known = _KNOWN.get(split)
    if known is None:
        known = _KNOWN[split] = _channel_statistics(split)
    return known


def _channel_statistics(split: ImageSplit) -> ChannelStatistics:
    counts = np.zeros((3, 256), np.int64)
    for part in chunks(len(split)):
        images = split.read(part)
        for channel in range(3):
            counts[channel] += np.bincount(images[..., channel].ravel(), minlength=256)
    number = int(counts[0].sum())
    levels = np.arange(256)
    totals = [int(n) for n in counts @ levels]
    squares = [int(n) for n in counts @ levels**2]
    variances = [number * q - t * t for t, q in zip(totals, squares, strict=True)]
    if not all(variances):
        raise InputError(
            "--scaling=dataset needs images whose every channel varies; give the mean and "
            "standard deviation as numbers"
        )
    mean = np.array([t / (255 * number) for t in totals])
    std = np.array([v**0.5 / (255 * number) for v in variances])
    return ChannelStatistics(mean, std)
