import numpy as np
import pytest

from sfp_keras.data import load_dataset
from sfp_keras.data.dataset import ImageDataset, ImageSplit
from sfp_keras.data.images.resizing import resize_dataset
from sfp_keras.errors import InputError


def _dataset():
    images = np.random.default_rng(0).integers(0, 256, (7, 5, 6, 3), dtype=np.uint8)
    split = ImageSplit(images, np.zeros(7, np.int64))
    return ImageDataset("x", split, split, ("a",), (0,))


def test_within_the_budget_resized_at_once_else_when_read():
    held = resize_dataset(_dataset(), (10, 9), 10**6)
    read = resize_dataset(_dataset(), (10, 9), 10)
    assert held.train.in_memory
    assert not read.train.in_memory
    assert held.image_shape == read.image_shape == (10, 9, 3)
    indices = np.array([6, 0, 2])
    np.testing.assert_array_equal(held.test.read(indices), read.test.read(indices))
    chosen = read.test.select(np.array([4, 1]))
    np.testing.assert_array_equal(chosen.read([1, 0]), held.test.read([1, 4]))


def test_the_same_size_is_the_same_dataset():
    data = _dataset()
    assert resize_dataset(data, (5, 6), 0) is data


@pytest.mark.parametrize("size", [0, -3, (32,), (1, 2, 3), (4.5, 2), 32.0, True, "32"])
def test_wrong_sizes_are_refused(size):
    with pytest.raises(InputError, match="`image_size`"):
        load_dataset("digits", image_size=size)


def test_sizes_may_be_numbers_of_numpy():
    for size in (np.int64(4), np.array([4, 4])):
        assert load_dataset("digits", image_size=size).image_shape[:2] == (4, 4)
