"""RandAugment: a few random operations on each image, all of one strength."""

from dataclasses import dataclass

import numpy as np

from sfp_keras.data.batches.pixel_operations import OPERATIONS
from sfp_keras.data.seeded_random import random_normal, random_uniform
from sfp_keras.errors import InputError


@dataclass(frozen=True, eq=False)
class RandomOperations:
    """What RandAugment does to each image.

    Attributes:
        which: array (n, operations) of int64, places in `OPERATIONS`; -1 for none.
        levels: array (n, operations) of strengths from -1 to 1, whose signs say which way.
    """

    which: np.ndarray
    levels: np.ndarray

    def at(self, indices: np.ndarray) -> "RandomOperations":
        """Return those of the images at `indices` (n,)."""
        return RandomOperations(self.which[indices], self.levels[indices])


@dataclass(frozen=True)
class RandAugment:
    """RandAugment (Cubuk et al. 2020) in timm's form `rand-m9-mstd0.5-inc1`.

    Each image goes through `operations` of the 15 kinds in `OPERATIONS`, drawn with replacement,
    each done half of the time. All kinds grow with the strength. Keras' own RandAugment has other
    kinds, one strength for all, and draws that depend on what was drawn before.

    Attributes:
        operations: `int`. Default 2.
        magnitude: `float` from 0 to 10. The strength. Default 9.
        std: `float`. Standard deviation of the strength, drawn for each operation. Default 0.5.

    Raises:
        InputError: if a number is out of its range.
    """

    operations: int = 2
    magnitude: float = 9.0
    std: float = 0.5

    def __post_init__(self) -> None:
        if self.operations < 1 or not 0 <= self.magnitude <= 10 or self.std < 0:
            raise InputError(
                f"`rand_augment`={self.operations} must be at least 1, `rand_magnitude`="
                f"{self.magnitude:g} from 0 to 10, `rand_magnitude_std`={self.std:g} at least 0"
            )

    def draw(self, count: int, seed: int, epoch: int) -> RandomOperations:
        """Draw for every image of an epoch, a function of `seed`, `epoch` and the image.

        Args:
            count: `int`. Number of images.
            seed: `int`, not negative.
            epoch: `int`, from 0.
        """
        shape = (count, self.operations)
        total = count * self.operations
        kind, done, sign = (
            random_uniform(total, f"RandAugment: {what}", seed, epoch).reshape(shape)
            for what in ("kind", "done", "sign")
        )
        noise = random_normal(total, "RandAugment: strength", seed, epoch).reshape(shape)
        levels = np.clip(self.magnitude + self.std * noise, 0, 10) / 10
        which = (kind * len(OPERATIONS)).astype(np.int64)
        return RandomOperations(
            np.where(done < 0.5, which, -1), np.where(sign < 0.5, levels, -levels)
        )


def operate(images: np.ndarray, operations: RandomOperations, fill: np.ndarray) -> np.ndarray:
    """Do operations to images.

    Args:
        images: array (n, H, W, C) of uint8, C 3 or 1.
        operations: `RandomOperations` of n images.
        fill: array (C,), the colour of what comes in from outside, 0..255.

    Returns:
        A new array of the same shape and type.
    """
    kinds, colour = tuple(OPERATIONS.values()), tuple(map(int, fill))
    result = images.copy()
    each = zip(result, operations.which.tolist(), operations.levels.tolist(), strict=True)
    for place, (image, which, levels) in enumerate(each):
        for kind, level in zip(which, levels, strict=True):
            if kind >= 0:
                image = kinds[kind](image, level, colour)
        result[place] = image
    return result
