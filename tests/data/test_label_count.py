"""Labels are counted without reading images, as many as loading finds."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from sfp_keras.data import count_labels, load_dataset
from sfp_keras.errors import InputError


def write(folder: Path) -> None:
    folder.mkdir(parents=True)
    for i in range(2):
        Image.fromarray(np.zeros((8, 8, 3), np.uint8)).save(folder / f"{i}.png")


@pytest.mark.parametrize("split", [["."], ["train", "test"]], ids=["one tree", "train and test"])
def test_class_folders(tmp_path: Path, split: list[str]) -> None:
    for part in split:
        for name in ("a", "b", "c"):
            write(tmp_path / part / name)
    assert count_labels("folder", tmp_path) == load_dataset("folder", tmp_path).num_labels == 3
    names = "c,b,a,z"
    found = load_dataset("folder", tmp_path, class_names=names)
    assert count_labels("folder", tmp_path, names) == found.num_labels == 4
    assert count_labels("imagenet2012", tmp_path) == 3


def test_known_sets_need_no_data() -> None:
    assert [count_labels(name) for name in ("digits", "cifar10", "cifar100")] == [10, 10, 100]
    assert load_dataset("digits").num_labels == 10


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="does not exist"):
        count_labels("folder", tmp_path / "nothing")
    with pytest.raises(InputError, match="needs `data_dir`"):
        count_labels("folder")
