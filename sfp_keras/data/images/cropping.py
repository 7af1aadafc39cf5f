"""The usual evaluation of ImageNet: the shorter side resized, then the centre cut out."""

import numpy as np
from PIL import Image

# Of the resized side so much is cut out, 224 of 256.
_KEPT, _WHOLE = 224, 256
# Images longer than this, measured in cut-out areas, are never enlarged as a whole.
_MOST_AREAS = 64


def resized_sides(sides: tuple[int, int], size: tuple[int, int]) -> tuple[int, int]:
    """Return the sides that an image is resized to before `size` is cut out of it.

    The aspect is kept, and each side is at least 256/224 of the asked-for one, rounded: for
    (224, 224) the shorter side becomes 256, the longer one is rounded down.

    Args:
        sides: `(height, width)` of the image.
        size: `(height, width)` to cut out.

    Returns:
        `(height, width)`.
    """
    height, width = sides
    least_height, least_width = (round(side * _WHOLE / _KEPT) for side in size)
    if least_height * width >= least_width * height:
        return least_height, int(least_height * width / height)
    return int(least_width * height / width), least_width


def crop_image(image: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Resize an image (Pillow's bicubic, antialiased), aspect kept, and cut out its centre.

    For square sizes these are, bit by bit, the pixels of torchvision's `Resize(256, BICUBIC)` and
    `CenterCrop(224)`, with 256 in proportion for other sides than 224. Only of images some fifty
    times as long as wide do pixels differ, by Pillow's rounding: of these only the part that is
    cut out is resized.

    Args:
        image: array (H, W, C) of uint8 or float32, C channels.
        size: `(height, width)`.

    Returns:
        Array (height, width, C) of the same type.
    """
    sides = (image.shape[0], image.shape[1])
    height, width = resized_sides(sides, size)
    top, left = round((height - size[0]) / 2), round((width - size[1]) / 2)
    bottom, right = top + size[0], left + size[1]
    if height * width > _MOST_AREAS * size[0] * size[1]:
        across, down = sides[1] / width, sides[0] / height
        return bicubic(image, size, (left * across, top * down, right * across, bottom * down))
    return bicubic(image, (height, width))[top:bottom, left:right]


def bicubic(
    image: np.ndarray, size: tuple[int, int], box: tuple[float, float, float, float] | None = None
) -> np.ndarray:
    """Resize an image (Keys' bicubic with a = -1/2, antialiased when shrinking).

    Channels are resized each for itself, so that grey pixels are those of RGB ones. Floats may
    come to lie a little outside the range they had.

    Args:
        image: array (H, W, C) of uint8 or float32, C channels.
        size: `(height, width)`.
        box: `(left, top, right, bottom)`, the part to resize. Default: all.

    Returns:
        Array (height, width, C) of the same type.
    """

    def resized(pixels: np.ndarray) -> np.ndarray:
        whole = Image.fromarray(pixels)
        return np.asarray(whole.resize(size[::-1], Image.Resampling.BICUBIC, box=box))

    if image.dtype == np.uint8 and image.shape[-1] == 3:
        return resized(image)
    return np.stack([resized(image[..., c]) for c in range(image.shape[-1])], axis=-1)
