"""What is loaded: a training and a test split of labelled images, RGB or grey."""

import abc
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from sfp_keras.errors import InputError
from sfp_keras.short_repr import ShortRepr

# Images looked at together.
_CHECKED = 1000


class LazyImages(abc.ABC):
    """Images that are made when they are read, not held in memory.

    Attributes:
        shape: `(N, H, W, C)`, as an array in memory would have; C is 3 for RGB, 1 for grey.
        dtype: uint8 or float32. Default uint8.
    """

    shape: tuple[int, int, int, int]
    dtype: np.dtype = np.dtype(np.uint8)

    def __len__(self) -> int:
        return self.shape[0]

    @abc.abstractmethod
    def read(self, indices: np.ndarray) -> np.ndarray:
        """Return the images at `indices` (n,) as an array (n, H, W, C) of `dtype`."""


class SelectedImages(LazyImages):
    """Some of the images of a source, read from it when asked for.

    Args:
        images: a `LazyImages` or a (memory-mapped) array (N, H, W, C).
        indices: array (n,) of int64, the chosen images in their new order.
    """

    def __init__(self, images: LazyImages | np.ndarray, indices: np.ndarray) -> None:
        self.images = images
        self.indices = indices
        self.shape = (len(indices), *_image_shape(images))
        self.dtype = images.dtype

    def read(self, indices: np.ndarray) -> np.ndarray:
        """Return the images at `indices` (n,) of the selection, (n, H, W, C)."""
        return _read(self.images, self.indices[indices])


@dataclass(frozen=True, eq=False, repr=False)
class ImageSplit(ShortRepr):
    """The images and labels of one split.

    Attributes:
        images: array (N, H, W, C), in memory or memory-mapped, or a `LazyImages`; uint8 of
            0..255, or float32 of any range. C is 3 or 1, or what the user's arrays have.
        labels: array (N,) of int64.
    """

    images: np.ndarray | LazyImages
    labels: np.ndarray

    def __post_init__(self) -> None:
        if len(self.images.shape) != 4:
            raise ValueError(f"images must have shape (N, H, W, C), got {self.images.shape}")
        if self.images.dtype not in (np.uint8, np.float32):
            raise ValueError(f"images must be uint8 or float32, got {self.images.dtype}")
        if self.labels.shape != (self.images.shape[0],) or self.labels.dtype != np.int64:
            raise ValueError(
                f"labels must be int64 of shape ({self.images.shape[0]},), got "
                f"{self.labels.dtype} of shape {self.labels.shape}"
            )

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """`(H, W, C)` of one image."""
        return _image_shape(self.images)

    @property
    def dtype(self) -> np.dtype:
        """uint8 or float32."""
        return self.images.dtype

    @property
    def in_memory(self) -> bool:
        """Whether reading costs no decoding and no disk."""
        return isinstance(self.images, np.ndarray) and not isinstance(self.images, np.memmap)

    def read(self, indices: np.ndarray | Sequence[int]) -> np.ndarray:
        """Return the images at `indices` (n,) as a new array (n, H, W, C)."""
        return _read(self.images, np.asarray(indices, dtype=np.int64))

    def select(self, indices: np.ndarray, labels: np.ndarray | None = None) -> "ImageSplit":
        """Return the split of the images at `indices`.

        Images in memory are copied, others are read through when asked for.

        Args:
            indices: array (n,) of int64.
            labels: array (n,) of int64, their labels in the new split. Default: as they are.

        Returns:
            An `ImageSplit` of n images.
        """
        images = self.images
        chosen = images[indices] if self.in_memory else SelectedImages(images, indices)  # type: ignore[index]
        return ImageSplit(chosen, self.labels[indices] if labels is None else labels)


@dataclass(frozen=True, eq=False, repr=False)
class ImageDataset(ShortRepr):
    """A labelled image set in two splits.

    Attributes:
        name: `str`, as given to `load_dataset`.
        train: `ImageSplit` the network and the heads are trained on.
        test: `ImageSplit` that accuracies and fields are measured on.
        class_names: K names; label i is `class_names[i]`.
        original_labels: K integers, the labels in the whole set; 0..K-1 unless this is a subset.
        superclasses: array (K,) of int64, the superclass of each label, or None.
    """

    name: str
    train: ImageSplit
    test: ImageSplit
    class_names: tuple[str, ...]
    original_labels: tuple[int, ...]
    superclasses: np.ndarray | None = None

    def __post_init__(self) -> None:
        count = len(self.class_names)
        if len(self.original_labels) != count:
            raise ValueError(f"{count} class names but {len(self.original_labels)} original labels")
        if self.superclasses is not None and self.superclasses.shape != (count,):
            raise ValueError(f"superclasses must have shape ({count},)")
        for split in (self.train, self.test):
            if len(split) and not 0 <= split.labels.min() <= split.labels.max() < count:
                raise ValueError(f"labels must lie in 0..{count - 1}")
        if self.train.image_shape != self.test.image_shape:
            raise ValueError(
                f"image shapes differ: {self.train.image_shape} and {self.test.image_shape}"
            )
        if self.train.dtype != self.test.dtype:
            raise ValueError(f"image types differ: {self.train.dtype} and {self.test.dtype}")

    @property
    def num_labels(self) -> int:
        """K, the number of labels."""
        return len(self.class_names)

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """`(H, W, C)` of one image."""
        return self.train.image_shape

    @property
    def dtype(self) -> np.dtype:
        """uint8 or float32."""
        return self.train.dtype


def _image_shape(images: LazyImages | np.ndarray) -> tuple[int, int, int]:
    _, height, width, channels = images.shape
    return (height, width, channels)


def _read(images: LazyImages | np.ndarray, indices: np.ndarray) -> np.ndarray:
    if isinstance(images, LazyImages):
        return images.read(indices)
    return np.asarray(images[indices])


def check_finite_pixels(images: np.ndarray, about: str) -> None:
    """Refuse images (N, H, W, C) that hold NaN or infinite values.

    Args:
        images: `ndarray` of numbers.
        about: `str`. What they are; the error begins with it.

    Raises:
        InputError: if a pixel is not finite.
    """
    for start in range(0, len(images), _CHECKED):
        if not np.isfinite(images[start : start + _CHECKED]).all():
            raise InputError(f"{about}: images hold NaN or infinite values")
