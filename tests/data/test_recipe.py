"""The image changes of the recipe against literal definitions, and their draws."""

import itertools

import numpy as np
import pytest
from PIL import Image, ImageOps

from sfp_keras.data import (
    UNSCALED,
    Augmentation,
    Erasing,
    ImageRecipe,
    ImageSplit,
    Mixing,
    RandAugment,
    ResizedCrop,
    parse_scaling,
    random_normal,
    recipe_batches,
    training_batches,
)
from sfp_keras.data.batches.erasing import Noise, erase
from sfp_keras.data.batches.mixing import Mix, mix
from sfp_keras.data.batches.pixel_operations import OPERATIONS
from sfp_keras.data.batches.rand_augment import RandomOperations, operate
from sfp_keras.data.batches.resized_crop import crop
from sfp_keras.errors import InputError

RNG = np.random.default_rng(0)
SPLIT = ImageSplit(RNG.integers(0, 256, (23, 12, 9, 3), dtype=np.uint8), np.arange(23) % 4)
SCALING = parse_scaling("0.5,0.4,0.3/0.2,0.25,0.3")
ALL = ImageRecipe(ResizedCrop(0.5), RandAugment(), Erasing(0.5), Mixing())


def test_mixup_by_hand():
    images = np.array([1.0, 2.0, 5.0], np.float32).reshape(3, 1, 1, 1)
    mixed, labels = mix(images, np.eye(3, dtype=np.float32), Mix(0.75))
    assert mixed.ravel().tolist() == [2.0, 2.0, 4.0]
    assert labels.tolist() == [[0.75, 0, 0.25], [0, 1, 0], [0.25, 0, 0.75]]


def test_cutmix_by_hand():
    images = np.arange(2, dtype=np.float32).reshape(2, 1, 1, 1) * np.ones((2, 2, 4, 1), np.float32)
    mixed, labels = mix(images, np.eye(2, dtype=np.float32), Mix(0.75, (0, 1, 1, 3)))
    assert mixed[0, ..., 0].tolist() == [[0, 1, 1, 0], [0, 0, 0, 0]]
    assert mixed[1, ..., 0].tolist() == [[1, 0, 0, 1], [1, 1, 1, 1]]
    assert labels.tolist() == [[0.75, 0.25], [0.25, 0.75]]


def test_shares_are_of_the_beta_distribution_and_half_the_batches_are_cut():
    # Not where every process collects this test.
    from scipy.stats import beta, kstest

    mixes = [Mixing().draw((1000, 1000), 3, 1, batch) for batch in range(600)]
    averaged = [one.share for one in mixes if one.box is None]
    # Five standard deviations.
    assert abs(len(averaged) - 300) < 5 * 150**0.5
    assert kstest(averaged, beta(0.8, 0.8).cdf).pvalue > 1e-3
    for one in mixes:
        if one.box is not None:
            top, bottom, left, right = one.box
            assert one.share == pytest.approx(1 - (bottom - top) * (right - left) / 1e6)
    assert all(Mixing(0.0, 1.0).draw((8, 8), 3, 1, batch).box for batch in range(20))
    assert not any(Mixing(0.8, 0.0).draw((8, 8), 3, 1, batch).box for batch in range(20))


def test_a_crop_is_the_part_resized_by_pillow():
    boxes = ResizedCrop(0.3).draw(23, (12, 9), 1, 2)
    cropped = crop(SPLIT.images, boxes)
    for image, found, (top, bottom, left, right) in zip(SPLIT.images, cropped, boxes, strict=True):
        part = Image.fromarray(np.ascontiguousarray(image[top:bottom, left:right]))
        wanted = part.resize((9, 12), Image.Resampling.BICUBIC)
        np.testing.assert_array_equal(found, np.asarray(wanted))


@pytest.mark.parametrize("size", [(32, 32), (24, 36)])
def test_crops_have_the_areas_and_aspects_asked_for_and_lie_inside(size):
    top, bottom, left, right = ResizedCrop(0.5).draw(4000, size, 1, 2).T
    heights, widths = bottom - top, right - left
    assert top.min() == 0 == left.min()
    assert bottom.max() == size[0]
    assert right.max() == size[1]
    shares = heights * widths / (size[0] * size[1])
    # Sides are whole pixels.
    assert 0.45 < shares.min() < 0.55
    assert shares.max() <= 1
    aspects = widths / heights
    assert aspects.min() >= 0.70
    assert aspects.max() <= 1.43


