"""One process at a time in a folder."""

import contextlib
import fcntl
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from sfp_keras.errors import InputError
from sfp_keras.files import CANNOT_WRITE, open_file, open_lock

_LOCK = ".lock"


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Make a run directory and hold it.

    Args:
        folder: `Path`.

    Raises:
        InputError: if another process holds it, or it cannot be a folder.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        file = open_lock(folder / _LOCK)
    except OSError as error:
        if error.errno in CANNOT_WRITE:
            raise
        raise no_folder(folder, error) from None
    with file:
        if not try_lock(file):
            raise InputError(
                f"{folder} is in use by another process; wait for it, or choose another `run_dir`"
            )
        yield


def try_lock(file: IO[Any]) -> bool:
    """Lock an open file until all processes that have it open close it.

    Args:
        file: the open file.

    Returns:
        Whether the lock was free.
    """
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def in_use(folder: Path) -> bool:
    """Whether a process works in a run directory.

    Args:
        folder: `Path`.

    Returns:
        `bool`.
    """
    try:
        with open_file(folder / _LOCK) as file:
            return not try_lock(file)
    except PermissionError:
        raise
    except OSError:  # Nothing that a process could lock.
        return False


def no_folder(path: Path, error: OSError) -> InputError:
    """The error for a path that cannot be used as a folder."""
    what = f"{error.filename}: " if error.filename and Path(error.filename).name == _LOCK else ""
    return InputError(f"`run_dir`={path} cannot be used as a folder ({what}{error.strerror})")
