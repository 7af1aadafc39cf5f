"""Which folders are splits, and what of a folder is not taken."""

import logging
import os
import shutil
import time
from pathlib import Path

import pytest
from PIL import Image

from sfp_keras.data import count_labels, load_dataset
from sfp_keras.data.splitting import split_kind
from sfp_keras.errors import InputError

CLASSES = ("cat", "dog", "owl")


def fill(tree: Path, count: int, classes: tuple[str, ...] = CLASSES, suffix: str = ".png") -> None:
    for name in classes:
        (tree / name).mkdir(parents=True, exist_ok=True)
        for i in range(count):
            Image.new("L", (4, 4), i).save(tree / name / f"{i}{suffix}")


def counts(folder: Path, **options: str) -> tuple[int, int, int]:
    data = load_dataset("folder", folder, **options)  # type: ignore[arg-type]
    return data.num_labels, len(data.train), len(data.test)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        *(
            ("train", "train"),
            ("Training", "train"),
            ("seg_train", "train"),
            ("train2017", "train"),
        ),
        *(("TrainingSet", "train"), ("trainset", "train"), ("valid", "validation")),
        *(("DEV", "validation"), ("ILSVRC2012_img_val", "validation"), ("testing", "test")),
        *(("asl-test-data", "test"), ("trains", None), ("contest", None), ("evaluate", None)),
    ],
)
def test_names_of_splits(name: str, kind: str | None) -> None:
    assert split_kind(name) == kind


@pytest.mark.parametrize(
    ("train", "test"),
    [
        *(("train", "dev"), ("Training", "Testing"), ("training_set", "test_set")),
        *(("seg_train/seg_train", "seg_test/seg_test"), ("train2017", "val2017")),
    ],
)
def test_the_second_split_is_the_test_set(tmp_path: Path, train: str, test: str) -> None:
    fill(tmp_path / train, 3)
    fill(tmp_path / test, 2)
    assert counts(tmp_path) == (3, 9, 6)
    assert count_labels("folder", tmp_path) == 3


