"""Batches for training, in an order that is a function of (seed, epoch), and for evaluation."""

from collections.abc import Iterator

import numpy as np

from sfp_keras.data.batches.augmentation import Augmentation, ImageMoves, augment
from sfp_keras.data.batches.prefetching import prefetch
from sfp_keras.data.batches.scaling import Scaling
from sfp_keras.data.dataset import ImageSplit
from sfp_keras.data.seeded_random import random_order
from sfp_keras.errors import InputError

Batch = tuple[np.ndarray, np.ndarray]


def epoch_order(seed: int, epoch: int, count: int) -> np.ndarray:
    """Return the order of the images in an epoch.

    Args:
        seed: `int`, not negative.
        epoch: `int`, from 0.
        count: `int`. Number of images.

    Returns:
        A permutation (count,) of int64, a function of the arguments only.
    """
    return random_order(count, "order", seed, epoch)


def steps_per_epoch(count: int, batch_size: int) -> int:
    """Count the batches of an epoch, a last short one included.

    Args:
        count: `int`. Number of images.
        batch_size: `int`, positive.

    Returns:
        `int`.
    """
    return -(-count // batch_size)


def training_batches(
    split: ImageSplit,
    batch_size: int,
    seed: int,
    scaling: Scaling,
    augmentation: Augmentation | None = None,
    first_epoch: int = 0,
    *,
    shuffled: bool = True,
) -> Iterator[Batch]:
    """Yield augmented and scaled batches, epoch after epoch without end.

    Order and augmentation are functions of (seed, epoch, image), so an iterator started at
    `first_epoch` yields exactly what one started at 0 yields from there on. The last batch of an
    epoch may be short. Images that are decoded or read from disk are prepared ahead in a thread,
    which ends when the iterator is closed.

    Args:
        split: `ImageSplit`.
        batch_size: `int`.
        seed: `int`, not negative.
        scaling: `Scaling`.
        augmentation: `Augmentation`. Pixels moved in are mid-grey before scaling, of float
            images 0 after it. Default: none.
        first_epoch: `int`. Default 0.
        shuffled: `bool`. Whether each epoch has an order of its own. Defaults to `True`.

    Returns:
        An iterator of (x (n, H, W, C) float32, y (n,) int64).

    Raises:
        InputError: if there are no images or the batch size is not positive.
    """
    _check(split, batch_size)
    if not len(split):
        raise InputError("there are no images to train on")
    rows = epoch_rows(len(split), batch_size, seed, augmentation, first_epoch, shuffled=shuffled)
    batches = _training_batches(split, scaling, rows)
    return batches if split.in_memory else prefetch(batches)


def evaluation_batches(
    split: ImageSplit, batch_size: int, scaling: Scaling, first: int = 0
) -> Iterator[Batch]:
    """Yield every image once, in order, scaled and not augmented.

    Args:
        split: `ImageSplit`.
        batch_size: `int`; the last batch may be short.
        scaling: `Scaling`.
        first: `int`. The image to begin with, those before are not read. Default 0.

    Returns:
        An iterator of (x (n, H, W, C) float32, y (n,) int64).

    Raises:
        InputError: if the batch size is not positive.
    """
    _check(split, batch_size)
    batches = _evaluation_batches(split, batch_size, scaling, first)
    return batches if split.in_memory else prefetch(batches)


def epoch_rows(
    count: int,
    batch_size: int,
    seed: int,
    augmentation: Augmentation | None = None,
    first_epoch: int = 0,
    *,
    shuffled: bool = True,
) -> Iterator[tuple[np.ndarray, ImageMoves | None]]:
    """Yield which images make each batch, and what is done to them, epoch after epoch.

    Args:
        count: `int`. Number of images.
        batch_size: `int`; the last batch of an epoch may be short.
        seed: `int`, not negative.
        augmentation: `Augmentation`. Default: none.
        first_epoch: `int`. Default 0.
        shuffled: `bool`. Whether each epoch has an order of its own. Defaults to `True`.

    Returns:
        An endless iterator of (indices (n,) int64, their `ImageMoves` or `None`).
    """
    epoch = first_epoch
    while True:
        order = epoch_order(seed, epoch, count) if shuffled else np.arange(count)
        moves = augmentation.draw(count, seed, epoch) if augmentation else None
        for start in range(0, count, batch_size):
            indices = order[start : start + batch_size]
            yield indices, moves.at(indices) if moves is not None else None
        epoch += 1


def _check(split: ImageSplit, batch_size: int) -> None:
    if batch_size < 1:
        raise InputError(f"`batch_size` must be positive, got {batch_size}")


def _training_batches(
    split: ImageSplit, scaling: Scaling, rows: Iterator[tuple[np.ndarray, ImageMoves | None]]
) -> Iterator[Batch]:
    scaling = scaling.for_channels(split.image_shape[-1])
    fill = scaling.mid_grey
    for indices, moves in rows:
        x = scaling(split.read(indices))
        if moves is not None:
            x = augment(x, moves, fill)
        yield x, split.labels[indices]


def _evaluation_batches(
    split: ImageSplit, batch_size: int, scaling: Scaling, first: int
) -> Iterator[Batch]:
    scaling = scaling.for_channels(split.image_shape[-1])
    for start in range(first, len(split), batch_size):
        indices = np.arange(start, min(start + batch_size, len(split)))
        yield scaling(split.read(indices)), split.labels[indices]
