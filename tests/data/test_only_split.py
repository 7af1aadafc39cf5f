import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from sfp_keras.data import count_labels, load_dataset
from sfp_keras.data.dataset import ImageSplit
from sfp_keras.data.splitting import choose_split, divide_split, stratified_split
from sfp_keras.errors import InputError


def _tree(root, count, classes=("n01", "n02"), start=0):
    """Write images of one pixel; each has a level of its own."""
    for label, name in enumerate(classes):
        (root / name).mkdir(parents=True)
        for i in range(count):
            level = start + label * count + i
            Image.new("L", (1, 1), level).save(root / name / f"{level:04d}.png")


def _levels(split):
    return split.read(np.arange(len(split)))[:, 0, 0, 0].tolist()


@pytest.mark.parametrize("name", ["folder", "imagenet2012"])
@pytest.mark.parametrize("only_split", ["val", "validation", "VAL"])
def test_one_folder_is_divided_ten_of_fifty(tmp_path, name, only_split):
    _tree(tmp_path / "val", 50, start=100)
    _tree(tmp_path / "train", 3)
    data = load_dataset(name, tmp_path, only_split=only_split)
    assert np.bincount(data.test.labels).tolist() == [10, 10]
    assert np.bincount(data.train.labels).tolist() == [40, 40]
    assert sorted(_levels(data.train) + _levels(data.test)) == [*range(100, 200)]
    again = load_dataset(name, tmp_path, only_split=only_split, memory_budget=0)
    assert _levels(again.test) == _levels(data.test)
    with pytest.raises(InputError, match=r"`only_split`=\w+ and `test_dir`=.*only one of them"):
        load_dataset("folder", tmp_path, only_split=only_split, test_dir=tmp_path / "val")
    # The same files alone give the same parts.
    alone = load_dataset("folder", tmp_path / "val")
    assert _levels(alone.test) == _levels(data.test)


def test_the_parts_do_not_depend_on_how_the_folder_is_named(tmp_path, monkeypatch):
    _tree(tmp_path / "val", 20)
    wanted = _levels(load_dataset("folder", tmp_path).test)
    monkeypatch.chdir(tmp_path)
    assert _levels(load_dataset("folder", ".", only_split="val").test) == wanted
    monkeypatch.chdir("val")
    assert _levels(load_dataset("folder", ".").test) == wanted
    assert _levels(load_dataset("folder", "../val/").test) == wanted


def test_an_empty_training_folder_is_passed_over(tmp_path):
    (tmp_path / "train").mkdir()
    (tmp_path / "devkit").mkdir()
    _tree(tmp_path / "val", 10)
    data = load_dataset("imagenet2012", tmp_path, only_split="val")
    assert np.bincount(data.test.labels).tolist() == [2, 2]
    assert load_dataset("folder", tmp_path, only_split="val").class_names == ("n01", "n02")
    with pytest.raises(InputError, match="train has no class folders"):
        load_dataset("imagenet2012", tmp_path)


def test_unknown_folders_are_refused_with_those_there(tmp_path):
    _tree(tmp_path / "Train", 2)
    _tree(tmp_path / "test", 2)
    with pytest.raises(InputError, match=r"`only_split`=val: .* no such split; .* Train, test$"):
        load_dataset("folder", tmp_path, only_split="val")
    # A class is no split.
    with pytest.raises(InputError, match=r"`only_split`=n01: .* none, so leave `only_split` out"):
        load_dataset("folder", tmp_path / "test", only_split="n01")


def test_a_folder_of_unsorted_images_is_refused(tmp_path):
    (tmp_path / "val").mkdir()
    Image.new("L", (1, 1)).save(tmp_path / "val" / "ILSVRC2012_val_00000001.JPEG")
    with pytest.raises(InputError, match="val has no class folders"):
        load_dataset("folder", tmp_path, only_split="val")


def test_digits_have_no_splits():
    with pytest.raises(InputError, match="`only_split`=test: digits has no splits of its own"):
        load_dataset("digits", only_split="test")


def test_names_of_splits():
    assert choose_split("VAL", ["val", "validation"], "x") == "val"
    assert choose_split("val", ["train", "validation"], "x") == "validation"
    assert choose_split("validation", ["Val", "validation"], "x") == "validation"
    with pytest.raises(InputError, match=r"`only_split`=: x has no such split; it has train"):
        choose_split("", ["train"], "x")


@settings(deadline=None, derandomize=True, max_examples=50)
@given(st.lists(st.integers(0, 4), min_size=1, max_size=60), st.floats(0.05, 0.95))
def test_a_split_is_divided_with_its_images(labels, fraction):
    labels = np.array(labels, np.int64)
    levels = np.arange(len(labels), dtype=np.uint8)
    images = np.tile(levels[:, None, None, None], (1, 1, 1, 3))
    wanted = stratified_split(labels, fraction)
    for held, order in zip(divide_split(ImageSplit(images, labels), fraction), wanted, strict=True):
        assert held.in_memory
        np.testing.assert_array_equal(held.labels, labels[order])
        assert np.shares_memory(held.images, images) or not len(held)
        assert _levels(held) == order.tolist()


def test_fifty_images_a_label_give_ten():
    labels = np.random.default_rng(0).permutation(np.repeat(np.arange(4), 50))
    _, test = divide_split(ImageSplit(np.zeros((200, 1, 1, 3), np.uint8), labels))
    assert np.bincount(test.labels).tolist() == [10] * 4


def test_test_folders_alone(tmp_path):
    _tree(tmp_path / "val", 10)
    (tmp_path / "test").mkdir()
    Image.new("L", (1, 1)).save(tmp_path / "test" / "unlabelled.png")
    # The layout of ImageNet without its training images.
    for name in ("folder", "imagenet2012"):
        assert load_dataset(name, tmp_path).class_names == ("n01", "n02")
    assert count_labels("folder", tmp_path) == 2
    _tree(tmp_path / "test", 10, start=50)
    with pytest.raises(InputError, match=r"holds test and val but no train.*`only_split`=test"):
        load_dataset("folder", tmp_path)
    assert len(load_dataset("imagenet2012", tmp_path, only_split="val").test) == 4


def test_classes_may_be_called_like_splits(tmp_path):
    _tree(tmp_path, 10, classes=("test", "val"))
    assert load_dataset("folder", tmp_path).class_names == ("test", "val")