def test_of_several_splits_those_not_used_are_named(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for name, count in (("train", 3), ("valid", 2), ("test", 1), ("later", 4)):
        fill(tmp_path / name, count)
    (tmp_path / "readme.md").write_text("")
    assert counts(tmp_path) == (3, 9, 3)
    (line,) = caplog.messages
    assert "beside the training and test images: 2 (later, valid)" in line
    assert "readme.md" in line
    assert counts(tmp_path, only_split="val") == (3, 3, 3)
    assert counts(tmp_path, only_split="later") == (3, 9, 3)


def test_two_names_for_one_split_are_not_chosen_between(tmp_path: Path) -> None:
    for name in ("a_train", "b_train", "b_val"):
        fill(tmp_path / name, 2)
    with pytest.raises(InputError, match=r"a_train and b_train.*`only_split`"):
        load_dataset("folder", tmp_path)
    assert counts(tmp_path, only_split="b_train") == (3, 3, 3)


def test_splits_of_unknown_names_are_no_classes(tmp_path: Path) -> None:
    fill(tmp_path / "here", 3)
    fill(tmp_path / "there", 2, CLASSES[1:])
    with pytest.raises(InputError, match=r"here and there with the same folders inside \(dog, owl"):
        load_dataset("folder", tmp_path)
    assert counts(tmp_path, class_names="here,there")[0] == 2


def test_classes_divided_each_into_splits_are_refused(tmp_path: Path) -> None:
    for name in CLASSES:
        fill(tmp_path / name, 2, ("train", "test"))
    with pytest.raises(InputError, match=r"same folders inside \(test, train\)"):
        load_dataset("folder", tmp_path)


def test_one_folder_around_the_classes_is_named(tmp_path: Path) -> None:
    fill(tmp_path / "photographs", 2)
    with pytest.raises(InputError, match=f"give {tmp_path}/photographs"):
        load_dataset("folder", tmp_path)


def test_classes_may_have_the_names_of_splits_and_folders_of_their_own(tmp_path: Path) -> None:
    fill(tmp_path, 3, ("bus", "freight_train", "train"))
    fill(tmp_path / "bus", 2, ("images",))
    fill(tmp_path / "train", 2, ("images",))
    assert counts(tmp_path)[0] == 1  # `train` alone holds class folders.
    for name in ("train", "freight_train"):
        (tmp_path / name / "0.png").unlink()
    fill(tmp_path / "nested", 3, ("bus/images", "tram/images"))
    assert counts(tmp_path / "nested")[0] == 2


def test_what_is_no_image_is_counted_and_not_opened(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING, "sfp_keras")
    fill(tmp_path / "data", 3)
    fill(tmp_path / "data", 2, ("cat",), ".jfif")
    fill(tmp_path / "data", 2, ("dog",), ".pgm")
    fill(tmp_path / "data" / "cat", 2, (".thumbs", "@eaDir", "thumbnails"))
    fill(tmp_path / "data", 2, ("__MACOSX", "@Recycle"))
    fill(tmp_path / "elsewhere", 4, ("more",))
    deep = tmp_path / "data" / "cat" / Path(*["d"] * 101)
    deep.mkdir(parents=True)
    shutil.copy(tmp_path / "data" / "cat" / "0.png", deep)
    (tmp_path / "data" / "cat" / "more").symlink_to(tmp_path / "elsewhere" / "more")
    (tmp_path / "data" / "all").symlink_to(tmp_path / "data")
    (tmp_path / "data" / "dog" / "gone.png").symlink_to(tmp_path / "nothing.png")
    (tmp_path / "data" / "dog" / "circle").symlink_to(tmp_path / "data" / "dog" / "circle")
    (tmp_path / "data" / "dog" / "0.heic").write_bytes(b"")
    (tmp_path / "data" / "owl.png").write_bytes(b"")
    os.mkfifo(tmp_path / "data" / "owl" / "x.png")
    began = time.monotonic()
    labels, train, test = counts(tmp_path / "data")
    assert time.monotonic() - began < 10
    assert (labels, train + test) == (3, 13)
    (line,) = caplog.messages
    for part in (
        "folders of the system: 3 (",
        "hidden folders: 1 (cat/.thumbs)",
        "folders of thumbnails: 1 (cat/thumbnails)",
        "linked folders: 2 (",
        "folders too deep inside others: 1 (",
        "pipes, devices and broken links: 3 (",
        "files of other kinds: 1 (dog/0.heic)",
        "files outside the class folders: 1 (owl.png)",
    ):
        assert part in line


def test_a_class_of_other_files_says_what_it_has(tmp_path: Path) -> None:
    fill(tmp_path, 2)
    for image in (tmp_path / "owl").iterdir():
        image.rename(image.with_suffix(".heic"))
    with pytest.raises(InputError, match=r"without images: owl \(not taken: .*owl/0\.heic"):
        load_dataset("folder", tmp_path)


def test_training_images_are_found_beside_a_test_dir(tmp_path: Path) -> None:
    fill(tmp_path / "all/train", 3)
    fill(tmp_path / "all/val", 1)
    fill(tmp_path / "test", 2)
    assert counts(tmp_path / "all", test_dir=str(tmp_path / "test")) == (3, 9, 6)
    assert counts(tmp_path / "all/val", test_dir=str(tmp_path / "test")) == (3, 3, 6)


def test_a_class_without_test_images_needs_no_folder_where_names_are_given(tmp_path: Path) -> None:
    fill(tmp_path / "train", 3)
    fill(tmp_path / "test", 2, CLASSES[:2])
    with pytest.raises(InputError, match=r"only in one of them: owl; add .* `class_names`$"):
        counts(tmp_path)
    assert counts(tmp_path, class_names="owl,dog,cat") == (3, 9, 4)
    (tmp_path / "test" / "cow").mkdir()
    with pytest.raises(InputError, match=r"`class_names` lacks 1 of the class folders.*test: cow"):
        counts(tmp_path, class_names="owl,dog,cat")


def test_a_class_may_be_called_train_where_names_are_given(tmp_path: Path) -> None:
    fill(tmp_path, 5, ("bus", "car"))
    fill(tmp_path / "train", 5, ("metro", "steam"))
    assert counts(tmp_path, class_names="bus,car,train") == (3, 16, 4)
    assert count_labels("folder", tmp_path, class_names="bus,car,train") == 3
    fill(tmp_path / "test", 2, ("bus", "car", "train"))
    assert counts(tmp_path / "test", test_dir=str(tmp_path / "test")) == (3, 6, 6)


def test_a_split_is_no_class_where_its_folders_are(tmp_path: Path) -> None:
    """CIFAR-100 has a class called train."""
    fill(tmp_path / "train", 5, ("bus", "car", "train"))
    assert counts(tmp_path, class_names="bus,car,train") == (3, 12, 3)


def test_two_training_trees_are_told_apart_beside_a_test_dir(tmp_path: Path) -> None:
    for name in ("seg_train", "img_train", "seg_test"):
        fill(tmp_path / "all" / name, 1)
    fill(tmp_path / "test", 1)
    with pytest.raises(InputError, match=r"either may be the train split; give one of them, such"):
        counts(tmp_path / "all", test_dir=str(tmp_path / "test"))
