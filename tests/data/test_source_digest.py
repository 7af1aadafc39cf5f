"""Data sets of one name are distinguished by their files."""

import shutil

import numpy as np
import pytest
from PIL import Image

from sfp_keras.data import source_digest


@pytest.fixture
def tree(tmp_path):
    for name in ("cat", "dog"):
        (tmp_path / "a/train" / name).mkdir(parents=True)
        for number in range(3):
            Image.new("RGB", (4, 4), (number, 0, 0)).save(
                tmp_path / "a/train" / name / f"{number}.png"
            )
    return tmp_path / "a"


def test_a_folder_is_known_again_elsewhere(tree, monkeypatch):
    digest = source_digest("folder", tree)
    assert digest == source_digest("folder", shutil.copytree(tree, tree.with_name("b")))
    monkeypatch.chdir(tree)
    assert source_digest("folder", ".") == digest
    (tree / "train/cat/notes.txt").write_text("no image")
    assert source_digest("folder", tree) == digest
    assert source_digest("imagenet2012", tree) == digest


@pytest.mark.parametrize("change", ["added", "moved", "larger"])
def test_other_images_are_noticed(tree, change):
    before = source_digest("folder", tree)
    file = tree / "train/cat/0.png"
    if change == "added":
        shutil.copy(file, tree / "train/dog/9.png")
    elif change == "moved":
        file.rename(tree / "train/dog/9.png")
    else:
        Image.effect_noise((9, 9), 50).save(file)
    assert source_digest("folder", tree) != before


@pytest.mark.parametrize("folder", [False, True])
def test_files_of_arrays(tmp_path, folder):
    rng = np.random.default_rng(0)

    def digest(images):
        place = tmp_path / "set"
        if folder:
            place.mkdir(exist_ok=True)
            np.save(place / "x.npy", images)
        else:
            place = place.with_suffix(".npz")
            np.savez(place, x=images)
        return source_digest("arrays", place)

    images = rng.integers(0, 256, (200, 32, 32, 3), np.uint8)
    first = digest(images)
    assert digest(images) == first
    assert digest(255 - images) != first
    assert digest(images[:199]) != first


def test_other_sets_are_what_their_name_says(tmp_path):
    assert source_digest("cifar10", tmp_path) is None
    assert source_digest("digits", None) is None
    assert source_digest("folder", tmp_path / "nowhere") is None
    (tmp_path / "file").write_text("no folder")
    assert source_digest("folder", tmp_path / "file") is None
