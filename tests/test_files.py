"""Files are written whole or not at all, and read without executing anything."""

import errno
import os
import stat
from pathlib import Path

import numpy as np
import pytest

from sfp_keras.errors import InputError
from sfp_keras.files import delete_unfinished, load_npz, save_npz, write_text, write_whole


def test_a_failing_block_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "table.csv"
    write_text(path, "old")
    with pytest.raises(RuntimeError), write_whole(path) as file:  # noqa: PT012
        file.write(b"half of the new")
        raise RuntimeError
    assert path.read_text() == "old"
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("function", ["fsync", "replace"])
def test_a_full_disk_leaves_the_old_file_and_nothing_else(
    function: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "arrays.npz"
    save_npz(path, a=np.arange(3))

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, function, full)
    with pytest.raises(OSError, match="No space"):
        save_npz(path, a=np.arange(4))
    monkeypatch.undo()
    assert load_npz(path, "a")["a"].tolist() == [0, 1, 2]
    assert list(tmp_path.iterdir()) == [path]


def test_results_have_the_rights_of_any_other_file(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        write_text(tmp_path / "file", "text")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "file").stat().st_mode) == 0o640


def test_what_a_killed_process_left_is_deleted(tmp_path: Path) -> None:
    write_text(tmp_path / "stages" / "head.npz", "whole")
    left = tmp_path / "stages" / ".head.npz.abc.tmp"
    left.write_text("half")
    (tmp_path / "mine.tmp").write_text("the user's")
    delete_unfinished(tmp_path)
    assert not left.exists()
    assert (tmp_path / "mine.tmp").exists()
    assert (tmp_path / "stages" / "head.npz").exists()


def test_arrays_come_back_as_they_were(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    save_npz(path, kernel=np.eye(3, dtype=np.float32), shape=np.array((), np.int64))
    found = load_npz(path)
    assert found["kernel"].dtype == np.float32
    assert (found["kernel"] == np.eye(3)).all()
    assert found["shape"].shape == (0,)
    assert set(load_npz(path, "kernel")) == {"kernel"}


class Loud:
    """Creates a file when it is unpickled."""

    def __init__(self, path: Path):
        self.path = path

    def __reduce__(self) -> tuple:
        return os.mkdir, (str(self.path),)


def test_pickles_are_refused_and_not_executed(tmp_path: Path) -> None:
    path = tmp_path / "evil.npz"
    np.savez(path, kernel=np.array([Loud(tmp_path / "executed")], dtype=object))
    with pytest.raises(InputError, match=r"evil.npz is damaged .*; delete it and run again"):
        load_npz(path)
    assert not (tmp_path / "executed").exists()


@pytest.mark.parametrize("how", ["empty", "truncated", "random", "flipped", "text"])
def test_damaged_files_are_named(how: str, tmp_path: Path) -> None:
    path = tmp_path / "fields.npz"
    save_npz(path, features=np.random.default_rng(0).random(1000))
    whole = path.read_bytes()
    path.write_bytes(
        {
            "empty": b"",
            "truncated": whole[:-300],
            "random": np.random.default_rng(1).bytes(500),
            "flipped": whole[:4000] + b"damage" + whole[4006:],
            "text": b"no archive",
        }[how]
    )
    with pytest.raises(InputError, match=r"fields.npz is damaged .*; delete it and run again"):
        load_npz(path, "features")


def test_missing_names_and_files_are_said(tmp_path: Path) -> None:
    save_npz(tmp_path / "a.npz", kernel=np.zeros(2))
    with pytest.raises(InputError, match=r"a.npz is damaged .*features"):
        load_npz(tmp_path / "a.npz", "features")
    with pytest.raises(InputError, match=r"b.npz is missing"):
        load_npz(tmp_path / "b.npz")
