"""Data sets are distinguished by every image that is in memory, and by a few wherever they are."""

import dataclasses
from pathlib import Path

import numpy as np

from sfp_keras.data import ImageDataset, ImageSplit, load_dataset
from sfp_keras.runs import same_images
from sfp_keras.workflows.inputs.images import fingerprint


def test_one_pixel_makes_another_data_set() -> None:
    images = np.zeros((100, 4, 4, 3), np.uint8)
    split = ImageSplit(images, np.zeros(100, np.int64))
    dataset = ImageDataset("some", split, split, ("a", "b"), (0, 1))
    changed = images.copy()
    changed[41, 1, 2, 0] = 1
    other = dataclasses.replace(dataset, test=ImageSplit(changed, split.labels))
    assert fingerprint(dataset) == fingerprint(dataclasses.replace(dataset))
    assert fingerprint(dataset) != fingerprint(other)
    assert not same_images(fingerprint(dataset), fingerprint(other))


def test_where_images_are_held_makes_no_difference(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    images, labels = rng.integers(0, 256, (30, 4, 4, 3), np.uint8), np.arange(30) % 3
    np.save(tmp_path / "x.npy", images)
    np.save(tmp_path / "y.npy", labels)
    held, mapped = (
        fingerprint(load_dataset("arrays", tmp_path, memory_budget=budget)) for budget in (9999, 9)
    )
    assert held != mapped
    for one, other in ((held, mapped), (mapped, held), (held, held)):
        assert same_images(one, other)
    np.save(tmp_path / "x.npy", 255 - images)
    for budget in (9999, 9):
        now = fingerprint(load_dataset("arrays", tmp_path, memory_budget=budget))
        assert not same_images(now, held)
        assert not same_images(mapped, now)


def test_runs_of_one_digest_alone_are_known_again() -> None:
    assert same_images("every", "every+some")
    assert same_images("some", "every+some")
    assert not same_images("other", "every+some")
