"""Images of a dataset at another size, in memory while they fit."""

from functools import partial
from typing import Any

import numpy as np

from sfp_keras.data.dataset import ImageDataset
from sfp_keras.data.images.changed_images import change_images
from sfp_keras.data.images.cropping import bicubic, crop_image
from sfp_keras.data.images.threads import image_threads
from sfp_keras.errors import InputError


def resize_image(image: np.ndarray, size: tuple[int, int], resize: str = "stretch") -> np.ndarray:
    """Resize one image, see `bicubic`.

    Args:
        image: array (H, W, C) of uint8 or float32.
        size: `(height, width)`.
        resize: `"stretch"`, the aspect is not kept and an image of this size is left as it is, or
            `"crop"`, resized a little larger with its aspect and cut, see `crop_image`. Default
            `"stretch"`.

    Returns:
        Array (height, width, C) of the same type.
    """
    if resize == "crop":
        return crop_image(image, size)
    return image if image.shape[:2] == size else bicubic(image, size)


def resize_batch(images: np.ndarray, size: tuple[int, int], resize: str = "stretch") -> np.ndarray:
    """Resize images (n, H, W, C) to `size` = `(height, width)` in threads."""
    if resize == "stretch" and images.shape[1:3] == size:
        return images
    resized = np.empty((len(images), *size, images.shape[3]), images.dtype)
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
        memory_budget: `int`, bytes, see `change_images`.
        resize: `"stretch"` or `"crop"`, see `resize_image`. Default `"stretch"`.

    Returns:
        An `ImageDataset`; the same one where nothing is cut and the size is right already.
    """
    if resize == "stretch" and dataset.image_shape[:2] == size:
        return dataset
    change = partial(resize_batch, size=size, resize=resize)
    return change_images(dataset, change, (*size, dataset.image_shape[2]), memory_budget)


# "stretch" to the size and change the aspect, or "crop" the centre of a slightly larger image.
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
    size = tuple(image_size) if np.iterable(image_size) else (image_size, image_size)
    if len(size) != 2 or not all(map(_is_side, size)):
        raise InputError(
            f"`image_size` must be one positive number or height and width, got {image_size!r}"
        )
    size = (int(size[0]), int(size[1]))
    if max(size) > LARGEST_SIDE:
        raise InputError(f"`image_size`={size[0]},{size[1]}: sides are at most {LARGEST_SIDE:,}")
    return size


def _is_side(size: Any) -> bool:
    return isinstance(size, int | np.integer) and not isinstance(size, bool) and bool(size > 0)


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
        raise InputError(f"`resize` must be {' or '.join(RESIZE_FORMS)}, got {resize!r}")
    if resize == "crop" and size is None:
        raise InputError("`resize`=crop needs `image_size`, the side of the centre to cut out")
    return resize
