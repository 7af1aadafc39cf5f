"""Images of a dataset after a change to each, in memory while they fit."""

import math
from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np

from sfp_keras.data.dataset import ImageDataset, ImageSplit, LazyImages

Change = Callable[[np.ndarray], np.ndarray]


class ChangedImages(LazyImages):
    """The images of a split, changed when they are read.

    Args:
        split: `ImageSplit`.
        change: called with images (n, H, W, C), returns n images of the same type.
        image_shape: `(H, W, C)` of an image after the change.
    """

    def __init__(self, split: ImageSplit, change: Change, image_shape: tuple[int, int, int]):
        self.split = split
        self.change = change
        self.shape = (len(split), *image_shape)
        self.dtype = split.dtype

    def read(self, indices: np.ndarray) -> np.ndarray:
        """Return the changed images at `indices` (n,) as an array (n, H, W, C)."""
        return self.change(self.split.read(indices))


def change_images(
    dataset: ImageDataset, change: Change, image_shape: tuple[int, int, int], memory_budget: int
) -> ImageDataset:
    """Return the dataset with changed images.

    Args:
        dataset: `ImageDataset`.
        change: called with images (n, H, W, C), returns n images of the same type.
        image_shape: `(H, W, C)` of an image after the change.
        memory_budget: `int`, bytes. Where both splits are in memory and fit into it changed,
            they are changed at once; otherwise when they are read.

    Returns:
        An `ImageDataset`.
    """
    splits = []
    count = len(dataset.train) + len(dataset.test)
    fits = count * math.prod(image_shape) * dataset.train.dtype.itemsize <= memory_budget
    for split in (dataset.train, dataset.test):
        lazy = ChangedImages(split, change, image_shape)
        if fits and split.in_memory:
            images = np.empty(lazy.shape, lazy.dtype)
            for part in chunks(len(split)):
                images[part] = lazy.read(part)
            splits.append(ImageSplit(images, split.labels))
        else:
            splits.append(ImageSplit(lazy, split.labels))
    return replace(dataset, train=splits[0], test=splits[1])


def chunks(count: int, length: int = 1024) -> Iterator[np.ndarray]:
    """Yield 0..count-1 in ascending int64 arrays of at most `length`."""
    for start in range(0, count, length):
        yield np.arange(start, min(start + length, count))
