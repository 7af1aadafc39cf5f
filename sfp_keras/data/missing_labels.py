"""Labels that a split has no images of."""

import logging

import numpy as np

from sfp_keras.data.dataset import ImageDataset, ImageSplit
from sfp_keras.data.label_order import shorten

_LOGGER = logging.getLogger("sfp_keras")


def warn_of_missing_labels(dataset: ImageDataset) -> None:
    """Warn of labels that have training images alone, or test images alone.

    Args:
        dataset: `ImageDataset`. Labels without any image are those that `class_names`
            or one-hot labels add.
    """
    train, test = _labels(dataset.train), _labels(dataset.test)
    _warn(
        dataset,
        train - test,
        "test images of",
        "their accuracy and fields cannot be measured; add test images, or leave these labels out",
    )
    _warn(
        dataset,
        test - train,
        "training images of",
        "no head learns them, and their test images lower every accuracy; add training images, or "
        "leave these labels out",
    )


def _labels(split: ImageSplit) -> set[int]:
    return set(np.unique(split.labels).tolist())


def _warn(dataset: ImageDataset, labels: set[int], kind: str, mend: str) -> None:
    if labels:
        names = [dataset.class_names[label] for label in sorted(labels)]
        count = f"{len(names)} of {dataset.num_labels} labels"
        _LOGGER.warning("no %s %s (%s): %s", kind, count, shorten(names), mend)
