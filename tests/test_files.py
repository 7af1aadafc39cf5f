"""Files that are written whole or not at all, and read without executing anything."""

import io
import json
import os
import re
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from sfp_keras import files
from sfp_keras.errors import InputError


class Interrupted(BaseException):
    """What is no Exception, like KeyboardInterrupt."""


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def refused(path: Path) -> str:
    return f"^{re.escape(str(path))} is (damaged|missing)"


def test_whole_file_appears_with_its_folders(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b" / "file.bin"
    with files.write_whole(path) as file:
        file.write(b"content")
        assert not path.exists()
    assert path.read_bytes() == b"content"
    assert names_in(path.parent) == ["file.bin"]


@pytest.mark.parametrize("failure", [ValueError, KeyboardInterrupt, Interrupted])
@pytest.mark.parametrize("old", [b"old", None])
def test_failed_write_changes_nothing(
    failure: type[BaseException], old: bytes | None, tmp_path: Path
) -> None:
    path = tmp_path / "file.bin"
    if old is not None:
        path.write_bytes(old)

    def write_half() -> None:
        with files.write_whole(path) as file:
            file.write(b"half")
            raise failure

    with pytest.raises(failure):
        write_half()
    assert names_in(tmp_path) == ([] if old is None else ["file.bin"])
    assert old is None or path.read_bytes() == old


def test_full_disk_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "file.bin"
    path.write_bytes(b"old")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(files.os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        files.write_text(path, "new")
    assert path.read_bytes() == b"old"
    assert names_in(tmp_path) == ["file.bin"]


def test_a_folder_in_the_place_of_a_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.mkdir()
    with pytest.raises(IsADirectoryError) as raised:
        files.write_text(path, "1")
    assert (raised.value.filename, raised.value.filename2) == (str(path), None)
    assert names_in(tmp_path) == ["table.csv"]


def test_written_file_has_ordinary_permissions(tmp_path: Path) -> None:
    files.write_text(tmp_path / "whole", "é")
    (tmp_path / "plain").touch()
    assert (tmp_path / "whole").stat().st_mode == (tmp_path / "plain").stat().st_mode
    assert (tmp_path / "whole").read_bytes() == "é".encode()


def test_unfinished_files_of_a_killed_process_are_deleted(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    for name in ("deep/.fields.npz.ab12.tmp", "deep/fields.npz", ".hidden", "notes.tmp"):
        (tmp_path / name).touch()
    files.delete_unfinished(tmp_path)
    assert names_in(tmp_path) == [".hidden", "deep", "notes.tmp"]
    assert names_in(tmp_path / "deep") == ["fields.npz"]


def test_npz_round_trip(tmp_path: Path) -> None:
    path = tmp_path / "arrays.npz"
    arrays = {"a": np.arange(6.0).reshape(2, 3), "b": np.zeros((0, 2), np.int64)}
    files.save_npz(path, **arrays)
    for found in (files.load_npz(path), files.load_npz(path, "b")):
        assert found
        for name, array in found.items():
            np.testing.assert_array_equal(array, arrays[name], strict=True)
    assert set(files.load_npz(path)) == {"a", "b"}
    assert set(files.load_npz(path, "b")) == {"b"}


def test_npz_with_a_pickle_is_refused_and_not_executed(tmp_path: Path) -> None:
    class Touch:
        def __reduce__(self) -> tuple:
            return Path.touch, (tmp_path / "executed",)

    path = tmp_path / "arrays.npz"
    np.savez(path, a=np.array([Touch()], dtype=object))
    with pytest.raises(InputError, match=refused(path)):
        files.load_npz(path)
    # A bare pickle under the name of an npz file is what numpy.load would unpickle as well.
    np.array([Touch()], dtype=object).dump(path)
    with pytest.raises(InputError, match=refused(path)):
        files.load_npz(path)
    assert not (tmp_path / "executed").exists()


@pytest.mark.parametrize("share", [0.0, 0.01, 0.5, 0.9, 0.999])
def test_truncated_npz_is_refused(share: float, tmp_path: Path) -> None:
    path = tmp_path / "arrays.npz"
    files.save_npz(path, a=np.arange(1000.0), b=np.ones(50))
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * share)])
    with pytest.raises(InputError, match=refused(path)):
        files.load_npz(path)


def test_npz_with_a_changed_byte_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "arrays.npz"
    files.save_npz(path, a=np.arange(1000.0))
    content = bytearray(path.read_bytes())
    content[4000] ^= 1
    path.write_bytes(content)
    with pytest.raises(InputError, match=refused(path)):
        files.load_npz(path)


