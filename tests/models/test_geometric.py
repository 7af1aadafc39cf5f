"""RandomGeometry: one affine map an image, resampled once, exactly where nothing is rotated.

Runs on whichever backend Keras has; its last test runs the tests that matter there, and those of
Enlarge, on JAX.
"""

import os
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from keras import ops
from scipy.ndimage import map_coordinates

from sfp_keras.data import ImageMoves, augment
from sfp_keras.errors import InputError
from sfp_keras.models.enlarging import Enlarge
from sfp_keras.models.geometric import RandomGeometry, affine_matrices, resample

JAX = keras.backend.backend() == "jax"
HERE = Path(__file__).parent
RNG = np.random.default_rng(0)
FILL = (7.0, -3.0, 0.5)


def noise(*shape: int) -> np.ndarray:
    return RNG.uniform(0, 255, shape).astype(np.float32)


def moved(images: np.ndarray, *draws: object, fill: object = FILL) -> np.ndarray:
    """`images` flipped, rotated, sheared, moved right and down as the draws say."""
    each = [np.broadcast_to(np.float32(draw), (len(images),)) for draw in draws]
    matrices = affine_matrices(*images.shape[1:3], *each)
    return ops.convert_to_numpy(resample(images, matrices, fill))


def by_scipy(image: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """One image with the plane outside it in the colour FILL, which interpolation sees."""
    y, x = np.mgrid[: image.shape[0], : image.shape[1]].astype(float)
    x, y = (row[0] * x + row[1] * y + row[2] for row in np.asarray(matrix, np.float64))
    planes = [
        map_coordinates(image[..., c], [y, x], order=1, mode="grid-constant", cval=FILL[c])
        for c in range(3)
    ]
    return np.stack(planes, axis=-1)


@pytest.mark.parametrize("shape", [(9, 7), (6, 10), (1, 4)])
def test_any_map_is_scipy_s(shape: tuple[int, int]) -> None:
    count = 12
    images = noise(count, *shape, 3)
    matrices = RNG.normal(0, 0.7, (count, 2, 3)).astype(np.float32)
    matrices[:, :, 2] += RNG.uniform(-4, 12, (count, 2))
    matrices[0] = [[1, 0, 0.25], [0, 1, -0.5]]
    matrices[1] = [[1, 0, 1e6], [0, 1, -1e6]]  # Nothing but what is outside.
    actual = ops.convert_to_numpy(resample(images, matrices, FILL))
    for i in range(count):
        np.testing.assert_allclose(actual[i], by_scipy(images[i], matrices[i]), atol=3e-3)
    np.testing.assert_array_equal(actual[1], np.broadcast_to(np.float32(FILL), (*shape, 3)))


@settings(deadline=None, derandomize=True, max_examples=3 if JAX else 40)
@given(data=st.data())
def test_matrices_are_the_inverse_of_the_moves_in_order(data: st.DataObject) -> None:
    height, width = data.draw(st.integers(1, 300)), data.draw(st.integers(1, 300))
    flip, rotation = data.draw(st.booleans()), data.draw(st.floats(-180, 180))
    shear, right, down = (data.draw(st.floats(-60, 60)) for _ in range(3))
    middle = np.array([[1, 0, (width - 1) / 2], [0, 1, (height - 1) / 2], [0, 0, 1]])
    mirror = np.diag([-1 if flip else 1, 1, 1])
    slant = np.array([[1, np.tan(np.radians(shear)), 0], [0, 1, 0], [0, 0, 1]])
    cos, sin = np.cos(np.radians(rotation)), np.sin(np.radians(rotation))
    turn = np.array([[cos, -sin, 0], [sin, cos, 0], [0, 0, 1]])
    move = np.array([[1, 0, right], [0, 1, down], [0, 0, 1]])
    forward = move @ middle @ turn @ slant @ mirror @ np.linalg.inv(middle)
    draws = [np.float32([value]) for value in (flip, rotation, shear, right, down)]
    actual = ops.convert_to_numpy(affine_matrices(height, width, *draws))
    assert actual.shape == (1, 2, 3)
    np.testing.assert_allclose(actual[0], np.linalg.inv(forward)[:2], rtol=1e-4, atol=1e-3)


def test_directions() -> None:
    square = noise(1, 5, 5, 3)
    np.testing.assert_allclose(moved(square, 0, 90, 0, 0, 0)[0], np.rot90(square[0], -1), atol=1e-3)
    # At 45 degrees each row is moved by its distance from the middle.
    slanted = moved(square, 0, 0, 45, 0, 0)[0]
    for row in range(5):
        expected = moved(square, 0, 0, 0, row - 2, 0)[0, row]
        np.testing.assert_allclose(slanted[row], expected, atol=1e-3)


def test_flips_and_whole_shifts_copy_exactly() -> None:
    flip, right, down = (axis.ravel() for axis in np.mgrid[:2, -3:4, -3:4])
    for height, width in ((8, 6), (5, 9))[: 1 if JAX else 2]:
        images = noise(len(flip), height, width, 3)
        expected = augment(images, ImageMoves(flip.astype(bool), down, right), np.float32(FILL))
        np.testing.assert_array_equal(moved(images, flip, 0, 0, right, down), expected)
        np.testing.assert_array_equal(moved(images, False, 0, 0, 0, 0), images)
        dark = augment(images, ImageMoves(flip.astype(bool), down, right), np.zeros(3))
        np.testing.assert_array_equal(moved(images, flip, 0, 0, right, down, fill=0), dark)


def test_a_plane_of_the_outside_s_colour_stays_exactly() -> None:
    flat = np.broadcast_to(np.float32(FILL), (3, 8, 8, 3))
    np.testing.assert_array_equal(moved(flat, [0, 1, 0], [3, -8, 90], 4, 2.5, -1), flat)


def test_the_layer_without_rotation_copies_exactly() -> None:
    images = noise(16, 6, 7, 3)
    layer = RandomGeometry(0, 2, 0, fill=FILL, seed=1)
    twin = RandomGeometry(0, 2, 0, seed=1)
    flip, _, _, right, down = (ops.convert_to_numpy(draw) for draw in twin.draw(16))
    whole = ImageMoves(flip.astype(bool), down.astype(int), right.astype(int))
    actual = ops.convert_to_numpy(layer(images, training=True))
    np.testing.assert_array_equal(actual, augment(images, whole, np.float32(FILL)))
    still = RandomGeometry(0, 0, 0, flip=False)
    np.testing.assert_array_equal(ops.convert_to_numpy(still(images, training=True)), images)


def test_draws() -> None:
    layer = RandomGeometry(rotation=3, shift=4, shear=5, seed=0)
    count = 4000
    flip, rotation, shear, right, down = (ops.convert_to_numpy(d) for d in layer.draw(count))
    assert set(flip) == {0, 1}
    assert abs(flip.mean() - 0.5) < 0.03
    for angles, most in ((rotation, 3), (shear, 5)):
        assert np.abs(angles).max() <= most
        assert len(set(angles)) > 0.99 * count
        counts = np.histogram(angles, 8, (-most, most))[0]
        assert np.abs(counts / count - 1 / 8).max() < 0.025
    for moves in (right, down):
        values, counts = np.unique(moves, return_counts=True)
        np.testing.assert_array_equal(values, np.arange(-4, 5))
        assert np.abs(counts / count - 1 / 9).max() < 0.025
    # No draw tells of another.
    correlation = np.corrcoef([flip, rotation, shear, right, down])
    assert np.abs(correlation - np.eye(5)).max() < 0.06
    assert not np.array_equal(ops.convert_to_numpy(layer.draw(count)[1]), rotation)
    assert not ops.convert_to_numpy(RandomGeometry(flip=False).draw(50)[0]).any()


def test_seeds_and_the_state_decide() -> None:
    images = noise(6, 5, 5, 3)
    images[:] = images[0]
    layers = [RandomGeometry(20, seed=seed) for seed in (3, 3, 4)]
    first, same, other = (ops.convert_to_numpy(layer(images, training=True)) for layer in layers)
    np.testing.assert_array_equal(first, same)
    assert not np.array_equal(first, other)
    assert len({image.tobytes() for image in first}) == 6
    # What a checkpoint of the variables restores.
    [state] = layers[0].variables
    kept = ops.convert_to_numpy(state)
    second = ops.convert_to_numpy(layers[0](images, training=True))
    assert not np.array_equal(second, first)
    state.assign(kept)
    np.testing.assert_array_equal(ops.convert_to_numpy(layers[0](images, training=True)), second)


def test_inference_changes_nothing() -> None:
    images = noise(3, 5, 4, 3)
    layer = RandomGeometry()
    before = ops.convert_to_numpy(layer.variables[0])
    np.testing.assert_array_equal(ops.convert_to_numpy(layer(images)), images)
    np.testing.assert_array_equal(ops.convert_to_numpy(layer.variables[0]), before)


@pytest.mark.parametrize("training", [False, True])
def test_mixed_precision(training: bool) -> None:
    images = noise(4, 6, 6, 3)
    out = RandomGeometry(seed=2, dtype="mixed_bfloat16")(images, training=training)
    assert keras.backend.standardize_dtype(out.dtype) == "bfloat16"
    exact = RandomGeometry(seed=2)(images, training=training)
    assert keras.backend.standardize_dtype(exact.dtype) == "float32"
    # One rounding at the end, none before.
    rounded = ops.convert_to_numpy(ops.cast(ops.cast(exact, "bfloat16"), "float32"))
    np.testing.assert_array_equal(ops.convert_to_numpy(ops.cast(out, "float32")), rounded)


@pytest.mark.slow
def test_it_trains_compiled() -> None:
    inputs = keras.Input((6, 5, 3))
    layer = RandomGeometry(20, fill=FILL, seed=0)
    model = keras.Model(inputs, keras.layers.Conv2D(1, 1)(layer(inputs)))
    assert model.output_shape == (None, 6, 5, 1)
    assert any(variable is layer.variables[0] for variable in model.variables)
    before = ops.convert_to_numpy(layer.variables[0])
    model.compile("sgd", "mse", jit_compile=True)
    # The last batch is shorter.
    model.fit(noise(5, 6, 5, 3) / 255, np.zeros((5, 6, 5, 1)), batch_size=3, verbose=0)
    after = ops.convert_to_numpy(layer.variables[0])
    # Two batches of two draws; no retracing has drawn.
    np.testing.assert_array_equal(after - before, [0, 4])


def test_compiled_results_are_the_same() -> None:
    images = noise(4, 6, 5, 3)
    draws = [np.float32(d) for d in ([0, 1, 1, 0], [2, -9, 0, 0], [0, 5, 0, 0], [1, 0, 2, 0])]
    arguments = (images, *draws, np.zeros(4, np.float32))

    def plain(images: object, *draws: object) -> object:
        return resample(images, affine_matrices(6, 5, *draws), FILL)

    if JAX:
        import jax

        compiled = jax.jit(plain)
    else:
        import tensorflow as tf

        compiled = tf.function(plain, jit_compile=True)
    actual = ops.convert_to_numpy(compiled(*map(ops.convert_to_tensor, arguments)))
    np.testing.assert_allclose(actual, ops.convert_to_numpy(plain(*arguments)), atol=1e-3)
    # Flipped and moved, and left alone: exact in compiled arithmetic too.
    np.testing.assert_array_equal(actual[3], images[3])
    np.testing.assert_array_equal(actual[2, :, 2:], images[2, :, :1:-1])


def test_the_configuration_is_complete() -> None:
    layer = RandomGeometry(1, 2, 3, False, np.float32(FILL), 4, name="g", dtype="mixed_bfloat16")
    config = keras.saving.serialize_keras_object(layer)
    again = keras.saving.deserialize_keras_object(config)
    assert keras.saving.serialize_keras_object(again) == config
    found = (again.rotation, again.shift, again.shear, again.flip, again.fill, again.seed)
    assert found == (1.0, 2, 3.0, False, list(FILL), 4)
    assert RandomGeometry(fill=5).get_config()["fill"] == 5.0


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"rotation": -1}, "`rotation` must be from 0 to 180 degrees, received -1"),
        ({"rotation": float("nan")}, "`rotation` must be"),
        ({"shear": 90}, "`shear` must be from 0 to below 90"),
        ({"shift": -1}, "`shift` must be a whole number"),
        ({"shift": 1.5}, "received 1.5"),
        ({"fill": [[1.0]]}, "`fill` must be a number or one for each channel"),
        ({"fill": []}, "`fill` must be"),
        ({"fill": float("inf")}, "`fill` must be"),
        ({"seed": -1}, "`seed` must be a whole number from 0 or None"),
        ({"seed": 1.5}, "`seed` must be"),
    ],
)
def test_wrong_arguments_are_refused(arguments: dict, words: str) -> None:
    with pytest.raises(InputError, match=words):
        RandomGeometry(**arguments)


