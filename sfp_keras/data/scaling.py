"""From pixels of 0..255 to the numbers a network wants."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from sfp_keras.data.channel_statistics import channel_statistics
from sfp_keras.data.dataset import ImageSplit
from sfp_keras.errors import InputError, first_line
from sfp_keras.importing import import_function

SCALING_FORMS = (
    "0..255, 0..1, -1..1 (x/127.5 - 1), 'dataset' (mean and standard deviation of the training "
    "images), numbers 'mean/std' for images in 0..1 such as "
    "0.485,0.456,0.406/0.229,0.224,0.225, or a function of arrays of 0..255 as "
    "package.module:function"
)
_RANGES = {"0..255": (1.0, 0.0), "0..1": (255.0, 0.0), "-1..1": (127.5, 1.0)}


@dataclass(frozen=True, eq=False)
class Scaling:
    """A scaling of images: `(x / divisor - mean) / std` in float32, or a function.

    Calling it with images (n, H, W, 3) of 0..255, uint8 or float, returns them scaled as a new
    float32 array.

    Attributes:
        text: `str`, what it was parsed from.
        divisor: `float`.
        mean: array (3,) of float32.
        std: array (3,) of float32.
        function: called instead where it is not None, with float32 images of 0..255.
    """

    text: str
    divisor: float
    mean: np.ndarray
    std: np.ndarray
    function: Callable[[np.ndarray], Any] | None = None

    def __call__(self, images: np.ndarray) -> np.ndarray:
        """Scale images.

        Args:
            images: array (n, H, W, 3) of 0..255, uint8 or float.

        Returns:
            Array (n, H, W, 3) of float32.
        """
        # In C's order whatever the images' own: below, rows of it must be views.
        scaled = images.astype(np.float32, order="C")
        if self.function is not None:
            return np.asarray(self.function(scaled), dtype=np.float32)
        # Rows of W*3 numbers: broadcasting three numbers at a time is many times slower.
        rows = scaled.reshape(-1, scaled.shape[-2] * 3)
        if self.divisor != 1:
            rows /= np.float32(self.divisor)
        if self.mean.any():
            rows -= np.tile(self.mean, scaled.shape[-2])
        if (self.std != 1).any():
            rows /= np.tile(self.std, scaled.shape[-2])
        return scaled

    @property
    def mid_grey(self) -> np.ndarray:
        """The scaled value (3,) of mid-grey 127.5; exactly 0 for `-1..1`."""
        return self(np.full((1, 1, 1, 3), 127.5, np.float32)).reshape(3)


class _Unscaled(Scaling):
    def __call__(self, images: np.ndarray) -> np.ndarray:
        return images


# For networks that scale images themselves: uint8 is a quarter of what crosses to the device.
UNSCALED = _Unscaled("none", 1.0, np.zeros(3, np.float32), np.ones(3, np.float32))


def parse_scaling(text: str, train: ImageSplit | None = None) -> Scaling:
    """Make a scaling from its text.

    Args:
        text: `str`. `"0..255"`, `"0..1"`, `"-1..1"` (VGG of both papers), `"dataset"` (paper 2's
            EfficientNet: mean and standard deviation of each channel of the training images),
            `"m,m,m/s,s,s"` (mean and standard deviation of images in 0..1, one number or three
            each) or `"package.module:function"` such as
            `"keras.applications.resnet:preprocess_input"`.
        train: `ImageSplit` that `"dataset"` is computed from.

    Returns:
        A `Scaling`.

    Raises:
        InputError: if the text has none of these forms, a function cannot be imported or does
            not return images of the same shape, or `"dataset"` has no images.
    """
    text = text.strip()
    if text in _RANGES:
        divisor, mean = _RANGES[text]
        return _affine(text, divisor, [mean], [1.0])
    if text == "dataset":
        if train is None or not len(train):
            raise InputError("--scaling=dataset needs training images")
        statistics = channel_statistics(train)
        return _affine(text, 255.0, statistics.mean, statistics.std)
    if ":" in text:
        return _from_function(text)
    means, slash, stds = text.partition("/")
    mean_numbers, std_numbers = _numbers(means), _numbers(stds)
    if not slash or mean_numbers is None or std_numbers is None:
        raise InputError(f"--scaling={text!r} is not one of: {SCALING_FORMS}")
    if max(map(abs, mean_numbers)) > 1 or min(std_numbers) <= 0:
        raise InputError(
            f"--scaling={text}: means are of images in 0..1 (divide those of 0..255 by 255) and "
            "standard deviations are positive"
        )
    return _affine(text, 255.0, mean_numbers, std_numbers)


def _affine(text: str, divisor: float, mean: Any, std: Any) -> Scaling:
    def three(numbers: Any) -> np.ndarray:
        return np.broadcast_to(np.asarray(numbers, np.float32), (3,)).copy()

    return Scaling(text, divisor, three(mean), three(std))


def _numbers(text: str) -> list[float] | None:
    try:
        numbers = [float(part) for part in text.split(",")]
    except ValueError:
        return None
    return numbers if len(numbers) in (1, 3) and all(map(math.isfinite, numbers)) else None


def _from_function(text: str) -> Scaling:
    function = import_function(text, "scaling")
    scaling = Scaling(text, 1.0, np.zeros(3, np.float32), np.ones(3, np.float32), function)
    probe = np.full((1, 2, 2, 3), 127.5, np.float32)
    try:
        result = scaling(probe)
    except Exception as error:  # the function is the user's own
        raise InputError(
            f"--scaling={text} fails on images of 0..255: {first_line(error)}"
        ) from None
    if result.shape != probe.shape:
        raise InputError(
            f"--scaling={text} turns images of shape (n, h, w, 3) into {result.shape}; it must "
            "keep the shape"
        )
    return scaling
