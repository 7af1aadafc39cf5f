"""Data sets are told apart by every image that is in memory."""

import dataclasses

import numpy as np

from sfp_keras.data import ImageDataset, ImageSplit
from sfp_keras.workflows.setup import fingerprint


def test_one_pixel_makes_another_data_set() -> None:
    images = np.zeros((100, 4, 4, 3), np.uint8)
    split = ImageSplit(images, np.zeros(100, np.int64))
    dataset = ImageDataset("some", split, split, ("a", "b"), (0, 1))
    changed = images.copy()
    changed[41, 1, 2, 0] = 1
    other = dataclasses.replace(dataset, test=ImageSplit(changed, split.labels))
    assert fingerprint(dataset) == fingerprint(dataclasses.replace(dataset))
    assert fingerprint(dataset) != fingerprint(other)
