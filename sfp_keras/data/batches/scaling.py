"""From pixels of 0..255 to the numbers a network wants."""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from sfp_keras.data.batches.channel_statistics import channel_statistics
from sfp_keras.data.dataset import ImageSplit
from sfp_keras.errors import InputError, first_line
from sfp_keras.importing import import_function

SCALING_FORMS = (
    "0..255 or none (as they are), 0..1, -1..1 (x/127.5 - 1), 'dataset' (mean and standard "
    "deviation of the training images), numbers 'mean/std' for images in 0..1 such as "
    "0.485,0.456,0.406/0.229,0.224,0.225, or a function of arrays of 0..255 as "
    "package.module:function"
)
# Of images in 0..1 it is at most 0.5; larger ones are of 0..255, or 1/255 is meant as a factor.
_MOST_STD = 2.0
_OF_ANY_RANGE = ("none", "0..255", "dataset")
_RANGES = {"none": (1.0, 0.0), "0..255": (1.0, 0.0), "0..1": (255.0, 0.0), "-1..1": (127.5, 1.0)}


@dataclass(frozen=True, eq=False)
class Scaling:
    """A scaling of images: `(x / divisor - mean) / std` in float32, or a function.

    Calling it with images (n, H, W, C), uint8 or float, returns them scaled as a new float32 array.

    Attributes:
        text: `str`, what it was parsed from.
        divisor: `float`.
        mean: array (C,) of float32, for 3 channels or 1.
        std: array (C,) of float32.
        function: called instead where it is not None, with the images as float32.
        of_floats: `bool`. Whether it is of float32 images, of which no grey is the middle one.
            Default False: of uint8 images of 0..255.
    """

    text: str
    divisor: float
    mean: np.ndarray
    std: np.ndarray
    function: Callable[[np.ndarray], Any] | None = None
    of_floats: bool = False

    def __call__(self, images: np.ndarray) -> np.ndarray:
        """Scale images.

        Args:
            images: array (n, H, W, C), uint8 or float.

        Returns:
            Array (n, H, W, C) of float32.
        """
        # In C's order, which the images may not have: below, rows of it must be views.
        scaled = images.astype(np.float32, order="C")
        if self.function is not None:
            return np.asarray(self.function(scaled), dtype=np.float32)
        # Rows of W*C numbers: broadcasting a few numbers at a time is many times slower.
        rows = scaled.reshape(-1, scaled.shape[-2] * scaled.shape[-1])
        if self.divisor != 1:
            rows /= np.float32(self.divisor)
        if self.mean.any():
            rows -= np.tile(self.mean, scaled.shape[-2])
        if (self.std != 1).any():
            rows /= np.tile(self.std, scaled.shape[-2])
        return scaled

    @property
    def mid_grey(self) -> np.ndarray:
        """The scaled value (C,) of mid-grey 127.5; exactly 0 for `-1..1`, and of float images."""
        if self.of_floats:
            return np.zeros_like(self.mean)
        grey = np.full((1, 1, 1, len(self.mean)), 127.5, np.float32)
        return self(grey).reshape(len(self.mean))

    def for_channels(self, channels: int) -> "Scaling":
        """Return the scaling of images with another number of channels.

        Args:
            channels: `int`, 1 or 3.

        Returns:
            A `Scaling`; itself where it is one of such images.

        Raises:
            InputError: if its numbers differ from channel to channel.
        """
        if len(self.mean) == channels:
            return self
        if np.ptp(self.mean) or np.ptp(self.std):
            raise InputError(
                f"`scaling`={self.text} has numbers for {len(self.mean)} channels, the images "
                f"have {channels}"
            )
        means, stds = (np.full(channels, numbers[0]) for numbers in (self.mean, self.std))
        return replace(self, mean=means, std=stds)


class _Unscaled(Scaling):
    """Images as they are."""

    def __call__(self, images: np.ndarray) -> np.ndarray:
        return images


# For networks that scale images themselves: uint8 takes a quarter of float32's way to the device.
UNSCALED = _Unscaled("none", 1.0, np.zeros(3, np.float32), np.ones(3, np.float32))


