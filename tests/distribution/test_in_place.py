"""What is kept for a device takes no memory twice where the device can read it in place."""

import keras
import numpy as np
import pytest

from sfp_keras import cache_features, cut_stages
from sfp_keras.distribution import aligned_empty, current_devices

TENSORFLOW = keras.backend.backend() == "tensorflow"


def held(array: np.ndarray) -> np.ndarray:
    return keras.ops.convert_to_numpy(current_devices().constant(array).value)


@pytest.mark.skipif(not TENSORFLOW, reason="other backends copy what they are given")
def test_features_in_memory_are_read_where_they_are() -> None:
    images = keras.Input((4, 4, 3))
    x = keras.layers.Conv2D(5, 3, name="conv")(images)
    network = keras.Model(images, keras.layers.Dense(2)(keras.layers.Flatten()(x)))
    x, y = np.ones((6, 4, 4, 3), np.float32), np.arange(6) % 2
    cache = cache_features(cut_stages(network, "conv"), None, (x, y), (x, y))
    features = cache.arrays["conv"]
    before, constant = features.copy(), current_devices().constant(features)
    np.testing.assert_array_equal(keras.ops.convert_to_numpy(constant.value), before)
    features[1] = 7
    assert (keras.ops.convert_to_numpy(constant.value)[1] == 7).all()


@pytest.mark.parametrize("dtype", ["float16", "float32", "uint8"])
def test_an_array_is_held_however_it_lies(dtype: str) -> None:
    numbers = np.arange(200).reshape(20, 10).astype(dtype)
    aligned = aligned_empty((20, 10), np.dtype(dtype))
    aligned[:] = numbers
    read_only = aligned.copy()
    read_only.setflags(write=False)
    transposed, odd = aligned_empty((10, 20), np.dtype(dtype)).T, aligned[1:]
    transposed[:] = numbers
    for array in (aligned, read_only, transposed):
        np.testing.assert_array_equal(held(array), numbers)
    np.testing.assert_array_equal(held(odd), numbers[1:])
    np.testing.assert_array_equal(held(aligned[:0]), numbers[:0])
