"""Decoded images on the disk: what is damaged is named."""

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from sfp_keras.checkpoints import PassCheckpoint
from sfp_keras.data.images.cache import cached_images
from sfp_keras.errors import InputError

SHAPE = (5, 2, 2, 3)


def cached(folder: Path) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    def fill(images: np.ndarray, arrays: object, so_far: object) -> dict[str, np.ndarray]:
        images[:] = np.arange(images.size).reshape(SHAPE)
        return {"labels": np.arange(5)}

    return cached_images(folder, "set", SHAPE, fill)


DAMAGES: dict[str, tuple[str, Callable[[Path], object]]] = {
    "cut short": ("npy", lambda path: path.write_bytes(path.read_bytes()[:-1])),
    "no array": ("npy", lambda path: path.write_bytes(b"images")),
    "of other numbers": ("npy", lambda path: np.save(path, np.zeros(SHAPE, np.float32))),
    "of fewer images": ("npy", lambda path: np.save(path, np.zeros((4, *SHAPE[1:]), np.uint8))),
    "of fewer labels": ("npz", lambda path: np.savez(path, labels=np.arange(4))),
}


@pytest.mark.parametrize("name", DAMAGES)
def test_a_damaged_file_is_named_and_made_again_once_deleted(name: str, tmp_path: Path) -> None:
    images, arrays = cached(tmp_path)
    ending, damage = DAMAGES[name]
    path = tmp_path / f"set.{ending}"
    damage(path)
    with pytest.raises(InputError, match=rf"set.{ending} is (damaged|of another).*delete it"):
        cached(tmp_path)
    path.unlink()
    again, arrays_again = cached(tmp_path)
    np.testing.assert_array_equal(again, np.arange(60).reshape(SHAPE))
    np.testing.assert_array_equal(arrays_again["labels"], arrays["labels"])
    assert images.shape == SHAPE


def test_a_kill_before_the_last_name_costs_no_image(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = []

    def fill(images: np.ndarray, arrays: dict, so_far: Callable) -> dict[str, np.ndarray]:
        given.append(len(arrays.get("labels", ())))
        images[:] = np.arange(images.size).reshape(SHAPE)
        so_far({"labels": np.arange(5)})
        return {"labels": np.arange(5)}

    def killed_at_the_images(old: object, new: object) -> None:
        if str(new).endswith(".npy"):
            raise KeyboardInterrupt
        replace(old, new)

    replace = os.replace
    monkeypatch.setattr(PassCheckpoint, "due", True)
    with monkeypatch.context() as patch:
        patch.setattr("sfp_keras.data.images.cache.os.replace", killed_at_the_images)
        with pytest.raises(KeyboardInterrupt):
            cached_images(tmp_path, "set", SHAPE, fill)
    images, _ = cached_images(tmp_path, "set", SHAPE, fill)
    assert given == [0, 5]
    np.testing.assert_array_equal(images, np.arange(60).reshape(SHAPE))


def test_a_pipe_for_a_lock_keeps_nobody_waiting(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "set.lock")
    with pytest.raises(InputError, match="no file"):
        cached(tmp_path)
