import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from sfp_keras.data import load_dataset
from sfp_keras.data.dataset import ImageDataset, ImageSplit
from sfp_keras.data.images.cropping import crop_image, resized_sides
from sfp_keras.data.images.decoding import read_image, resize_image
from sfp_keras.data.images.resizing import resize_dataset
from sfp_keras.errors import InputError


def _torchvision(image, resized, size):
    """Resize(resized, BICUBIC) and CenterCrop(size) of torchvision, on a Pillow image."""
    width, height = image.size
    short, long = (width, height) if width <= height else (height, width)
    new_long = int(resized * long / short)
    new = (resized, new_long) if width <= height else (new_long, resized)
    larger = image.resize(new, Image.Resampling.BICUBIC)
    top = round((larger.height - size) / 2.0)
    left = round((larger.width - size) / 2.0)
    return np.asarray(larger.crop((left, top, left + size, top + size)))


def _noise(height, width, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


@settings(deadline=None, derandomize=True, max_examples=60)
@given(st.integers(1, 90), st.integers(1, 90), st.sampled_from([(7, 8), (28, 32), (32, 37)]))
def test_a_crop_is_torchvisions_bit_by_bit(height, width, sides):
    size, resized = sides
    image = _noise(height, width)
    if max(height, width) < 40 * min(height, width):
        wanted = _torchvision(Image.fromarray(image), resized, size)
        np.testing.assert_array_equal(crop_image(image, (size, size)), wanted)


@pytest.mark.parametrize("sides", [(375, 500), (500, 333), (256, 256), (224, 224), (100, 263)])
def test_imagenets_sides(sides):
    image = _noise(*sides)
    wanted = _torchvision(Image.fromarray(image), 256, 224)
    np.testing.assert_array_equal(resize_image(image, (224, 224), "crop"), wanted)


@pytest.mark.parametrize(
    ("sides", "size", "resized"),
    [
        ((375, 500), (224, 224), (256, 341)),
        ((500, 375), (224, 224), (341, 256)),
        ((300, 300), (112, 224), (256, 256)),
        ((300, 900), (224, 112), (256, 768)),
        ((90, 30), (224, 112), (384, 128)),
        ((50, 50), (299, 299), (342, 342)),
    ],
)
def test_resized_sides_by_hand(sides, size, resized):
    assert resized_sides(sides, size) == resized


@settings(deadline=None, derandomize=True, max_examples=200)
@given(*[st.integers(1, 600)] * 4)
def test_both_sides_are_large_enough_and_the_aspect_is_kept(height, width, down, across):
    new = resized_sides((height, width), (down, across))
    least = (round(down * 256 / 224), round(across * 256 / 224))
    assert new[0] >= least[0]
    assert new[1] >= least[1]
    # One side is as small as it may be, the other rounded down from the same scale.
    if new[0] == least[0]:
        assert 0 <= new[0] * width - new[1] * height < height or new[1] == least[1]
    else:
        assert new[1] == least[1]
        assert 0 <= new[1] * height - new[0] * width < width


def test_a_centre_is_cut_out_and_nothing_is_squeezed():
    image = np.zeros((64, 192, 3), np.uint8)
    image[:, 64:128] = 200
    assert (crop_image(image, (56, 56)) == 200).mean() > 0.9
    assert (resize_image(image, (56, 56)) == 200).mean() < 0.4


def test_an_extremely_long_image_is_not_enlarged_as_a_whole():
    levels = np.arange(30_000) // 10_000 * 100
    image = np.repeat(levels.astype(np.uint8)[None, :, None], 3, axis=2)
    start = time.monotonic()
    assert (crop_image(image, (224, 224)) == 100).all()
    assert (crop_image(image.transpose(1, 0, 2), (224, 224)) == 100).all()
    assert time.monotonic() - start < 5
    grey = crop_image(_noise(2, 200), (28, 28))
    wanted = _torchvision(Image.fromarray(_noise(2, 200)), 32, 28)
    assert abs(grey.astype(int) - wanted).mean() < 1


def test_image_files_are_cut_upright(tmp_path):
    pixels = np.kron(_noise(5, 9), np.ones((8, 8, 1), np.uint8))
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(pixels).save(tmp_path / "a.png", exif=exif)
    upright = Image.fromarray(pixels).transpose(Image.Transpose.ROTATE_270)
    wanted = _torchvision(upright, 32, 28)
    np.testing.assert_array_equal(read_image(tmp_path / "a.png", (28, 28), "crop"), wanted)


def test_datasets_are_cut_at_once_or_when_read_also_at_their_own_size():
    images = np.stack([_noise(28, 28, seed) for seed in range(5)])
    split = ImageSplit(images, np.zeros(5, np.int64))
    data = ImageDataset("x", split, split, ("a",), (0,))
    wanted = np.stack([_torchvision(Image.fromarray(image), 32, 28) for image in images])
    for budget in (0, 1 << 30):
        cut = resize_dataset(data, (28, 28), budget, "crop").train
        assert cut.in_memory == bool(budget)
        np.testing.assert_array_equal(cut.read(range(5)), wanted)


def test_folders_are_cut_in_memory_and_when_read(tmp_path):
    wanted = []
    for i, sides in enumerate([(40, 30), (30, 50), (33, 33), (64, 100)]):
        folder = tmp_path / "train" / "ab"[i % 2]
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(_noise(*sides, i)).save(folder / f"{i}.png")
        wanted.append(_torchvision(Image.fromarray(_noise(*sides, i)), 32, 28))
    (tmp_path / "train").rename(tmp_path / "val")
    for budget in (0, 1 << 30):
        data = load_dataset(
            "folder",
            tmp_path,
            image_size=28,
            resize="crop",
            only_split="val",
            test_fraction=0.5,
            memory_budget=budget,
        )
        cut = [*data.train.read([0, 1]), *data.test.read([0, 1])]
        assert sorted(x.tobytes() for x in cut) == sorted(x.tobytes() for x in wanted)


def test_digits_are_cut_from_a_larger_image():
    cut = load_dataset("digits", image_size=28, resize="crop").test.images[0]
    larger = load_dataset("digits", image_size=32).test.images[0]
    np.testing.assert_array_equal(cut, larger[2:30, 2:30])


def test_wrong_ways_of_resizing_are_refused():
    with pytest.raises(InputError, match="`resize` must be stretch or crop, got 'squeeze'"):
        load_dataset("digits", resize="squeeze")
    with pytest.raises(InputError, match="`resize`=crop needs `image_size`"):
        load_dataset("digits", resize="crop")
