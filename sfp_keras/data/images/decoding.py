"""One image file as an RGB or grey array."""

from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from sfp_keras.data.images.resizing import resize_image
from sfp_keras.errors import first_line

# What Pillow decodes without the help of other programs.
_SUFFIXES = (
    *(".png", ".apng", ".jpg", ".jpeg", ".jfif", ".jpe", ".bmp", ".dib", ".webp", ".gif"),
    *(".ppm", ".pgm", ".pbm", ".pnm", ".tif", ".tiff", ".avif", ".jp2", ".j2k", ".tga"),
)
_ORIENTATION = 0x0112


class UnreadableImageError(Exception):
    """An image file cannot be decoded; the message is the reason, without the path."""


def is_image_file(name: str) -> bool:
    """Whether a file's name is that of an image, and not hidden."""
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
    path: str | Path,
    size: tuple[int, int] | None = None,
    resize: str = "stretch",
    channels: int = 3,
) -> np.ndarray:
    """Decode an image file to RGB or grey.

    The EXIF orientation is applied. Grey and palette images become RGB, 16-bit grey is scaled
    to 8 bits, and an alpha channel is dropped, as `keras.utils.load_img` does; of an animation
    the first frame is taken. JPEG files are decoded at full size: a decoder's reduced sizes
    would be faster for large photographs, but give other pixels.

    Args:
        path: `str` or `Path`.
        size: `(height, width)` to resize to, see `resize_image`. Default: the image's own.
        resize: `"stretch"` or `"crop"`. Default `"stretch"`.
        channels: 3 for RGB, 1 for grey: the luminance, see `to_channels`. Default 3.

    Returns:
        Array (height, width, channels) of uint8.

    Raises:
        UnreadableImageError: if the file cannot be decoded.
    """
    try:
        with Image.open(path) as opened:
            opened.load()
            image = _rgb(ImageOps.exif_transpose(opened))
            pixels = np.asarray(image if channels == 3 else image.convert("L"))
    except Exception as error:  # decoders raise almost anything on broken files
        raise UnreadableImageError(_reason(error)) from None
    pixels = pixels.reshape(*pixels.shape[:2], channels)
    return resize_image(pixels, size, resize) if size else np.array(pixels)


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
