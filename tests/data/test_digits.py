import numpy as np

from sfp_keras.data import load_dataset


def write_sample(folder, name, seed):
    return name


def test_digits_are_enlarged_real_images_in_a_fixed_split():
    digits = load_dataset("digits")
    assert digits.image_shape == (32, 32, 3)
    assert len(digits.train) + len(digits.test) == 1797
    assert digits.class_names == tuple("0123456789")
    counts = np.bincount(digits.test.labels)
    everything = counts + np.bincount(digits.train.labels)
    assert (abs(counts - 0.2 * everything) <= 0.5).all()
    images = digits.train.read(np.arange(len(digits.train)))
    assert images.dtype == np.uint8
    assert images.min() == 0
    assert images.max() == 255
    assert (images[..., 0] == images[..., 2]).all()

    again = load_dataset("digits")
    np.testing.assert_array_equal(again.test.images, digits.test.images)


def test_another_size_is_made_from_the_small_images():
    assert load_dataset("digits", image_size=(8, 12)).image_shape == (8, 12, 3)


def test_images_above_the_memory_budget_are_enlarged_when_read():
    held, read = (load_dataset("digits", image_size=40, memory_budget=b) for b in (1 << 30, 1000))
    assert held.train.in_memory
    assert not read.train.in_memory
    indices = np.array([5, 0, 77])
    np.testing.assert_array_equal(read.test.read(indices), held.test.read(indices))