def test_images_too_long_for_any_crop_keep_their_middle():
    boxes = ResizedCrop(0.9).draw(50, (4, 40), 0, 0)
    assert set(map(tuple, boxes.tolist())) == {(0, 4, 17, 22)}


def test_erased_rectangles_are_noise_and_the_rest_is_kept():
    images = RNG.normal(size=(400, 32, 32, 1)).astype(np.float32)
    before, boxes = images.copy(), Erasing(0.25).draw(400, (32, 32), 5, 1)
    indices = RNG.permutation(400)
    erase(images, boxes, Noise(5, 1, indices, np.zeros(1), np.ones(1)))
    chosen = boxes[:, 1] > 0
    assert abs(chosen.sum() - 100) < 5 * 75**0.5
    for place, (top, bottom, left, right) in enumerate(boxes):
        count = (bottom - top) * (right - left)
        noise = random_normal(count, "erasing: noise", 5, 1, int(indices[place]))
        wanted = before[place].copy()
        wanted[top:bottom, left:right, 0] = noise.reshape(bottom - top, right - left)
        np.testing.assert_array_equal(images[place], wanted)
    shares = ((boxes[:, 1] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 2]) / 1024)[chosen]
    assert 0.015 < shares.min() < 0.06
    assert 0.28 < shares.max() < 0.36


def test_normal_numbers_are_normal():
    from scipy.stats import kstest

    numbers = random_normal(5000, "test", 1, 2)
    assert kstest(numbers, "norm").pvalue > 1e-3
    np.testing.assert_array_equal(random_normal(10, "test", 1, 2), numbers[:10])


def operated(kind, level, image, fill=128):
    which = np.array([[list(OPERATIONS).index(kind)]])
    done = RandomOperations(which, np.array([[level]]))
    return operate(image[None], done, np.full(image.shape[-1], fill))[0]


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize(
    ("kind", "level", "literal"),
    [
        ("invert", 0.9, lambda x: 255 - x),
        ("posterize", 0.5, lambda x: x & 0b11000000),
        ("posterize", -1.0, lambda x: x & 0b10000000),
        ("solarize", 0.5, lambda x: np.where(x < 128, x, 255 - x)),
        ("solarize_add", 0.9, lambda x: np.where(x < 128, x + 99, x)),
        ("brightness", -0.5, lambda x: (x * 0.55).astype(int)),
        ("brightness", 1.0, lambda x: np.minimum((x * 1.9).astype(int), 255)),
        ("shift_x", 0.5, lambda x: np.pad(x, ((0, 0), (0, 9), (0, 0)), constant_values=128)[:, 9:]),
        ("shift_y", -0.5, lambda x: np.pad(x, ((9, 0), (0, 0), (0, 0)), constant_values=128)[:-9]),
    ],
)
def test_operations_against_their_definitions(kind, level, literal, channels):
    image = RNG.integers(0, 256, (40, 40, channels), dtype=np.uint8)
    wanted = literal(image.astype(int))
    assert abs(operated(kind, level, image).astype(int) - wanted).max() <= 1


