"""Enlarge: Pillow's bicubic kernel as two matrix products.

Runs on whichever backend Keras has; test_geometric.py runs some of it on JAX as well.
"""

import keras
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from keras import ops
from PIL import Image

from sfp_keras.errors import InputError
from sfp_keras.models.enlarging import Enlarge, bicubic_matrix

JAX = keras.backend.backend() == "jax"
RNG = np.random.default_rng(0)


def enlarged(images: np.ndarray, size: int | tuple[int, int], **arguments: object) -> np.ndarray:
    return ops.convert_to_numpy(Enlarge(size, **arguments)(images))


def by_pillow(images: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Each channel of each image as one picture of floats, which Pillow does not round."""
    planes = np.moveaxis(images, -1, 1).reshape(-1, *images.shape[1:3])
    enlarge = Image.Resampling.BICUBIC
    pictures = [np.array(Image.fromarray(p).resize(size[::-1], enlarge)) for p in planes]
    return np.moveaxis(np.reshape(pictures, (len(images), -1, *size)), 1, -1)


def noise(*shape: int) -> np.ndarray:
    return RNG.uniform(0, 255, shape).astype(np.float32)


@pytest.mark.parametrize(("source", "target"), [(32, 224), (64, 224), (8, 32), (7, 33)])
def test_pixels_are_pillow_s(source: int, target: int) -> None:
    images = noise(2, source, source, 3)
    expected = by_pillow(images, (target, target))
    assert expected.min() < -10  # Bicubic overshoots, and nothing is clipped.
    assert np.abs(enlarged(images, target) - expected).max() < 255 * 2e-6


SIDE = st.tuples(st.integers(1, 12), st.integers(0, 30)).map(lambda s: (s[0], s[0] + s[1]))


@settings(deadline=None, derandomize=True, max_examples=4 if JAX else 50)
@given(rows=SIDE, columns=SIDE, channels=st.integers(1, 5))
@example(rows=(1, 5), columns=(2, 2), channels=1)
def test_pixels_of_any_size(rows: tuple[int, int], columns: tuple[int, int], channels: int) -> None:
    images = noise(2, rows[0], columns[0], channels)
    size = (rows[1], columns[1])
    actual = enlarged(images, size)
    assert actual.shape == Enlarge(size).compute_output_shape(images.shape)
    assert np.abs(actual - by_pillow(images, size)).max() < 255 * 2e-6


@settings(deadline=None, derandomize=True, max_examples=50)
@given(SIDE)
def test_the_matrix(side: tuple[int, int]) -> None:
    matrix = bicubic_matrix(*side)
    assert (matrix.shape, matrix.dtype) == (side[::-1], np.float32)
    np.testing.assert_allclose(matrix.sum(axis=1, dtype=np.float64), 1, atol=3e-7)
    np.testing.assert_array_equal(bicubic_matrix(side[0], side[0]), np.eye(side[0]))
    # Keys' kernel reproduces parabolas where all four of its pixels are in the image.
    centres = (np.arange(side[1]) + 0.5) * side[0] / side[1] - 0.5
    inside = (centres >= 1) & (centres <= side[0] - 2)
    for power in (1, 2):
        curve = matrix @ np.arange(side[0], dtype=np.float64) ** power
        np.testing.assert_allclose(curve[inside], centres[inside] ** power, atol=2e-5)


def test_constants_stay_and_equal_sizes_change_nothing() -> None:
    flat = np.broadcast_to(np.float32([255, 0, -1.7]), (1, 5, 6, 3))
    large = np.broadcast_to(flat[0, 0, 0], (1, 24, 24, 3))
    np.testing.assert_allclose(enlarged(flat, 24), large, rtol=1e-6)
    images = noise(2, 5, 6, 3)
    np.testing.assert_array_equal(enlarged(images, (5, 6)), images)


def test_other_dtypes() -> None:
    whole = RNG.integers(0, 256, (2, 8, 8, 3), np.uint8)
    expected = by_pillow(whole.astype(np.float32), (20, 20))
    assert np.abs(enlarged(whole, 20) - expected).max() < 255 * 2e-6
    layer = Enlarge(20, dtype="mixed_bfloat16")
    out = layer(whole.astype(np.float32))
    assert keras.backend.standardize_dtype(out.dtype) == "bfloat16"
    # One rounding at the end, none before.
    rounded = ops.convert_to_numpy(ops.cast(ops.cast(enlarged(whole, 20), "bfloat16"), "float32"))
    np.testing.assert_array_equal(ops.convert_to_numpy(ops.cast(out, "float32")), rounded)


def test_it_trains_compiled() -> None:
    inputs = keras.Input((4, 5, 3))
    outputs = keras.layers.Conv2D(1, 1)(Enlarge((6, 5))(inputs))
    model = keras.Model(inputs, outputs)
    assert model.output_shape == (None, 6, 5, 1)
    model.compile("sgd", "mse", jit_compile=True)
    model.fit(noise(3, 4, 5, 3) / 255, np.zeros((3, 6, 5, 1)), verbose=0)
    # The last batch is shorter.
    images = noise(5, 4, 5, 3)
    cut = keras.Model(inputs, model.layers[1].output)
    cut.compile(jit_compile=True)
    actual = cut.predict(images, batch_size=3, verbose=0)
    assert np.abs(actual - by_pillow(images, (6, 5))).max() < 255 * 2e-6


def test_the_configuration_is_plain() -> None:
    layer = Enlarge((16, np.int64(20)), name="large", dtype="mixed_bfloat16")
    config = keras.saving.serialize_keras_object(layer)
    again = keras.saving.deserialize_keras_object(config)
    assert (again.size, again.name, again.compute_dtype) == ((16, 20), "large", "bfloat16")
    assert keras.saving.serialize_keras_object(again) == config
    assert Enlarge(16).size == (16, 16)


@pytest.mark.parametrize("size", [0, -4, 2.5, True, "8", None, (8,), (8, 8, 8), (8, 0), (8, 8.0)])
def test_wrong_sizes_are_told(size: object) -> None:
    with pytest.raises(InputError, match="one positive whole number or"):
        Enlarge(size)


def test_images_that_do_not_fit_are_told() -> None:
    with pytest.raises(InputError, match=r"only enlarges: images of 9x8 .* at least \(9, 8\)"):
        Enlarge(8)(keras.Input((9, 8, 3)))
    with pytest.raises(InputError, match="images of 8x9"):
        Enlarge(8).compute_output_shape((None, 8, 9, 3))
    with pytest.raises(InputError, match=r"keras.Input\(\(height"):
        Enlarge(8)(keras.Input((None, 8, 3)))
    with pytest.raises(InputError, match="known size"):
        Enlarge(8)(np.zeros((8, 8, 3), np.float32))
    layer = Enlarge(8)
    layer(noise(1, 4, 4, 3))
    with pytest.raises(InputError, match="images of 9x9"):
        layer(noise(1, 9, 9, 3))
    for source, target in ((5, 4), (0, 3)):
        with pytest.raises(InputError, match=f"target={target} must be at least source={source}"):
            bicubic_matrix(source, target)
