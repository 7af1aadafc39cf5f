"""Training batches whose images are moved on the device, each by one affine map."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
from keras import ops

from sfp_keras.data import Augmentation, ImageMoves, ImageSplit, epoch_order
from sfp_keras.models.geometric import affine_matrices, resample


def moved_batches(
    split: ImageSplit,
    batch_size: int,
    seed: int,
    augmentation: Augmentation,
    prepare: Callable[[np.ndarray], Any],
    fill: float | Sequence[float] = 0.0,
    first_epoch: int = 0,
    *,
    shuffled: bool = True,
) -> Iterator[tuple[Any, np.ndarray]]:
    """Yield augmented batches, epoch after epoch without end.

    Order and augmentation are functions of (seed, epoch, image), as those of `training_batches`.

    Args:
        split: `ImageSplit`.
        batch_size: `int`; the last batch of an epoch may be short.
        seed: `int`, not negative.
        augmentation: `Augmentation`, with `GeometricAugmentation` also rotation and shear.
        prepare: what scales and enlarges images (n, H, W, C) before they are moved.
        fill: number, or one for each channel: the colour outside prepared images. Defaults to 0.
        first_epoch: `int`. Default 0.
        shuffled: `bool`. Whether each epoch has an order of its own. Defaults to `True`.

    Returns:
        An iterator of (x (n, H, W, C) float32 on the device, y (n,) int64).
    """
    epoch = first_epoch
    while True:
        order = epoch_order(seed, epoch, len(split)) if shuffled else np.arange(len(split))
        moves = augmentation.draw(len(split), seed, epoch)
        maps: np.ndarray | None = None
        for begin in range(0, len(split), batch_size):
            chosen = order[begin : begin + batch_size]
            images = prepare(split.read(chosen))
            if maps is None:  # Once an epoch; the prepared images' size is not known before.
                maps = _maps(moves, images.shape[1], images.shape[2])
            yield resample(images, maps[chosen], fill), split.labels[chosen]
        epoch += 1


def _maps(moves: ImageMoves, height: int, width: int) -> np.ndarray:
    """The affine map of each image, (n, 2, 3)."""
    none = np.zeros(len(moves.flip))
    rotation = none if moves.rotation is None else moves.rotation
    shear = none if moves.shear is None else moves.shear
    return ops.convert_to_numpy(
        affine_matrices(height, width, moves.flip, rotation, shear, moves.right, moves.down)
    )
