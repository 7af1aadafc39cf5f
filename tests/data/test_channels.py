"""Grey images and images of floats, from loading to batches."""

import numpy as np
import pytest
from PIL import Image

from sfp_keras.data import (
    Augmentation,
    ImageDataset,
    ImageSplit,
    channel_statistics,
    evaluation_batches,
    label_subset,
    load_dataset,
    parse_scaling,
    training_batches,
)
from sfp_keras.data.images.channels import convert_dataset, to_channels
from sfp_keras.data.images.resizing import resize_image
from sfp_keras.errors import InputError

RNG = np.random.default_rng(0)
RGB = RNG.integers(0, 256, (40, 9, 7, 3), np.uint8)
FLOATS = RNG.normal(3, 5, (40, 9, 7, 3)).astype(np.float32)
LABELS = np.arange(40) % 4


def _batch(split, scaling, augmentation=None):
    return next(training_batches(split, 40, 1, scaling, augmentation))[0]


def test_luminance_is_pillow_s():
    every = RNG.integers(0, 256, (500, 400, 3), np.uint8)
    grey = np.asarray(Image.fromarray(every).convert("L"))
    np.testing.assert_array_equal(to_channels(every, 1)[..., 0], grey)
    floats = to_channels(FLOATS, 1)
    assert floats.dtype == np.float32
    np.testing.assert_allclose(floats, FLOATS @ [[0.299], [0.587], [0.114]], atol=1e-3)


@pytest.mark.parametrize("resize", ["stretch", "crop"])
@pytest.mark.parametrize("size", [(4, 4), (20, 14), (9, 7)])
def test_a_channel_is_resized_for_itself(resize, size):
    image = RGB[0]
    whole = resize_image(image, size, resize)
    alone = [resize_image(image[..., c : c + 1], size, resize) for c in range(3)]
    np.testing.assert_array_equal(np.concatenate(alone, axis=-1), whole)
    # Of these levels none is clipped on the way, so that only rounding differs.
    middle = 100 + image // 5
    floats = resize_image(middle.astype(np.float32), size, resize)
    assert floats.dtype == np.float32
    np.testing.assert_allclose(floats, resize_image(middle, size, resize), atol=1.01)


@pytest.mark.parametrize("images", [RGB[..., :1], RGB, FLOATS, FLOATS[..., :1]])
def test_changed_when_read_or_at_once(images):
    data = ImageDataset("x", *[ImageSplit(images, LABELS)] * 2, tuple("abcd"), (0, 1, 2, 3))
    other = 4 - images.shape[-1]
    held, read = (convert_dataset(data, other, budget) for budget in (2**20, 10))
    assert held.train.in_memory
    assert not read.train.in_memory
    assert held.dtype == read.dtype == images.dtype
    np.testing.assert_array_equal(read.train.read(range(40)), held.train.images)
    subset = label_subset(read, 2)
    assert subset.dtype == images.dtype
    assert subset.image_shape == (9, 7, other)


def test_grey_batches_are_a_channel_of_rgb_ones():
    grey, rgb = ImageSplit(RGB[..., :1], LABELS), ImageSplit(np.repeat(RGB[..., :1], 3, -1), LABELS)
    for text in ("-1..1", "0..1", "0..255", "none", "dataset", "0.4/0.3"):
        for augmentation in (None, Augmentation(shift=2)):
            one = _batch(grey, parse_scaling(text, grey), augmentation)
            assert one.shape == (40, 9, 7, 1)
            three = _batch(rgb, parse_scaling(text, rgb), augmentation)
            np.testing.assert_array_equal(one, three[..., :1])
    # A scaling made for no images in particular is for grey ones, too.
    np.testing.assert_array_equal(
        _batch(grey, parse_scaling("-1..1"), Augmentation()),
        _batch(grey, parse_scaling("-1..1", grey), Augmentation()),
    )


def test_numbers_of_three_channels_are_refused_for_grey_images():
    grey, text = ImageSplit(RGB[..., :1], LABELS), "0.4,0.5,0.6/0.2"
    with pytest.raises(InputError, match="has numbers for 3 channels, the images have 1"):
        parse_scaling(text, grey)
    with pytest.raises(InputError, match="has numbers for 3 channels, the images have 1"):
        next(evaluation_batches(grey, 5, parse_scaling(text)))


