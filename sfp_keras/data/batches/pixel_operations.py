"""The operations of RandAugment: each changes one image by a strength.

They are Pillow's to the last bit. Those that only look pixels up in a table are written out in
NumPy, for Pillow makes its tables in Python.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType

import numpy as np
from PIL import Image, ImageEnhance

# An image (H, W, C) of uint8, a strength from -1 to 1, whose sign says which way, and the colour
# (C,) of what comes in from outside.
Operation = Callable[[np.ndarray, float, tuple[int, ...]], np.ndarray]
_VALUES = np.arange(256)


def auto_contrast(image: np.ndarray, level: float, fill: tuple[int, ...]) -> np.ndarray:
    """Stretch each channel to 0..255; there is no strength."""

    def table(channel: np.ndarray) -> np.ndarray:
        low, high = int(channel.min()), int(channel.max())
        if high <= low:
            return _VALUES
        scale = 255 / (high - low)
        return np.clip((_VALUES * scale - low * scale).astype(np.int64), 0, 255)

    return _by_channel(image, table)


def equalize(image: np.ndarray, level: float, fill: tuple[int, ...]) -> np.ndarray:
    """Give each channel a flat histogram; there is no strength."""

    def table(channel: np.ndarray) -> np.ndarray:
        counts = np.bincount(channel.ravel(), minlength=256)
        step = (channel.size - counts[channel.max()]) // 255
        if not step:
            return _VALUES
        return np.minimum((step // 2 + np.cumsum(counts) - counts) // step, 255)

    return _by_channel(image, table)


def _by_channel(image: np.ndarray, table: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    changed = np.empty_like(image)
    for channel in range(image.shape[-1]):
        pixels = image[..., channel]
        changed[..., channel] = table(pixels)[pixels]
    return changed


def invert(image: np.ndarray, level: float, fill: tuple[int, ...]) -> np.ndarray:
    """Negate; there is no strength."""
    return 255 - image


def posterize(image: np.ndarray, level: float, fill: tuple[int, ...]) -> np.ndarray:
    """Keep the first bits, 4 down to 1."""
    bits = max(1, 4 - int(abs(level) * 4))
    return image & np.uint8(256 - 2 ** (8 - bits))


def solarize(image: np.ndarray, level: float, fill: tuple[int, ...]) -> np.ndarray:
    """Negate what is bright: from 256 at no strength, from 0 at the largest."""
    return np.where(image < 256 - int(abs(level) * 256), image, 255 - image)


def solarize_add(image: np.ndarray, level: float, fill: tuple[int, ...]) -> np.ndarray:
    """Add up to 110 to what is dark."""
    added = np.minimum(image.astype(np.int64) + int(abs(level) * 110), 255)
    return np.where(image < 128, added, image).astype(np.uint8)


def _in_pillow(change: Callable[[Image.Image, float, tuple[int, ...]], Image.Image]) -> Operation:
    def operation(image: np.ndarray, level: float, fill: tuple[int, ...]) -> np.ndarray:
        pixels = image[..., 0] if image.shape[-1] == 1 else image
        return np.asarray(change(Image.fromarray(pixels), level, fill)).reshape(image.shape)

    return operation


def _enhance(kind: type) -> Operation:
    return _in_pillow(lambda image, level, fill: kind(image).enhance(max(0.1, 1 + 0.9 * level)))


def _affine(matrix: Callable[[float, int, int], tuple[float, ...]]) -> Operation:
    """An operation by the matrix, of level, width and height, from new pixels to old ones."""
    kind, resample = Image.Transform.AFFINE, Image.Resampling.BICUBIC
    return _in_pillow(
        lambda image, level, fill: image.transform(
            image.size, kind, matrix(level, *image.size), resample=resample, fillcolor=fill
        )
    )


rotate = _in_pillow(
    lambda image, level, fill: image.rotate(
        30 * level, resample=Image.Resampling.BICUBIC, fillcolor=fill
    )
)

OPERATIONS: Mapping[str, Operation] = MappingProxyType(
    {
        "auto_contrast": auto_contrast,
        "equalize": equalize,
        "invert": invert,
        "rotate": rotate,
        "posterize": posterize,
        "solarize": solarize,
        "solarize_add": solarize_add,
        "colour": _enhance(ImageEnhance.Color),
        "contrast": _enhance(ImageEnhance.Contrast),
        "brightness": _enhance(ImageEnhance.Brightness),
        "sharpness": _enhance(ImageEnhance.Sharpness),
        "shear_x": _affine(lambda level, width, height: (1, 0.3 * level, 0, 0, 1, 0)),
        "shear_y": _affine(lambda level, width, height: (1, 0, 0, 0.3 * level, 1, 0)),
        "shift_x": _affine(lambda level, width, height: (1, 0, 0.45 * level * width, 0, 1, 0)),
        "shift_y": _affine(lambda level, width, height: (1, 0, 0, 0, 1, 0.45 * level * height)),
    }
)
