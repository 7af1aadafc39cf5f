import itertools
import logging

import numpy as np
import pytest
from PIL import Image

from sfp_keras.data import evaluation_batches, load_dataset, parse_scaling
from sfp_keras.errors import InputError


def write_sample(folder, name, seed):
    rng = np.random.default_rng(seed)
    for path in (folder / split / label for split in ("train", "test") for label in "abc"):
        path.mkdir(parents=True)
        for i in range(3 + seed):
            pixels = rng.integers(0, 256, (6, 5, 3), np.uint8)
            Image.fromarray(pixels).save(path / f"{i}.png")
    return name


def _fill(tree, classes=("cat", "dog"), count=10, size=(6, 8)):
    """Write images whose grey level tells class and number."""
    for label, name in enumerate(classes):
        (tree / name).mkdir(parents=True, exist_ok=True)
        for i in range(count):
            grey = Image.new("L", size[::-1], 100 * label + i)
            grey.save(tree / name / f"{i:03d}.png")
    return tree


def _levels(split):
    return split.read(np.arange(len(split)))[:, 0, 0, 0].tolist()


@pytest.mark.parametrize("test_name", ["test", "val", "Validation"])
def test_train_and_test_folders(tmp_path, test_name):
    _fill(tmp_path / "train")
    _fill(tmp_path / test_name, count=2)
    data = load_dataset("folder", tmp_path)
    assert data.class_names == ("cat", "dog")
    assert data.image_shape == (6, 8, 3)
    assert data.train.labels.tolist() == [0] * 10 + [1] * 10
    assert _levels(data.test) == [0, 1, 100, 101]
    assert data.train.in_memory


@pytest.mark.parametrize("inner", ["", "val"])
def test_one_tree_is_split_by_the_file_names(tmp_path, inner):
    _fill(tmp_path / "here" / inner)
    data = load_dataset("folder", tmp_path / "here", test_fraction=0.3)
    assert np.bincount(data.test.labels).tolist() == [3, 3]
    together = sorted(_levels(data.train) + _levels(data.test))
    assert together == [*range(10), *range(100, 110)]
    (tmp_path / "here").rename(tmp_path / "moved")
    again = load_dataset("folder", tmp_path / "moved", test_fraction=0.3)
    assert _levels(again.test) == _levels(data.test)


def test_a_set_above_the_budget_is_read_when_needed(tmp_path):
    _fill(tmp_path)
    held = load_dataset("folder", tmp_path)
    streamed = load_dataset("folder", tmp_path, memory_budget=100)
    assert not streamed.train.in_memory
    assert _levels(streamed.train) == _levels(held.train)
    indices = np.array([5, 0, 5])
    np.testing.assert_array_equal(streamed.train.read(indices), held.train.read(indices))


def test_unreadable_images_are_named_counted_and_left_out(tmp_path, caplog):
    _fill(tmp_path)
    noise = np.random.default_rng(0).integers(0, 256, (6, 8, 3), dtype=np.uint8)
    Image.fromarray(noise).save(tmp_path / "cat" / "cut.bmp")
    cut = tmp_path / "cat" / "cut.bmp"
    cut.write_bytes(cut.read_bytes()[:-40])  # its head is good
    (tmp_path / "dog" / "text.jpg").write_text("no image")
    (tmp_path / "dog" / "notes.txt").write_text("no image and not named as one")
    (tmp_path / "dog" / ".hidden.png").write_text("")
    (tmp_path / ".cache").mkdir()
    with caplog.at_level(logging.WARNING, "sfp_keras"):
        data = load_dataset("folder", tmp_path)
    assert sorted(_levels(data.train) + _levels(data.test)) == [*range(10), *range(100, 110)]
    others, line = caplog.messages
    assert others.endswith(
        "hidden folders: 1 (.cache); hidden files: 1 (dog/.hidden.png); "
        "files of other kinds: 1 (dog/notes.txt)"
    )
    assert line.startswith("2 unreadable images left out: ")
    assert "text.jpg (not an image)" in caplog.text
    assert "cut.bmp" in caplog.text

    streamed = load_dataset("folder", tmp_path, memory_budget=0)
    batches = [
        evaluation_batches(s, 4, parse_scaling("0..1")) for s in (streamed.train, streamed.test)
    ]
    with pytest.raises(InputError, match=r"cut\.bmp cannot be decoded"):
        list(itertools.chain(*batches))