def test_images_of_four_channels_have_one_number_or_four():
    four = ImageSplit(np.repeat(RGB[..., :1], 4, -1), LABELS)
    means = "0.1,0.2,0.3,0.4"
    assert (
        parse_scaling(f"{means}/0.5", four).mean.tolist()
        == np.float32([0.1, 0.2, 0.3, 0.4]).tolist()
    )
    assert parse_scaling(f"{means}/0.5").mid_grey.shape == (4,)
    with pytest.raises(InputError, match="has numbers for 3 channels, the images have 4"):
        parse_scaling("0.4,0.5,0.6/0.2", four)


def test_numbers_of_two_channels_are_refused_once_the_images_are_known():
    rgb, text = ImageSplit(np.repeat(RGB[..., :1], 3, -1), LABELS), "0.5,0.5/0.2,0.2"
    with pytest.raises(InputError, match="has numbers for 2 channels, the images have 3"):
        parse_scaling(text, rgb)


def test_floats_are_taken_as_they_are():
    split = ImageSplit(FLOATS, LABELS)
    for text in ("none", "0..255"):
        (batch,) = (x for x, _ in evaluation_batches(split, 40, parse_scaling(text, split)))
        np.testing.assert_array_equal(batch, FLOATS)
    scaling = parse_scaling("dataset", split)
    (batch,) = (x for x, _ in evaluation_batches(split, 40, scaling))
    np.testing.assert_allclose(batch.mean((0, 1, 2)), 0, atol=1e-4)
    np.testing.assert_allclose(batch.std((0, 1, 2)), 1, atol=1e-4)
    statistics = channel_statistics(split)
    np.testing.assert_allclose(statistics.mean, FLOATS.mean((0, 1, 2), np.float64))
    np.testing.assert_allclose(statistics.std, FLOATS.std((0, 1, 2), np.float64))


def test_zeros_are_moved_into_images_of_floats():
    split = ImageSplit(FLOATS + 1000, LABELS)
    moved = _batch(split, parse_scaling("none", split), Augmentation(shift=3))
    assert (moved == 0).any()
    assert moved[moved != 0].min() > 900


@pytest.mark.parametrize("text", ["-1..1", "0..1", "0.4/0.2"])
def test_scalings_of_grey_levels_are_not_for_floats(text):
    with pytest.raises(InputError, match=r"`scaling`=.*float32 of any range: give none"):
        parse_scaling(text, ImageSplit(FLOATS, LABELS))


def test_floats_that_are_no_numbers_have_no_statistics():
    for bad, message in ((np.nan, "without NaN"), (1.0, "every channel varies")):
        images = FLOATS.copy() if np.isnan(bad) else np.ones_like(FLOATS)
        images[3, 2, 1, 0] = bad
        with pytest.raises(InputError, match=message):
            parse_scaling("dataset", ImageSplit(images, LABELS))


@pytest.mark.parametrize("budget", [2**30, 100])
def test_floats_of_a_file(tmp_path, budget):
    for name, array in {"x": FLOATS[..., 0], "y": LABELS}.items():
        np.save(tmp_path / f"{name}.npy", array)
    data = load_dataset("arrays", tmp_path, memory_budget=budget)
    assert data.image_shape == (9, 7, 1)
    found = np.concatenate([s.read(range(len(s))) for s in (data.train, data.test)])
    np.testing.assert_array_equal(np.sort(found, None), np.sort(FLOATS[..., 0], None))
    cut = load_dataset("arrays", tmp_path, channels=3, image_size=6, resize="crop")
    assert (cut.image_shape, cut.dtype) == ((6, 6, 3), np.float32)


def test_other_images_and_channels_are_refused():
    for images in (RGB.astype(np.float64), RGB[..., 0]):
        with pytest.raises(ValueError, match="images must"):
            ImageSplit(images, LABELS)
    with pytest.raises(ValueError, match="image types differ"):
        ImageDataset("x", ImageSplit(RGB, LABELS), ImageSplit(FLOATS, LABELS), *[tuple("abcd")] * 2)
    with pytest.raises(InputError, match="`channels` must be 1"):
        load_dataset("digits", channels=2)
