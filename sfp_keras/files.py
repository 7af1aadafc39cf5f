"""Files that are written whole or not at all, and read back without executing anything."""

import contextlib
import difflib
import errno
import hashlib
import io
import itertools
import json
import math
import mmap
import os
import stat
import tempfile
import threading
import warnings
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import numpy as np

from sfp_keras.errors import InputError, first_line
from sfp_keras.text import did_you_mean

# What the system says where a disk is full, read-only or closed to the user.
CANNOT_WRITE = (
    errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EACCES, errno.EPERM,
)  # fmt: skip

# Bytes of a damaged file may be in it.
_LONGEST_REASON = 200
# It can be read only by setting it, for the whole process.
_UMASK = threading.Lock()
# Names of a folder that are looked through for one that was meant.
_LOOKED_THROUGH = 2000


@contextlib.contextmanager
def write_whole(path: str | Path) -> Iterator[IO[bytes]]:
    """Open a temporary neighbour of `path` for writing, and rename it to `path` at the end.

    A crash, a full disk or an exception inside the block leaves `path` as it was.

    Args:
        path: `str` or `Path`. The file to write; missing folders are made.

    Yields:
        A binary file object.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".tmp")
    try:
        with os.fdopen(handle, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        # mkstemp makes private files; results follow the user's umask like any other file.
        with _UMASK:
            umask = os.umask(0)
            os.umask(umask)
        os.chmod(name, 0o666 & ~umask)
        _replace(name, path)
        _sync_folder(path.parent)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(name)
        raise


def _replace(name: str, path: Path) -> None:
    try:
        os.replace(name, path)
    except IsADirectoryError as error:
        # The temporary file is gone by the time that its name is read.
        raise IsADirectoryError(error.errno, error.strerror, str(path)) from None


def delete_unfinished(folder: Path) -> None:
    """Delete the temporary files that a killed `write_whole` left anywhere in `folder`."""
    for path in folder.rglob(".*.tmp"):
        if not path.is_dir():
            path.unlink(missing_ok=True)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_text(path: str | Path, text: str) -> None:
    """Write `text` as UTF-8 to `path`, whole or not at all."""
    with write_whole(path) as file:
        # Names of files may have bytes that are no letters.
        file.write(text.encode(errors="backslashreplace"))


def save_npz(path: str | Path, **arrays: Any) -> None:
    """Write named arrays to the uncompressed npz file `path`, whole or not at all."""
    with write_whole(path) as file:
        np.savez(file, **arrays)


def load_npz(path: str | Path, *names: str) -> dict[str, np.ndarray]:
    """Read named arrays from an npz file, refusing pickled content.

    Args:
        path: `str` or `Path`. The file.
        *names: `str`. Names that must be there; with none given, all are read.

    Returns:
        A dict from name to array.

    Raises:
        InputError: if the file is missing, cut short, corrupted, or lacks a name.
    """
    try:
        # Opened here, for np.load leaves open a file that it cannot read.
        with open_file(path) as file, _archive(file) as archive:
            return {name: _member(archive, name) for name in (names or archive.files)}
    except FileNotFoundError as error:
        raise damaged(path, error, "delete its folder and run again") from None
    except MemoryError:
        raise
    except Exception as error:  # a broken file raises almost anything
        raise damaged(path, error) from None


def open_file(path: str | Path) -> io.BufferedReader:
    """Open a file for reading; a pipe or a device, which may keep a reader waiting, is none.

    Raises:
        OSError: if there is no such file, or something else in its place.
    """
    return open(path, "rb", opener=_open_regular)


def open_lock(path: str | Path) -> IO[str]:
    """Open a file for locking, reading and adding; it is made where there is none.

    Raises:
        OSError: if there is something else in its place, or it cannot be written.
    """
    return open(path, "a+", errors="replace", opener=_open_regular)


def _open_regular(path: str, flags: int) -> int:
    descriptor = os.open(path, flags | os.O_NONBLOCK, 0o666)
    mode = os.fstat(descriptor).st_mode
    if stat.S_ISREG(mode):
        return descriptor
    os.close(descriptor)
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), path)
    raise OSError(errno.EINVAL, "it is no file", path)


def read_json(path: str | Path) -> Any:
    """Read a JSON file.

    Raises:
        OSError: if it cannot be read.
        ValueError: if it is no JSON, or no file can hold its text.
    """
    with open_file(path) as file:
        content = file.read().decode()
    try:
        value = json.loads(content)
        # Escapes may stand for halves of characters, which cannot be printed.
        json.dumps(value, ensure_ascii=False).encode(errors="surrogateescape")
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    return value


def damaged(
    path: str | Path,
    why: str | BaseException,
    mend: str = "delete it and run again, which makes it",
) -> InputError:
    """The error for a file of a run directory whose content cannot be used.

    Args:
        path: `str` or `Path`. The file.
        why: `str`, or what was raised.
        mend: `str`. What to do. Defaults to making the file again.
    """
    if isinstance(why, FileNotFoundError):
        return InputError(f"{path} is missing; {mend}")
    if isinstance(why, PermissionError):
        return unreadable(str(path), why)
    reason = why if isinstance(why, str) else getattr(why, "strerror", None) or first_line(why)
    if isinstance(why, KeyError):
        reason = f"it has no {why}"
    if len(reason) > _LONGEST_REASON:
        reason = f"{reason[:_LONGEST_REASON]}..."
    return InputError(f"{path} is damaged ({reason}); {mend}")


def read_member(file: IO[bytes], name: str) -> np.ndarray:
    """Read one named array from an open npz file, refusing pickled content.

    Raises:
        Exception: of almost any kind, if the file is broken.
    """
    with _archive(file) as archive:
        return _member(archive, name)


def meant(path: str | Path) -> str:
    """Ask for the file or folder that was meant, after the words that a path is not there.

    Args:
        path: `str` or `Path`.

    Returns:
        `"; did you mean photos/train?"`, a name beside it that is alike; else an empty text.
    """
    path = Path(path)
    try:
        with os.scandir(path.parent) as found:
            names = [entry.name for entry in itertools.islice(found, _LOOKED_THROUGH)]
    except OSError:
        return ""
    # An ending that was left out or is another one makes short names differ much.
    same = sorted(name for name in names if path.stem and Path(name).stem == path.stem)
    lower = {name.lower(): name for name in sorted(names, reverse=True)}
    close = difflib.get_close_matches(path.name.lower(), lower, 1, 0.75)
    likely = [name for name in (*same, *map(lower.__getitem__, close)) if name != path.name]
    return did_you_mean([path.parent / name for name in likely[:1]])


def file_digest(path: Path) -> str:
    """SHA-256 of a file."""
    with open_file(path) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def unreadable(what: str, error: OSError) -> InputError:
    """The error for a file or folder that the system does not let the user read.

    Args:
        what: `str`. The file, or the argument that names it.
        error: `OSError` of the attempt.
    """
    file = f"{error.filename}: " if error.filename and str(error.filename) not in what else ""
    return InputError(
        f"{what} cannot be read ({file}{error.strerror or error}); give yourself permission to "
        "read it"
    )


def array_head(file: IO[bytes]) -> tuple[tuple[int, ...], np.dtype]:
    """Shape and type of the array in an open npy file, from its head.

    Raises:
        ValueError: if there is none.
    """
    major, _ = np.lib.format.read_magic(file)
    read = np.lib.format.read_array_header_2_0
    if major == 1:
        read = np.lib.format.read_array_header_1_0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        shape, _, dtype = read(file)
    return shape, dtype


def _archive(file: IO[bytes]) -> np.lib.npyio.NpzFile:
    # What is neither zip nor npy, NumPy takes for a pickle.
    if file.read(2) != b"PK":
        raise ValueError("not an npz file")
    file.seek(0)
    archive = np.load(file, allow_pickle=False)
    if not isinstance(archive, np.lib.npyio.NpzFile):
        raise ValueError("not an npz file")
    return archive


def _member(archive: np.lib.npyio.NpzFile, name: str) -> np.ndarray:
    if name not in archive.files:
        raise KeyError(name)
    if archive.zip is not None:
        _check_size(archive.zip, name)
    array = archive[name]
    # NumPy hands out what is no array as bytes.
    if not isinstance(array, np.ndarray):
        raise ValueError(f"{name} is no array")
    return array


def _check_size(archive: zipfile.ZipFile, name: str) -> None:
    """Refuse an array that says it is larger than its file, before memory is taken for it."""
    try:
        with archive.open(f"{name}.npy") as member:
            shape, dtype = array_head(member)
    except (KeyError, ValueError):  # Reading it says what is wrong.
        return
    if math.prod(shape) * dtype.itemsize > archive.getinfo(f"{name}.npy").file_size:
        raise ValueError(f"{name} is shorter than {dtype} {shape}")


def mapped_array(path: str | Path, shape: tuple[int, ...], dtype: Any) -> np.memmap:
    """Make an npy file of zeros, mapped into memory for writing, with its disk space reserved.

    Without the reservation a full disk would kill the process at some later write.

    Raises:
        OSError: if the disk has no room.
    """
    array = np.lib.format.open_memmap(path, mode="w+", dtype=dtype, shape=shape)
    if hasattr(os, "posix_fallocate"):
        with open(path, "r+b") as file:
            os.posix_fallocate(file.fileno(), 0, os.fstat(file.fileno()).st_size)
    return array


def open_mapped(path: str | Path) -> np.memmap:
    """An npy file, mapped into memory for reading.

    Raises:
        OSError, ValueError, EOFError: if there is no such file, or it is damaged.
    """
    open_file(path).close()
    array = np.load(path, mmap_mode="r", allow_pickle=False)
    if not isinstance(array, np.memmap):
        raise ValueError("it is no npy file")
    return array


def write_back(array: np.memmap) -> None:
    """Write all changes of a mapping to the disk, and release its pages."""
    array.flush()
    if isinstance(array.base, mmap.mmap) and hasattr(mmap, "MADV_DONTNEED"):
        array.base.madvise(mmap.MADV_DONTNEED)


def of_applications(weights: str | Path) -> bool:
    """Whether weights are named as those of keras.applications: `imagenet`, or its `.h5` files.

    Args:
        weights: `str` or `Path`. As `load_weights` and `load_initial_weights` take them.
    """
    name = str(weights)
    return name == "imagenet" or (name.endswith(".h5") and not name.endswith(".weights.h5"))
