import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sfp_keras.data import Augmentation, GeometricAugmentation, ImageMoves, augment
from sfp_keras.errors import InputError


def _draws(flip, down, right):
    return ImageMoves(np.array(flip), np.array(down), np.array(right))


def test_a_hand_made_image_is_mirrored_then_moved():
    image = np.array([[1, 2, 3], [4, 5, 6], [7, 8, 9]], np.float32)[None, :, :, None]
    moved = augment(image, _draws([True], [1], [-1]), np.array([0.0]))
    assert moved[0, :, :, 0].tolist() == [[0, 0, 0], [2, 1, 0], [5, 4, 0]]
    kept = augment(image, _draws([False], [0], [0]), np.array([0.0]))
    np.testing.assert_array_equal(kept, image)


def _by_padding(image, flip, down, right, fill):
    size = 6
    padded = np.full((image.shape[0] + 2 * size, image.shape[1] + 2 * size, 3), fill, image.dtype)
    padded[size:-size, size:-size] = image[:, ::-1] if flip else image
    rows = slice(size - down, size - down + image.shape[0])
    return padded[rows, size - right : size - right + image.shape[1]]


@settings(deadline=None, derandomize=True, max_examples=40)
@given(st.integers(1, 7), st.integers(1, 7), st.integers(0, 1000))
def test_equals_padding_and_cropping_even_beyond_the_border(height, width, seed):
    rng = np.random.default_rng(seed)
    images = rng.normal(size=(5, height, width, 3)).astype(np.float32)
    fill = np.array([-2.0, 0.0, 3.0], np.float32)
    draws = _draws(rng.integers(0, 2, 5) > 0, rng.integers(-6, 7, 5), rng.integers(-6, 7, 5))
    result = augment(images, draws, fill)
    for i in range(5):
        wanted = _by_padding(images[i], draws.flip[i], draws.down[i], draws.right[i], fill)
        np.testing.assert_array_equal(result[i], wanted)


def test_every_outcome_is_equally_likely():
    draws = Augmentation(flip=True, shift=4).draw(81_000, seed=3, epoch=5)
    outcome = (draws.down + 4) * 18 + (draws.right + 4) * 2 + draws.flip
    counts = np.bincount(outcome, minlength=162)
    assert len(counts) == 162
    # 500 expected; five standard deviations.
    assert abs(counts - 500).max() < 5 * 500**0.5


def test_draws_are_a_function_of_seed_epoch_and_image():
    augmentation = Augmentation()
    full = augmentation.draw(100, 1, 2)
    np.testing.assert_array_equal(augmentation.draw(30, 1, 2).down, full.down[:30])
    np.testing.assert_array_equal(full.at(np.array([7, 3])).right, full.right[[7, 3]])
    for other in (augmentation.draw(100, 1, 3), augmentation.draw(100, 2, 2)):
        assert (other.down != full.down).any()


def test_turned_images_are_uniform_within_their_bounds():
    augmentation = GeometricAugmentation(shift=2, rotation=10, shear=4)
    moves = augmentation.draw(20_000, seed=3, epoch=5)
    assert abs(moves.flip.mean() - 0.5) < 0.02
    for angles, most in ((moves.rotation, 10), (moves.shear, 4)):
        assert abs(angles).max() <= most
        assert abs(np.histogram(angles, 10, (-most, most))[0] - 2000).max() < 5 * 2000**0.5
    for pixels in (moves.down, moves.right):
        counts = np.unique_counts(pixels)
        assert counts.values.tolist() == [-2, -1, 0, 1, 2]
        assert abs(counts.counts - 4000).max() < 5 * 4000**0.5
    few = augmentation.draw(30, 3, 5).at(np.array([7, 3]))
    np.testing.assert_array_equal(few.rotation, moves.rotation[[7, 3]])


def test_without_flip_or_shift():
    assert not Augmentation(flip=False).draw(50, 0, 0).flip.any()
    assert not Augmentation(shift=0).draw(50, 0, 0).down.any()
    with pytest.raises(InputError, match="`shift`=-1 must not be negative"):
        Augmentation(shift=-1)
