"""A pass over images that stops in the middle: what it goes on from, and what it ends in."""

import os
from pathlib import Path
from types import SimpleNamespace

import keras
import numpy as np
import pytest

from sfp_keras.checkpoints import PassCheckpoint
from sfp_keras.probing import cache_features
from sfp_keras.probing.feature_files import FeatureStore

TRAIN, TEST, SIZE, LABELS = 22, 9, 4, 3
NAMES = ["one", "progress"]


class Stopped(Exception):
    """As good as a kill: nothing is written after it."""


def predict(images: np.ndarray) -> list[np.ndarray]:
    # Rows depend on how many there are, as those of a compiled function may in the last bit.
    x = images.reshape(len(images), 2, 2, 3).astype(np.float32) + len(images) / 1000
    return [np.tanh(x), x @ np.ones((3, 5), np.float32)]


CUT = SimpleNamespace(
    outputs=[keras.KerasTensor((None, 2, 2, 3)), keras.KerasTensor((None, 2, 2, 5))],
    predict_on_batch=predict,
)


def images(large: int | None = None) -> np.ndarray:
    """Random ones; from the row `large` on they exceed float16's range."""
    pixels = np.random.default_rng(0).normal(size=(TRAIN + TEST, 12)).astype(np.float32)
    pixels[large if large is not None else TRAIN + TEST :] += 1e6
    return pixels


def passes(pixels: np.ndarray, stop: int | None = None):
    """Functions of the first row, of the training and the test rows; and what they read."""
    read: list[int] = []

    def rows_from(begin: int, count: int):
        def batches(first: int):
            for row in range(begin + first, begin + count, SIZE):
                if stop is not None and row >= stop:
                    raise Stopped
                rows = np.arange(row, min(row + SIZE, begin + count))
                read.extend(rows.tolist())
                yield pixels[rows], rows % LABELS

        return batches

    return rows_from(0, TRAIN), rows_from(TRAIN, TEST), read


def cached(folder: Path, pixels: np.ndarray, stop: int | None = None, **arguments):
    train, test, read = passes(pixels, stop)
    arguments = {"description": "a", "dtype": "float16", **arguments}
    counts = {"train_count": TRAIN, "test_count": TEST}
    cache = cache_features(CUT, NAMES, train, test, **counts, budget=0, folder=folder, **arguments)
    return cache, read


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.fixture
def always_due(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(PassCheckpoint, "due", True)


@pytest.mark.usefixtures("always_due")
@pytest.mark.parametrize("large", [None, 0, 10, 26, 30])
# Rows that begin a batch; the test images' batches begin anew.
@pytest.mark.parametrize("stop", [*range(SIZE, TRAIN, SIZE), *range(TRAIN, TRAIN + TEST, SIZE)])
def test_a_pass_goes_on_in_the_middle_and_ends_in_the_same_files(
    stop: int, large: int | None, tmp_path: Path
) -> None:
    pixels = images(large)
    whole, _ = cached(tmp_path / "whole", pixels)
    assert [a.dtype.name for a in whole.arrays.values()][1] == (
        "float16" if large is None else "float32"
    )
    with pytest.raises(Stopped):
        cached(tmp_path / "stopped", pixels, stop)
    assert (tmp_path / "stopped" / "progress.npz").exists()
    _, read = cached(tmp_path / "stopped", pixels)
    assert read == list(range(stop, TRAIN + TEST))
    assert files(tmp_path / "stopped") == files(tmp_path / "whole")
    assert "progress.npz" not in files(tmp_path / "whole")


@pytest.mark.usefixtures("always_due")
@pytest.mark.parametrize("damage", ["record", "half a record", "description", "dtype", "file"])
def test_what_does_not_fit_is_begun_anew(damage: str, tmp_path: Path) -> None:
    arguments = {"description": {"description": "b"}, "dtype": {"dtype": "float32"}}
    arguments = arguments.get(damage, {})
    cached(tmp_path / "whole", images(), **arguments)
    folder = tmp_path / "stopped"
    with pytest.raises(Stopped):
        cached(folder, images(), stop=16)
    record = folder / "progress.npz"
    if damage == "record":
        data = bytearray(record.read_bytes())
        data[150] ^= 1
        record.write_bytes(data)
    elif damage == "half a record":
        record.write_bytes(record.read_bytes()[:-200])
    elif damage == "file":
        file = folder / "one.npy"
        file.write_bytes(file.read_bytes()[:-1])
    _, read = cached(folder, images(), **arguments)
    assert read == list(range(TRAIN + TEST))
    assert files(folder) == files(tmp_path / "whole")


@pytest.mark.usefixtures("always_due")
@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_stop_while_a_stage_is_widened(
    moment: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pixels = images(large=10)
    cached(tmp_path / "whole", pixels)
    replace = os.replace

    def stop(source: str, target: Path) -> None:
        if str(target).endswith(".npy"):
            if moment == "after":
                replace(source, target)
            raise Stopped
        replace(source, target)

    with monkeypatch.context() as patched:
        patched.setattr(os, "replace", stop)
        with pytest.raises(Stopped):
            cached(tmp_path / "stopped", pixels)
    _, read = cached(tmp_path / "stopped", pixels)
    # A checkpoint from before the widening does not know that a file is wide already.
    assert read[0] == (8 if moment == "before" else 0)
    ours, theirs = files(tmp_path / "stopped"), files(tmp_path / "whole")
    assert {name: ours[name] for name in theirs} == theirs


def test_a_short_pass_writes_no_record_and_plain_batches_cannot_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(Stopped):
        cached(tmp_path, images(), stop=16)
    assert not (tmp_path / "progress.npz").exists()
    monkeypatch.setattr(PassCheckpoint, "due", True)
    train, test, _ = passes(images(), stop=16)
    counts = {"train_count": TRAIN, "test_count": TEST}
    with pytest.raises(Stopped):
        cache_features(CUT, NAMES, train(0), test(0), **counts, budget=0, folder=tmp_path)
    assert not (tmp_path / "progress.npz").exists()


def test_a_record_is_due_after_half_a_minute_and_twenty_times_what_it_took(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [0.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    record = PassCheckpoint(tmp_path / "record.npz")
    due = []
    for now[0] in (29.0, 31.0):
        due.append(record.due)
    assert due == [False, True]
    monkeypatch.setattr(
        "sfp_keras.checkpoints.described_file.save_npz",
        lambda *_, **__: now.__setitem__(0, now[0] + 4),
    )
    record.save()
    due = []
    for now[0] in (35 + 31.0, 35 + 81.0):
        due.append(record.due)
    assert due == [False, True]


def test_rows_are_flushed_as_they_come(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sfp_keras.probing.feature_files.UNWRITTEN_BYTES", 3000)
    flushed = []
    flush = FeatureStore.flush
    monkeypatch.setattr(FeatureStore, "flush", lambda self: (flushed.append(1), flush(self))[1])
    # 32 numbers an image in float16: 64 bytes.
    store = FeatureStore({"one": 32}, 100, {"one": "float16"}, tmp_path)
    for row in range(0, 100, 10):
        store.put(row, {"one": np.full((10, 32), row, np.float32)})
    assert len(flushed) == 2
    np.testing.assert_array_equal(store.arrays()["one"][:, 0], np.arange(100) // 10 * 10)
