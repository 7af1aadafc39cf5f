"""One pass over images through a frozen network."""

from collections.abc import Callable, Iterator

import numpy as np

from sfp_keras.data import ImageSplit, Scaling, evaluation_batches
from sfp_keras.progress import Progress

# From the number of the first image, batches of images and labels.
Batches = Callable[[int], Iterator[tuple[np.ndarray, np.ndarray]]]


def reported_batches(phase: str, images: ImageSplit, batch_size: int, scaling: Scaling) -> Batches:
    """A function of the first image giving one pass from there on, reported as it goes.

    Args:
        phase: `str`. What the pass is for, in the progress.
        images: `ImageSplit`.
        batch_size: `int`.
        scaling: `Scaling`.
    """

    def batches(first: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        return Progress(phase).over(
            evaluation_batches(images, batch_size, scaling, first),
            len(images),
            begin=first,
            size=lambda batch: len(batch[1]),
            unit="images",
        )

    return batches
