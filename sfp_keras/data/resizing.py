"""Images of a dataset at another size, in memory while they fit."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from sfp_keras.data.dataset import ImageDataset, ImageSplit, LazyImages
from sfp_keras.data.image_files import image_threads, resize_image
from sfp_keras.errors import InputError


class ResizedImages(LazyImages):
    """The images of a split, resized (bicubic) when they are read.

    Args:
        split: `ImageSplit`.
        size: `(height, width)`.
        resize: `"stretch"` or `"crop"`, see `resize_image`. Default `"stretch"`.
    """

    def __init__(self, split: ImageSplit, size: tuple[int, int], resize: str = "stretch") -> None:
        self.split = split
        self.resize = resize
        self.shape = (len(split), *size, 3)

    def read(self, indices: np.ndarray) -> np.ndarray:
        """Return the images at `indices` (n,) as an array (n, H, W, 3) of uint8."""
        return resize_batch(self.split.read(indices), self.shape[1:3], self.resize)


def resize_batch(images: np.ndarray, size: tuple[int, int], resize: str = "stretch") -> np.ndarray:
    """Resize images (n, H, W, 3) of uint8 to `size` = `(height, width)` in threads."""
    if resize == "stretch" and images.shape[1:3] == size:
        return images
    resized = np.empty((len(images), *size, 3), np.uint8)
    results = image_threads().map(lambda one: resize_image(one, size, resize), images)
    for i, image in enumerate(results):
        resized[i] = image
    return resized


def resize_dataset(
    dataset: ImageDataset, size: tuple[int, int], memory_budget: int, resize: str = "stretch"
) -> ImageDataset:
    """Return the dataset with images of another size.

    Args:
        dataset: `ImageDataset`.
        size: `(height, width)`.
        memory_budget: `int`, bytes. Where both splits are in memory and fit into it resized,
            they are resized at once; otherwise when they are read.
        resize: `"stretch"` or `"crop"`, see `resize_image`. Default `"stretch"`.

    Returns:
        An `ImageDataset`; the same one where nothing is cut and the size is right already.
    """
    if resize == "stretch" and dataset.image_shape[:2] == size:
        return dataset
    fits = (len(dataset.train) + len(dataset.test)) * size[0] * size[1] * 3 <= memory_budget
    splits = []
    for split in (dataset.train, dataset.test):
        lazy = ResizedImages(split, size, resize)
        if fits and split.in_memory:
            images = np.empty(lazy.shape, np.uint8)
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


# "stretch" to the size whatever the aspect, or "crop" the centre of a slightly larger image.
RESIZE_FORMS = ("stretch", "crop")

# Larger ones are slips: a batch of them fits no memory.
LARGEST_SIDE = 8192


def check_image_size(image_size: int | tuple[int, int] | None) -> tuple[int, int] | None:
    """Return `image_size` as `(height, width)`.

    Args:
        image_size: one `int` for square images, `(height, width)`, or None.

    Returns:
        `(height, width)` or None.

    Raises:
        InputError: if it is none of these, not positive, or larger than `LARGEST_SIDE`.
    """
    if image_size is None:
        return None
    size = (image_size, image_size) if isinstance(image_size, int) else tuple(image_size)
    if len(size) != 2 or not all(isinstance(side, int) and side > 0 for side in size):
        raise InputError(
            f"--image_size must be one positive number or height and width, got {image_size!r}"
        )
    if max(size) > LARGEST_SIDE:
        raise InputError(f"--image_size={size[0]},{size[1]}: sides are at most {LARGEST_SIDE:,}")
    return (size[0], size[1])


def check_resize(resize: str, size: tuple[int, int] | None) -> str:
    """Return `resize` if it is one of `RESIZE_FORMS`.

    Args:
        resize: `str`.
        size: `(height, width)` that was asked for, or None.

    Returns:
        `resize`.

    Raises:
        InputError: if it is unknown, or `"crop"` without a size.
    """
    if resize not in RESIZE_FORMS:
        raise InputError(f"--resize must be {' or '.join(RESIZE_FORMS)}, got {resize!r}")
    if resize == "crop" and size is None:
        raise InputError("--resize=crop needs --image_size, the side of the centre to cut out")
    return resize