@pytest.mark.parametrize(
    ("kind", "pillow_s"),
    [
        ("auto_contrast", lambda image, level: ImageOps.autocontrast(image)),
        ("equalize", lambda image, level: ImageOps.equalize(image)),
        ("invert", lambda image, level: ImageOps.invert(image)),
        ("posterize", lambda image, level: ImageOps.posterize(image, 4 - int(level * 4))),
        ("solarize", lambda image, level: ImageOps.solarize(image, 256 - int(level * 256))),
    ],
)
def test_tables_are_pillow_s(kind, pillow_s):
    for size, least, most in [((8, 6), 0, 256), ((40, 30), 20, 60), ((40, 40), 0, 256)]:
        random = RNG.integers(least, most, (*size, 3), dtype=np.uint8)
        dark = (random // 200 * 200).astype(np.uint8)
        for image in (random, dark, np.full_like(random, 77)):
            for level in (0.0, 0.3, 0.9):
                wanted = np.asarray(pillow_s(Image.fromarray(image), level))
                np.testing.assert_array_equal(operated(kind, level, image), wanted)


@pytest.mark.parametrize("kind", OPERATIONS)
def test_every_operation_keeps_an_image_s_form(kind):
    for channels in (1, 3):
        image = RNG.integers(0, 256, (8, 6, channels), dtype=np.uint8)
        for level in (-1.0, 0.0, 0.9, 1.0):
            assert operated(kind, level, image).shape == image.shape


def test_operations_are_drawn_alike_and_done_half_of_the_time():
    drawn = RandAugment(2, 9.0, 0.5).draw(20_000, 1, 2)
    counts = np.bincount(drawn.which.ravel() + 1, minlength=16)
    assert abs(counts[0] - 20_000) < 5 * 10_000**0.5
    assert abs(counts[1:] - 20_000 / 15).max() < 5 * (20_000 / 15) ** 0.5
    strength = abs(drawn.levels) * 10
    assert strength.max() == 10
    assert np.median(strength) == pytest.approx(9.0, abs=0.02)
    assert np.quantile(strength, 0.1587) == pytest.approx(8.5, abs=0.02)
    assert (drawn.levels < 0).mean() == pytest.approx(0.5, abs=0.02)


def taken(recipe, count, first_epoch=0, **more):
    batches = recipe_batches(
        SPLIT, 5, 3, SCALING, recipe, 4, Augmentation(shift=1), first_epoch, **more
    )
    found = list(itertools.islice(batches, count))
    batches.close()
    return found


def test_an_epoch_is_the_same_from_wherever_training_starts():
    whole, later = taken(ALL, 10), taken(ALL, 5, first_epoch=1)
    for (x, y), (other_x, other_y) in zip(whole[5:], later, strict=True):
        assert (x.dtype, y.dtype, y.shape[1]) == (np.float32, np.float32, 4)
        np.testing.assert_array_equal(x, other_x)
        np.testing.assert_array_equal(y, other_y)
        np.testing.assert_allclose(y.sum(1), 1, rtol=1e-6)
    assert [len(y) for _, y in whole[:5]] == [5, 5, 5, 5, 3]
    assert not np.array_equal(whole[0][0], whole[5][0])


def test_a_recipe_of_nothing_gives_the_usual_batches():
    usual = training_batches(SPLIT, 5, 3, SCALING, Augmentation(shift=1))
    for (x, y), (other_x, other_y) in zip(taken(ImageRecipe(), 7), usual, strict=False):
        np.testing.assert_array_equal(x, other_x)
        np.testing.assert_array_equal(y, other_y)


def test_an_image_is_changed_alike_in_whichever_batch_it_is():
    """Only mixing depends on the batch."""
    recipe = ImageRecipe(ResizedCrop(0.5), RandAugment(), Erasing(0.5))
    by_five = np.concatenate([x for x, _ in taken(recipe, 5)])
    batches = recipe_batches(SPLIT, 23, 3, SCALING, recipe, 4, Augmentation(shift=1))
    np.testing.assert_array_equal(next(batches)[0], by_five)
    batches.close()


def test_noise_has_the_units_of_a_network_that_scales_images_itself():
    recipe = ImageRecipe(erasing=Erasing(1.0))
    inside = recipe_batches(SPLIT, 23, 3, UNSCALED, recipe, 4, inside=SCALING)
    outside = recipe_batches(SPLIT, 23, 3, SCALING, recipe, 4)
    np.testing.assert_allclose(SCALING(next(inside)[0]), next(outside)[0], atol=1e-4)
    inside.close()
    outside.close()


@pytest.mark.parametrize(
    ("make", "match"),
    [
        (lambda: Mixing(0.0, 0.0), "`mixup`=0.0 and `cutmix`=0.0: one must be positive"),
        (lambda: Mixing(-1.0, 1.0), "none negative"),
        (lambda: Erasing(1.5), "`erasing`=1.5 must be from 0 to 1"),
        (lambda: ResizedCrop(0.0), "`resized_crop`=0.0 must be above 0"),
        (lambda: RandAugment(2, 11.0), "`rand_magnitude`=11 from 0 to 10"),
    ],
)
def test_numbers_that_cannot_be_are_refused(make, match):
    with pytest.raises(InputError, match=match):
        make()


def test_rand_augment_of_floats_is_refused():
    floats = ImageSplit(SPLIT.images.astype(np.float32), SPLIT.labels)
    with pytest.raises(InputError, match=r"`rand_augment`=2 is for images of 0\.\.255.*float32"):
        recipe_batches(floats, 5, 3, UNSCALED, ImageRecipe(rand_augment=RandAugment()), 4)
