"""Batches of which one can ask whether they are still there."""

import weakref
from collections.abc import Iterable, Iterator

import numpy as np


class Watched(np.ndarray):
    """An array that can be watched."""


class WatchedBatches:
    """Passes on batches of images and labels, and watches the images.

    Attributes:
        made: one reference for each batch.
    """

    def __init__(self) -> None:
        self.made: list[weakref.ref[np.ndarray]] = []

    def __call__(
        self, batches: Iterable[tuple[np.ndarray, np.ndarray]]
    ) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        for x, y in batches:
            images = x.copy().view(Watched)
            self.made.append(weakref.ref(images))
            yield images, y
            del x, images

    @property
    def alive(self) -> int:
        """How many batches are still there."""
        return sum(images() is not None for images in self.made)
