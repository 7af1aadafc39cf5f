"""Grey images from RGB, and RGB from grey."""

from functools import partial

import numpy as np

from sfp_keras.data.dataset import ImageDataset
from sfp_keras.data.images.changed_images import change_images
from sfp_keras.errors import InputError

# Shares of red, green and blue in the luminance (ITU-R BT.601), in 65,536ths as Pillow has them.
_LUMINANCE = (19595, 38470, 7471)


def to_channels(images: np.ndarray, channels: int) -> np.ndarray:
    """Make images grey or RGB.

    Args:
        images: array (..., 1) or (..., 3) of uint8 or float32.
        channels: 1 for the luminance, 299/1000 red + 587/1000 green + 114/1000 blue; of uint8
            these are, bit by bit, the pixels of Pillow's `convert("L")`. 3 for RGB, in which grey
            is there three times.

    Returns:
        Array (..., channels) of the same type; `images` itself where it has these already.
    """
    if images.shape[-1] == channels:
        return images
    if channels == 3:
        return np.repeat(images, 3, axis=-1)
    red, green, blue = _LUMINANCE
    if images.dtype != np.uint8:
        weights = np.array(_LUMINANCE, images.dtype) / 65536
        return (images * weights).sum(axis=-1, keepdims=True, dtype=images.dtype)
    wide = images.astype(np.uint32)
    total = wide[..., :1] * red + wide[..., 1:2] * green + wide[..., 2:] * blue
    return ((total + 0x8000) >> 16).astype(np.uint8)


def convert_dataset(
    dataset: ImageDataset, channels: int | None, memory_budget: int
) -> ImageDataset:
    """Return the dataset with grey or RGB images.

    Args:
        dataset: `ImageDataset`.
        channels: 1, 3, or `None` for those it has.
        memory_budget: `int`, bytes, see `change_images`.

    Returns:
        An `ImageDataset`; the same one where it has these channels already.
    """
    if channels in (None, dataset.image_shape[2]):
        return dataset
    shape = (*dataset.image_shape[:2], channels)
    return change_images(dataset, partial(to_channels, channels=channels), shape, memory_budget)


def check_channels(channels: int | None) -> None:
    """Refuse what is neither 1 nor 3 nor `None`.

    Raises:
        InputError: saying so.
    """
    if channels not in (None, 1, 3):
        raise InputError(f"`channels` must be 1 (grey) or 3 (RGB), got {channels!r}")
