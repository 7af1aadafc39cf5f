"""Image files, read in threads."""

from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

import numpy as np

from sfp_keras.data.dataset import LazyImages
from sfp_keras.data.images.decoding import (
    UnreadableImageError,
    read_image,
    read_image_size,
)
from sfp_keras.data.images.threads import image_threads
from sfp_keras.errors import InputError

T = TypeVar("T")


class FileImages(LazyImages):
    """Image files that are decoded, in threads, when they are read.

    Args:
        paths: the N files.
        shape: `(height, width, channels)` of each image; 3 channels for RGB, 1 for grey.
        resize: `"stretch"` or `"crop"`, see `resize_image`. Default `"stretch"`.
    """

    def __init__(
        self, paths: Sequence[str], shape: tuple[int, int, int], resize: str = "stretch"
    ) -> None:
        self.paths = paths
        self.resize = resize
        self.shape = (len(paths), *shape)

    def read(self, indices: np.ndarray) -> np.ndarray:
        """Decode the images at `indices` (n,) to an array (n, H, W, C) of uint8.

        Raises:
            InputError: if a file cannot be decoded, although its head could be read.
        """
        images = np.empty((len(indices), *self.shape[1:]), np.uint8)
        paths = [self.paths[i] for i in indices]
        for i, image in enumerate(self.decode(paths)):
            if isinstance(image, UnreadableImageError):
                raise InputError(
                    f"{paths[i]} cannot be decoded ({image}); delete or mend it and run again, in "
                    "another run directory where this one holds results of these images"
                )
            images[i] = image
        return images

    def decode(self, paths: Sequence[str]) -> Iterator[np.ndarray | UnreadableImageError]:
        """Yield each file's image (H, W, C) of uint8, or why it cannot be decoded."""
        size, channels = self.shape[1:3], self.shape[3]
        return _in_threads(lambda path: read_image(path, size, self.resize, channels), paths)


def read_sizes(paths: Sequence[str]) -> Iterator[tuple[int, int] | UnreadableImageError]:
    """Yield `(height, width)` from each file's head, or why it cannot be read."""
    # A head is read faster than a thread is woken for it.
    return _in_threads(read_image_size, paths, group=32)


def _in_threads(
    function: Callable[[str], T], paths: Sequence[str], group: int = 1
) -> Iterator[T | UnreadableImageError]:
    def guarded(path: str) -> T | UnreadableImageError:
        try:
            return function(path)
        except UnreadableImageError as error:
            return error

    def work(start: int) -> list[T | UnreadableImageError]:
        return [guarded(path) for path in paths[start : start + group]]

    # Blocks bound what is decoded but not yet used.
    block = 256 * group
    for start in range(0, len(paths), block):
        starts = range(start, min(start + block, len(paths)), group)
        for results in image_threads().map(work, starts):
            yield from results
