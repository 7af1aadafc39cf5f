"""Mixup and cutmix: each image of a batch is mixed with the one in reverse order, and its label."""

from dataclasses import dataclass

import numpy as np

from sfp_keras.data.seeded_random import random_uniform
from sfp_keras.errors import InputError


@dataclass(frozen=True)
class Mix:
    """How the images of a batch are mixed.

    Attributes:
        share: `float`. Share of each image itself in the mixed one; the other's is the rest.
        box: `(top, bottom, left, right)`, the rectangle that is the other's (cutmix), or `None`
            where all pixels are averaged (mixup).
    """

    share: float
    box: tuple[int, int, int, int] | None = None


@dataclass(frozen=True)
class Mixing:
    """Mixup (Zhang et al. 2018) and cutmix (Yun et al. 2019), drawn once for a batch.

    As timm (PyTorch Image Models) mixes by batches.

    Attributes:
        mixup: `float`. alpha of the Beta distribution of shares; 0 for no mixup. Default 0.8.
        cutmix: `float`. The same of cutmix. Default 1. Where both are positive a batch has one of
            them, either half of the time.

    Raises:
        InputError: if one is negative, or none is positive.
    """

    mixup: float = 0.8
    cutmix: float = 1.0

    def __post_init__(self) -> None:
        if min(self.mixup, self.cutmix) < 0 or max(self.mixup, self.cutmix) <= 0:
            raise InputError(
                f"`mixup`={self.mixup} and `cutmix`={self.cutmix}: one must be positive, and none "
                "negative"
            )

    def draw(self, size: tuple[int, int], seed: int, epoch: int, batch: int) -> Mix:
        """Draw for a batch, a function of `seed`, `epoch` and `batch`.

        Args:
            size: `(height, width)` of its images.
            seed: `int`, not negative.
            epoch: `int`, from 0.
            batch: `int`. Number of the batch in the epoch, from 0.
        """
        from scipy.special import betaincinv

        chosen, quantile, *centre = random_uniform(4, "mixing", seed, epoch, batch)
        cuts = not self.mixup or (self.cutmix > 0 and chosen < 0.5)
        alpha = self.cutmix if cuts else self.mixup
        share = float(betaincinv(alpha, alpha, quantile))
        if not cuts:
            return Mix(share)
        edges = []
        for side, place in zip(size, centre, strict=True):
            half, middle = int(side * (1 - share) ** 0.5) // 2, int(place * side)
            edges += [max(middle - half, 0), min(middle + half, side)]
        top, bottom, left, right = edges
        # Rectangles end at the border.
        area = (bottom - top) * (right - left) / (size[0] * size[1])
        return Mix(1 - area, (top, bottom, left, right))


def mix(images: np.ndarray, labels: np.ndarray, how: Mix) -> tuple[np.ndarray, np.ndarray]:
    """Mix the images of a batch and their labels.

    Args:
        images: array (n, H, W, C) of float32.
        labels: array (n, K) of float32, the share of each label.
        how: `Mix`.

    Returns:
        Two new arrays of the same shapes.
    """
    share, rest = np.float32(how.share), np.float32(1 - how.share)
    mixed_labels = labels * share + labels[::-1] * rest
    if how.box is None:
        return images * share + images[::-1] * rest, mixed_labels
    top, bottom, left, right = how.box
    mixed = images.copy()
    mixed[:, top:bottom, left:right] = images[::-1, top:bottom, left:right]
    return mixed, mixed_labels
