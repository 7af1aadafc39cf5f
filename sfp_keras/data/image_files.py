"""One image file as an RGB array."""

import functools
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from sfp_keras.data.cropping import crop_image
from sfp_keras.errors import first_line

_SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".webp", ".gif", ".ppm", ".tif", ".tiff")
_ORIENTATION = 0x0112


class UnreadableImageError(Exception):
    """An image file cannot be decoded; the message is the reason, without the path."""


def is_image_file(name: str) -> bool:
    """Tell by its name whether a file is an image, and not a hidden one."""
    return not name.startswith(".") and name.lower().endswith(_SUFFIXES)


def read_image_size(path: str | Path) -> tuple[int, int]:
    """Read the upright size of an image from the head of its file, without decoding it.

    Args:
        path: `str` or `Path`.

    Returns:
        `(height, width)`.

    Raises:
        UnreadableImageError: if the file is no image that can be opened.
    """
    try:
        with Image.open(path) as image:
            _check_mode(image)
            width, height = image.size
            # Orientations 5 to 8 are turned by a right angle.
            # A PNG without an EXIF chunk at its head would be decoded to look for a later one.
            exif = image.getexif() if image.format != "PNG" or "exif" in image.info else {}
            turned = exif.get(_ORIENTATION, 1) in (5, 6, 7, 8)
    except Exception as error:  # decoders raise almost anything on broken files
        raise UnreadableImageError(_reason(error)) from None
    return (width, height) if turned else (height, width)


def read_image(
    path: str | Path, size: tuple[int, int] | None = None, resize: str = "stretch"
) -> np.ndarray:
    """Decode an image file to RGB.

    The EXIF orientation is applied. Grey and palette images become RGB, 16-bit grey is scaled
    to 8 bits, and an alpha channel is dropped, as `keras.utils.load_img` does; of an animation
    the first frame is taken. JPEG files are decoded at full size: a decoder's reduced sizes
    would be faster for large photographs, but give other pixels.

    Args:
        path: `str` or `Path`.
        size: `(height, width)` to resize to, see `resize_image`. Default: the image's own.
        resize: `"stretch"` or `"crop"`. Default `"stretch"`.

    Returns:
        Array (height, width, 3) of uint8.

    Raises:
        UnreadableImageError: if the file cannot be decoded.
    """
    try:
        with Image.open(path) as image:
            image.load()
            rgb = _rgb(ImageOps.exif_transpose(image))
    except Exception as error:  # decoders raise almost anything on broken files
        raise UnreadableImageError(_reason(error)) from None
    return resize_image(np.asarray(rgb), size, resize) if size else np.array(rgb)


def resize_image(image: np.ndarray, size: tuple[int, int], resize: str = "stretch") -> np.ndarray:
    """Resize one image (Keys' bicubic with a = -1/2, antialiased when shrinking).

    Args:
        image: array (H, W, 3) of uint8.
        size: `(height, width)`.
        resize: `"stretch"`, the aspect is not kept and an image of this size is left as it is, or
            `"crop"`, resized a little larger with its aspect and cut, see `crop_image`. Default
            `"stretch"`.

    Returns:
        Array (height, width, 3) of uint8.
    """
    if resize == "crop":
        return crop_image(image, size)
    if image.shape[:2] == size:
        return image
    resized = Image.fromarray(image).resize(size[::-1], Image.Resampling.BICUBIC)
    return np.asarray(resized)


@functools.cache
def image_threads() -> ThreadPoolExecutor:
    """Return the threads that decode and resize; Pillow releases the interpreter lock in both."""
    return ThreadPoolExecutor(min(16, os.cpu_count() or 1), thread_name_prefix="sfp-image")


def _check_mode(image: Image.Image) -> None:
    if image.mode == "F":
        raise ValueError("floating-point pixels of unknown range")


def _rgb(image: Image.Image) -> Image.Image:
    _check_mode(image)
    if image.mode.startswith("I"):
        # Pillow would clip 16-bit grey at 255 instead of scaling it.
        levels = np.clip(np.asarray(image, dtype=np.int64), 0, 65535)
        image = Image.fromarray(np.rint(levels / 257).astype(np.uint8))
    if image.mode == "P" and "transparency" in image.info:
        image = image.convert("RGBA")  # else Pillow warns
    return image.convert("RGB")


def _reason(error: Exception) -> str:
    if isinstance(error, Image.UnidentifiedImageError):
        return "not an image"
    return first_line(error)
