"""Further heads of the same stages: of other first weights, or of labels that mean nothing."""

import dataclasses
from collections.abc import Sequence

import numpy as np

from sfp_keras.data import random_order
from sfp_keras.errors import InputError


@dataclasses.dataclass(frozen=True, order=True)
class HeadVariant:
    """What makes a head another one than that of the same stage beside it.

    Attributes:
        seed: `int`. Of its first weights, and of the shuffling.
        shuffled: `bool`, default False. Whether the labels of the training images are shuffled
            among them, once.
    """

    seed: int
    shuffled: bool = False

    @property
    def name(self) -> str:
        """What it is called in files, such as `seed1` or `shuffled0`."""
        return f"{'shuffled' if self.shuffled else 'seed'}{self.seed}"

    def labels(self, labels: np.ndarray, count: int, versions: int = 1) -> np.ndarray:
        """The labels that it is trained and tested on.

        Args:
            labels: (N,), those of the training images once for each version, then the test images'.
            count: `int`. Number of training images.
            versions: `int`. Of each training image; all get the same label. Defaults to `1`.

        Returns:
            (N,), those of the training images shuffled where this head's are.
        """
        if not self.shuffled:
            return labels
        order = random_order(count, "shuffled labels", self.seed)
        shuffled = np.tile(labels[:count][order], versions)
        return np.concatenate([shuffled, labels[versions * count :]])


def head_variants(seed: int, seeds: int, shuffled: bool) -> list[HeadVariant]:
    """The heads that are trained beside that of `seed`.

    Args:
        seed: `int`. Of the first head.
        seeds: `int`. Heads of different first weights, the first one included.
        shuffled: `bool`. Whether there is one of shuffled labels, too.
    """
    found = [HeadVariant(seed + number) for number in range(1, seeds)]
    return [*found, HeadVariant(seed, shuffled=True)] if shuffled else found


def check_variants(
    variants: Sequence[HeadVariant], learnt: Sequence[str], new_images: bool
) -> None:
    """Refuse heads that cannot be trained together.

    Args:
        variants: the heads of each stage.
        learnt: the stages whose pooling is trained with their head.
        new_images: `bool`. Whether every epoch has other images.

    Raises:
        InputError: if there are several heads and such a stage, or labels of new images are to be
            shuffled.
    """
    if new_images and any(variant.shuffled for variant in variants):
        raise InputError(
            "`shuffled_labels`: labels of images that are new in every epoch cannot be shuffled; "
            "give `head_data`=cached, or keep some versions of the images by `head_versions`"
        )
    if len(variants) > 1 and learnt:
        raise InputError(
            f"`head_seeds`, `shuffled_labels`: the pooling of stage {learnt[0]} is trained with "
            "its head, so each head would read other features; train them in runs of their own"
        )
