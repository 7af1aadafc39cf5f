"""Training on images held on the device: only row numbers and moves cross to it."""

import math
from collections.abc import Iterator
from typing import Any

import keras
import numpy as np
from keras import ops

from sfp_keras.data import Augmentation, ImageMoves, ImageSplit, Scaling, epoch_rows
from sfp_keras.distribution import aligned_empty, current_devices
from sfp_keras.errors import InputError
from sfp_keras.training.steps_together import StepsTogether, apart

# The network needs most of a GPU's memory; CIFAR's 60,000 images take 184 MB.
MOST_BYTES = 4 << 30
Feed = tuple[dict[str, np.ndarray], np.ndarray]


def fits_on_device(*splits: ImageSplit) -> bool:
    """Whether images are held in memory, and are few enough to hold on the device too.

    Args:
        *splits: `ImageSplit`. Together they may have 4 GiB, and fewer than 2**31 pixels.

    Returns:
        `bool`.
    """
    bytes_of_all = sum(math.prod(s.images.shape) * s.dtype.itemsize for s in splits)
    # A pixel's number is an int32.
    pixels = sum(math.prod(s.images.shape[:3]) for s in splits)
    fits = bytes_of_all <= MOST_BYTES and pixels < 1 << 31
    return fits and all(split.in_memory for split in splits)


class ResidentImages(StepsTogether):
    """A network that is fed row numbers of images it holds on the device.

    Flip, shift and scaling are part of its compiled step, with the moves and the arithmetic of
    `training_batches`, so that a training gives the same numbers either way.

    Args:
        network: `keras.Model` of images (n, H, W, C); it is what is trained.
        splits: splits of images in memory, of one type; rows are numbered through all of them.
        scaling: `Scaling` by numbers.

    Raises:
        InputError: if the scaling is a function of NumPy arrays.
    """

    def __init__(self, network: keras.Model, splits: tuple[ImageSplit, ...], scaling: Scaling):
        if scaling.function is not None:
            raise InputError(
                f"`images_on`=device: `scaling`={scaling.text} is a function of NumPy arrays, "
                "which does not run on a device; give numbers, or hold the images on the host"
            )
        super().__init__(name=network.name, dtype=network.dtype_policy)
        self.network = network
        self.image_shape = splits[0].image_shape
        pixels = [np.asarray(s.images).reshape(-1, self.image_shape[-1]) for s in splits]
        count = sum(len(one) for one in pixels)
        held = aligned_empty((count, self.image_shape[-1]), splits[0].dtype)
        self._pixels = current_devices().constant(np.concatenate(pixels, out=held), "pixels")
        self._scaling = scaling.for_channels(self.image_shape[-1])
        self.built = True

    @property
    def constants(self) -> list[keras.Variable]:
        """Variables a checkpoint leaves out."""
        return [self._pixels]

    def call(self, inputs: dict[str, Any], training: bool | None = None) -> Any:
        """Gather, flip, shift and scale images, and run the network.

        Args:
            inputs: dict with `row`, `flip`, `down` and `right`, (n,) int32 each, or (steps, n).
            training: passed on.
        """
        height, width, _ = self.image_shape
        several = tuple(inputs["row"].shape)[:-1]
        # Where Keras only looks at shapes, TensorFlow's strategies hand floats over.
        row, flip, down, right = (
            ops.reshape(ops.cast(inputs[name], "int32"), (-1, 1, 1))
            for name in ("row", "flip", "down", "right")
        )
        y = ops.arange(height, dtype="int32")[None, :, None] - down
        x = ops.arange(width, dtype="int32")[None, None, :] - right
        inside = (y >= 0) & (y < height) & (x >= 0) & (x < width)
        x = ops.where(flip > 0, width - 1 - x, x)
        y, x = ops.clip(y, 0, height - 1), ops.clip(x, 0, width - 1)
        # One gather for rows and moves together.
        images = ops.take(self._pixels, (row * height + y) * width + x, axis=0)
        scaled = ops.where(inside[..., None], self._scaled(images), self._scaling.mid_grey)
        return apart(self.network(scaled, training=training), several)

    def _scaled(self, images: Any) -> Any:
        scaling = self._scaling
        scaled = ops.cast(images, "float32")
        if scaling.divisor != 1:
            scaled = scaled / np.float32(scaling.divisor)
        if scaling.mean.any():
            scaled = scaled - scaling.mean
        if (scaling.std != 1).any():
            scaled = scaled / scaling.std
        return scaled


def resident_batches(
    split: ImageSplit,
    batch_size: int,
    seed: int,
    augmentation: Augmentation | None = None,
    first_epoch: int = 0,
) -> Iterator[Feed]:
    """What `training_batches` yields, as row numbers and moves for `ResidentImages`.

    Args:
        split: the first split of the `ResidentImages`.
        batch_size: `int`.
        seed: `int`, not negative.
        augmentation: `Augmentation`. Default: none.
        first_epoch: `int`. Default 0.

    Returns:
        An endless iterator of (dict of (n,) int32, y (n,) int64).
    """
    for indices, moves in epoch_rows(len(split), batch_size, seed, augmentation, first_epoch):
        yield _fed(indices, moves), split.labels[indices]


def resident_rows(labels: np.ndarray, first_row: int, batch_size: int) -> Iterator[Feed]:
    """What `evaluation_batches` yields, as row numbers for `ResidentImages`.

    Args:
        labels: (n,) of the split that begins at `first_row`.
        first_row: `int`.
        batch_size: `int`; the last batch may be short.

    Returns:
        An iterator of (dict of (n,) int32, y (n,) int64), each image once, in order.
    """
    for begin in range(0, len(labels), batch_size):
        part = labels[begin : begin + batch_size]
        yield _fed(np.arange(begin, begin + len(part)) + first_row), part


def _fed(rows: np.ndarray, moves: ImageMoves | None = None) -> dict[str, np.ndarray]:
    """What `ResidentImages` is called with; images stay where they are without `moves`."""
    if moves is None:
        still = np.zeros(len(rows), np.int32)
        moves = ImageMoves(still, still, still)
    parts = {"row": rows, "flip": moves.flip, "down": moves.down, "right": moves.right}
    return {name: part.astype(np.int32) for name, part in parts.items()}