def test_images_that_do_not_fit_are_refused() -> None:
    with pytest.raises(InputError, match="`fill` has 2 numbers, but the images have 3 channels"):
        RandomGeometry(fill=(1, 2))(keras.Input((4, 4, 3)))
    with pytest.raises(InputError, match=r"keras.Input\(\(height"):
        RandomGeometry()(keras.Input((None, 4, 3)))


# A model's file is all that this process on JAX is given; then it runs tests of both layers.
ON_JAX = """
import sys, keras, numpy as np, pytest
import sfp_keras.models
model = keras.saving.load_model(sys.argv[1])
model.compile(jit_compile=True)
np.save(sys.argv[3], model.predict(np.load(sys.argv[2]), verbose=0))
sys.exit(pytest.main(["-x", "-p", "no:cacheprovider", *sys.argv[4:]]))
"""


@pytest.mark.slow
@pytest.mark.skipif(JAX, reason="starts on TensorFlow")
def test_saved_models_and_all_tests_on_jax(tmp_path: Path) -> None:
    pytest.importorskip("jax")
    inputs = keras.Input((8, 8, 3))
    outputs = RandomGeometry(fill=FILL, seed=5)(Enlarge((16, 20))(inputs))
    model = keras.Model(inputs, outputs)
    model.save(tmp_path / "net.keras")
    images = noise(3, 8, 8, 3)
    np.save(tmp_path / "in.npy", images)
    files = [str(tmp_path / name) for name in ("net.keras", "in.npy", "out.npy")]
    tests = [str(HERE / name) for name in ("test_enlarging.py", "test_geometric.py")]
    # Each operation is compiled there for each shape, which is slow: a few tests say enough.
    tests += ["-k", "trains_compiled or compiled_results or 8-32 or shape2 or whole_shifts"]
    done = subprocess.run(
        [sys.executable, "-c", ON_JAX, *files, *tests],
        cwd=HERE.parents[1],
        env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", "KERAS_BACKEND": "jax"},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    here = model.predict(images, verbose=0)
    assert here.shape == (3, 16, 20, 3)
    assert np.abs(np.load(files[2]) - here).max() < 255 * 2e-6
    again = keras.saving.load_model(files[0])
    np.testing.assert_array_equal(again.predict(images, verbose=0), here)
    for old, new in zip(model.layers[1:], again.layers[1:], strict=True):
        assert new.get_config() == old.get_config()
