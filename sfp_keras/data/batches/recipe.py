"""Training batches with the image changes of vision transformers' recipe."""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from sfp_keras.data.batches.augmentation import Augmentation, augment
from sfp_keras.data.batches.batches import Batch, epoch_rows, steps_per_epoch
from sfp_keras.data.batches.erasing import Erasing, Noise, erase
from sfp_keras.data.batches.mixing import Mixing, mix
from sfp_keras.data.batches.prefetching import prefetch
from sfp_keras.data.batches.rand_augment import RandAugment, operate
from sfp_keras.data.batches.resized_crop import ResizedCrop, crop
from sfp_keras.data.batches.scaling import Scaling
from sfp_keras.data.dataset import ImageSplit
from sfp_keras.errors import InputError


@dataclass(frozen=True)
class ImageRecipe:
    """Changes of training images, in the order in which they are done; `None` for none.

    Flips and shifts come after RandAugment, and images are scaled before them.

    Attributes:
        crop: `ResizedCrop`.
        rand_augment: `RandAugment`, of uint8 images with 3 channels or 1.
        erasing: `Erasing`.
        mixing: `Mixing`.
    """

    crop: ResizedCrop | None = None
    rand_augment: RandAugment | None = None
    erasing: Erasing | None = None
    mixing: Mixing | None = None

    def check(self, split: ImageSplit) -> None:
        """Refuse images that it is not for.

        Raises:
            InputError: if RandAugment gets other images than uint8 with 3 channels or 1.
        """
        channels = split.image_shape[-1]
        if self.rand_augment and (split.dtype != np.uint8 or channels not in (1, 3)):
            raise InputError(
                f"`rand_augment`={self.rand_augment.operations} is for images of 0..255 with 3 "
                f"channels or 1; these are {split.dtype} with {channels}"
            )


def recipe_batches(
    split: ImageSplit,
    batch_size: int,
    seed: int,
    scaling: Scaling,
    recipe: ImageRecipe,
    num_labels: int,
    augmentation: Augmentation | None = None,
    first_epoch: int = 0,
    inside: Scaling | None = None,
) -> Iterator[Batch]:
    """Yield what `training_batches` does, with the images changed and mixed as a recipe says.

    Everything random is a function of (seed, epoch) and the image or the number of the batch.
    Batches are made ahead in a thread, which ends when the iterator is closed.

    Args:
        split: `ImageSplit`.
        batch_size: `int`.
        seed: `int`, not negative.
        scaling: `Scaling`.
        recipe: `ImageRecipe`.
        num_labels: `int`. K.
        augmentation: `Augmentation`, flips and shifts. Default: none.
        first_epoch: `int`. Default 0.
        inside: `Scaling` that the network does itself, where `scaling` leaves images as they
            are: what is erased is then noise of its units. Default: none.

    Returns:
        An endless iterator of (x (n, H, W, C) float32, y): y is (n,) int64 or, where images are
        mixed, (n, K) float32, the share of each label.

    Raises:
        InputError: if the images are not what the recipe is for, there are none, or the batch
            size is not positive.
    """
    if batch_size < 1:
        raise InputError(f"`batch_size` must be positive, got {batch_size}")
    if not len(split):
        raise InputError("there are no images to train on")
    recipe.check(split)
    units = _Units.of(scaling, inside, split.image_shape[-1])
    changed = _ChangedImages(split, seed, units, recipe, num_labels)
    return prefetch(
        batch
        for epoch in itertools.count(first_epoch)
        for batch in changed.batches(epoch, batch_size, augmentation)
    )


@dataclass(frozen=True, eq=False)
class _Units:
    """How images are scaled, and what that makes of colours; arrays are (C,).

    Attributes:
        scaling: `Scaling`.
        outside: the colour, 0..255, of what RandAugment moves in: the one that becomes 0.
        mean: mean of the noise that is put into scaled images.
        std: its standard deviation.
    """

    scaling: Scaling
    outside: np.ndarray
    mean: np.ndarray
    std: np.ndarray

    @classmethod
    def of(cls, scaling: Scaling, inside: Scaling | None, channels: int) -> "_Units":
        scaling = scaling.for_channels(channels)
        last = scaling if inside is None else inside.for_channels(channels)
        zero, one = last.mean * np.float32(last.divisor), last.std * np.float32(last.divisor)
        # Images in 0..1, say, have no middle at 0: mid-grey is outside.
        outside = np.clip(np.rint(zero), 0, 255) if zero.any() else np.full(channels, 128.0)
        if inside is None:
            zero, one = np.zeros_like(zero), np.ones_like(one)
        return cls(scaling, outside, zero, one)


class _ChangedImages:
    """The batches of single epochs."""

    def __init__(
        self, split: ImageSplit, seed: int, units: _Units, recipe: ImageRecipe, num_labels: int
    ):
        self.split, self.seed, self.units, self.recipe = split, seed, units, recipe
        self.one_hot = np.eye(num_labels, dtype=np.float32) if recipe.mixing else None

    def batches(
        self, epoch: int, batch_size: int, augmentation: Augmentation | None
    ) -> Iterator[Batch]:
        split, seed, recipe = self.split, self.seed, self.recipe
        count, size = len(split), split.image_shape[:2]
        parts = recipe.crop.draw(count, size, seed, epoch) if recipe.crop else None
        operations = recipe.rand_augment.draw(count, seed, epoch) if recipe.rand_augment else None
        erased = recipe.erasing.draw(count, size, seed, epoch) if recipe.erasing else None
        rows = epoch_rows(count, batch_size, seed, augmentation, epoch)
        steps = steps_per_epoch(count, batch_size)
        for number, (indices, moves) in enumerate(itertools.islice(rows, steps)):
            images = split.read(indices)
            if parts is not None:
                images = crop(images, parts[indices])
            if operations is not None:
                images = operate(images, operations.at(indices), self.units.outside)
            x = self.units.scaling(images).astype(np.float32, copy=False)
            if moves is not None:
                x = augment(x, moves, self.units.scaling.mid_grey)
            if erased is not None:
                noise = Noise(seed, epoch, indices, self.units.mean, self.units.std)
                erase(x, erased[indices], noise)
            yield self._mixed(x, split.labels[indices], epoch, number)

    def _mixed(self, x: np.ndarray, y: np.ndarray, epoch: int, batch: int) -> Batch:
        mixing = self.recipe.mixing
        if mixing is None:
            return x, y
        assert self.one_hot is not None
        size = (x.shape[1], x.shape[2])
        return mix(x, self.one_hot[y], mixing.draw(size, self.seed, epoch, batch))