def test_different_sizes_need_an_image_size(tmp_path):
    _fill(tmp_path)
    Image.new("RGB", (30, 20)).save(tmp_path / "cat" / "large.png")
    with pytest.raises(InputError, match=r"`image_size` is needed.* 6x8 and 20x30"):
        load_dataset("folder", tmp_path)
    assert load_dataset("folder", tmp_path, image_size=(5, 4)).image_shape == (5, 4, 3)
    assert load_dataset("folder", tmp_path, image_size=7, memory_budget=0).image_shape == (7, 7, 3)


def test_class_names_order_the_labels_of_a_network(tmp_path):
    _fill(tmp_path / "train")
    _fill(tmp_path / "test", count=2)
    names = tmp_path / "names.txt"
    names.write_text("zebra\ndog\n\ncat\n")
    data = load_dataset("folder", tmp_path, class_names=names)
    assert data.class_names == ("zebra", "dog", "cat")
    assert data.test.labels.tolist() == [2, 2, 1, 1]
    with pytest.raises(InputError, match=r"`class_names` lacks 1 of the class folders.*: dog"):
        load_dataset("folder", tmp_path, class_names="cat,zebra")
    with pytest.raises(InputError, match="`class_names`=nofile is no file"):
        load_dataset("folder", tmp_path, class_names="nofile")


def test_a_class_folder_without_images_needs_class_names(tmp_path, caplog):
    _fill(tmp_path)
    (tmp_path / "bird").mkdir()
    with pytest.raises(InputError, match="without images: bird"):
        load_dataset("folder", tmp_path)
    with caplog.at_level(logging.WARNING, "sfp_keras"):
        data = load_dataset("folder", tmp_path, class_names=["bird", "cat", "dog"])
    assert set(data.train.labels) == {1, 2}
    assert "no readable images of bird" in caplog.text


def test_imagenet_is_taken_from_class_folders(tmp_path):
    _fill(tmp_path / "val", classes=("n01440764", "n01443537"))
    data = load_dataset("imagenet2012", tmp_path)
    assert data.name == "imagenet2012"
    assert (len(data.train), len(data.test)) == (16, 4)


def _nothing(tmp_path):
    pass


def _only_files(tmp_path):
    Image.new("RGB", (4, 4)).save(tmp_path / "a.png")


def _other_test_classes(tmp_path):
    _fill(tmp_path / "train")
    _fill(tmp_path / "test", classes=("cat", "bird"))


def _nothing_readable(tmp_path):
    _fill(tmp_path, classes=("cat",), count=1)
    (tmp_path / "cat" / "000.png").write_text("x")


def _one_class_unreadable(tmp_path):
    _fill(tmp_path)
    for file in (tmp_path / "cat").iterdir():
        file.write_text("x")


def _one_image_a_class(tmp_path):
    _fill(tmp_path, count=1)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (_nothing, "`data_dir`.* has no class folders"),
        (_only_files, "`data_dir`.* has no class folders"),
        (_other_test_classes, "must have the same class folders; only in one of them: bird, dog"),
        (_nothing_readable, "`data_dir`.* has no readable training images"),
        (_one_class_unreadable, "`data_dir`: no readable images of cat; .* by `class_names`"),
        (_one_image_a_class, r"`test_fraction`=0\.2 of 2 images, class by class, are no test"),
    ],
)
def test_wrong_folders_are_explained(tmp_path, make, message):
    make(tmp_path)
    with pytest.raises(InputError, match=message):
        load_dataset("folder", tmp_path)


def test_folder_needs_a_data_dir_that_exists(tmp_path):
    with pytest.raises(InputError, match="`name`=folder needs `data_dir`"):
        load_dataset("folder")
    with pytest.raises(InputError, match="does not exist"):
        load_dataset("folder", tmp_path / "nowhere")