def parse_scaling(text: str, train: ImageSplit | None = None) -> Scaling:
    """Make a scaling from its text.

    Args:
        text: `str`. `"0..255"` or `"none"` (as they are), `"0..1"`, `"-1..1"` (VGG of both
            papers), `"dataset"` (paper 2's EfficientNet: mean and standard deviation of each
            channel of the training images), `"m,m,m/s,s,s"` (mean and standard deviation of
            images in 0..1, one number or one for each channel) or `"package.module:function"`
            such as `"keras.applications.resnet:preprocess_input"`.
        train: `ImageSplit` that `"dataset"` is computed from and whose type and channels decide
            what the other forms mean. Default: uint8 images of 3 channels. Those of float32 are
            of any range: only `"none"`, `"0..255"`, `"dataset"` and functions are for them.

    Returns:
        A `Scaling`.

    Raises:
        InputError: if the text has none of these forms or one that the images are not for, a
            function cannot be imported or does not return images of the same shape, or
            `"dataset"` has no images.
    """
    scaling = _parsed(text.strip(), train, 3 if train is None else train.image_shape[-1])
    if train is None or train.dtype == np.uint8:
        return scaling
    if scaling.function is None and scaling.text not in _OF_ANY_RANGE:
        raise InputError(
            f"`scaling`={scaling.text} is for images of 0..255, these are {train.dtype} of any "
            "range: give none (as they are), dataset, or a function (package.module:function; in "
            "Python the function itself, such as lambda x: x / 255)"
        )
    return replace(scaling, of_floats=True)


def _parsed(text: str, train: ImageSplit | None, channels: int) -> Scaling:
    if text in _RANGES:
        divisor, mean = _RANGES[text]
        return _affine(text, divisor, [mean], [1.0], channels)
    if text == "dataset":
        if train is None or not len(train):
            raise InputError("`scaling`=dataset needs training images")
        statistics = channel_statistics(train)
        divisor = 255.0 if train.dtype == np.uint8 else 1.0
        return _affine(text, divisor, statistics.mean, statistics.std, channels)
    if ":" in text:
        return function_scaling(import_function(text, "scaling"), text, channels)
    means, slash, stds = text.partition("/")
    mean_numbers, std_numbers = _numbers(means), _numbers(stds)
    if not slash or mean_numbers is None or std_numbers is None:
        raise InputError(f"`scaling`={text!r} is not one of: {SCALING_FORMS}")
    if max(map(abs, mean_numbers)) > 1 or min(std_numbers) <= 0 or max(std_numbers) > _MOST_STD:
        raise InputError(
            f"`scaling`={text}: means and standard deviations are of images in 0..1 (divide those "
            "of 0..255 by 255; images that are only divided by 255 are `scaling`=0..1), and "
            "deviations are positive"
        )
    counts = sorted({len(mean_numbers), len(std_numbers)} - {1})
    if train is None and len(counts) == 1:
        channels = counts[0]
    if any(count != channels for count in counts):
        raise InputError(
            f"`scaling`={text} has numbers for {' and '.join(map(str, counts))} channels, the "
            f"images have {channels}"
        )
    return _affine(text, 255.0, mean_numbers, std_numbers, channels)


def _affine(text: str, divisor: float, mean: Any, std: Any, channels: int) -> Scaling:
    means, stds = (
        np.broadcast_to(np.asarray(numbers, np.float32), (channels,)).copy()
        for numbers in (mean, std)
    )
    return Scaling(text, divisor, means, stds)


def _numbers(text: str) -> list[float] | None:
    try:
        numbers = [float(part) for part in text.split(",")]
    except ValueError:
        return None
    return numbers if all(map(math.isfinite, numbers)) else None


def function_scaling(
    function: Callable[[np.ndarray], Any], text: str, channels: int = 3
) -> Scaling:
    """Make a scaling of a function.

    Args:
        function: of images (n, H, W, C), float32; returns as many of the same shape.
        text: `str`. What it is called.
        channels: `int`. C. Default 3.

    Raises:
        InputError: if it fails, or returns images of another shape.
    """
    scaling = replace(_affine(text, 1.0, [0.0], [1.0], channels), function=function)
    probe = np.full((1, 2, 2, channels), 127.5, np.float32)
    try:
        result = scaling(probe)
    except Exception as error:  # the function is the user's own
        raise InputError(
            f"`scaling`={text} fails on images of 0..255: {first_line(error)}"
        ) from None
    if result.shape != probe.shape:
        raise InputError(
            f"`scaling`={text} makes images of shape (n, h, w, {channels}) {result.shape}; it "
            "must keep the shape"
        )
    return scaling