def test_npy_file_named_npz_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "arrays.npz"
    with path.open("wb") as file:
        np.save(file, np.arange(3))
    with pytest.raises(InputError, match=refused(path)):
        files.load_npz(path)


def test_npz_without_a_name_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "arrays.npz"
    files.save_npz(path, a=np.zeros(2))
    with pytest.raises(InputError, match=refused(path)) as error:
        files.load_npz(path, "a", "kernel")
    assert "kernel" in str(error.value)


def test_missing_npz_is_named(tmp_path: Path) -> None:
    path = tmp_path / "arrays.npz"
    with pytest.raises(InputError, match=refused(path)):
        files.load_npz(path)


def test_mapped_array_is_read_back(tmp_path: Path) -> None:
    path = tmp_path / "array.npy"
    array = files.mapped_array(path, (3, 4), np.float16)
    assert not array.any()
    array[1] = 2
    array.flush()
    np.testing.assert_array_equal(np.load(path), array)


def test_members_that_are_no_arrays_are_damage(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        archive.writestr("kernel.npy", b"no array")
    with pytest.raises(InputError, match=r"is damaged \(kernel is no array\)"):
        files.load_npz(tmp_path / "a.npz", "kernel")


@pytest.mark.parametrize("shape", [(2**42,), (2**70,), (3, 2**20)])
def test_an_array_that_says_it_is_larger_than_its_file_is_damage(
    shape: tuple[int, ...], tmp_path: Path
) -> None:
    path = tmp_path / "a.npz"
    np.savez(path, kernel=np.zeros(3, np.float32), other=np.arange(2))
    head = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        head, {"descr": "<f4", "fortran_order": False, "shape": shape}
    )
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("kernel.npy", head.getvalue() + bytes(12))
    with pytest.raises(InputError, match=r"damaged \(kernel is shorter than float32"):
        files.load_npz(path, "kernel")


def test_bytes_of_any_kind_are_damage_and_no_pickle(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    for content in (b"", b"\x80\x04 more", np.random.default_rng(0).bytes(400)):
        path.write_bytes(content)
        with pytest.raises(InputError, match=r"damaged \(not an npz file\)"):
            files.load_npz(path)


@pytest.mark.parametrize("opened", [files.open_file, files.open_lock, files.file_digest])
def test_what_would_keep_a_reader_waiting_is_no_file(
    opened: Callable[[Path], object], tmp_path: Path
) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "device").symlink_to("/dev/zero")
    for name in ("pipe", "device"):
        with pytest.raises(OSError, match="no file"):
            opened(tmp_path / name)
    with pytest.raises(IsADirectoryError):
        opened(tmp_path)


def test_a_lock_file_is_made_and_added_to(tmp_path: Path) -> None:
    for text in ("one", "two"):
        with files.open_lock(tmp_path / "lock") as file:
            file.write(text)
    with files.open_lock(tmp_path / "lock") as file:
        file.seek(0)
        assert file.read() == "onetwo"


def test_the_name_of_a_file_in_another_encoding_is_kept(tmp_path: Path) -> None:
    name = os.fsdecode(b"/data/caf\xe9")
    files.write_text(tmp_path / "record.json", json.dumps({"folder": name}))
    assert files.read_json(tmp_path / "record.json") == {"folder": name}
    files.write_text(tmp_path / "page.html", name)
    assert (tmp_path / "page.html").read_text() == r"/data/caf\udce9"
    files.write_text(tmp_path / "half.json", r'"\ud800"')
    with pytest.raises(ValueError, match="surrogates"):
        files.read_json(tmp_path / "half.json")


def test_a_path_that_is_not_there_is_guessed(tmp_path: Path) -> None:
    for name in ("photos", "my_model.keras", "runs", "Weights.safetensors"):
        (tmp_path / name).touch()

    def asked(name: str) -> str:
        return files.meant(tmp_path / name).replace(str(tmp_path), "")

    assert asked("photo") == "; did you mean /photos?"
    assert asked("my_model") == asked("my_modle.keras") == "; did you mean /my_model.keras?"
    assert asked("weights.safetensor") == "; did you mean /Weights.safetensors?"
    assert asked("elsewhere") == asked("runs/x/y") == files.meant("") == ""
    assert files.meant(tmp_path / "Photos" / "train") == ""
