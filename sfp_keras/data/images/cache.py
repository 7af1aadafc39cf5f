"""Decoded images in a file that is mapped into memory, made once."""

import fcntl
import logging
import math
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np

from sfp_keras.checkpoints import PassCheckpoint
from sfp_keras.errors import InputError
from sfp_keras.files import (
    damaged,
    load_npz,
    mapped_array,
    open_lock,
    open_mapped,
    save_npz,
    write_back,
)

_LOGGER = logging.getLogger("sfp_keras")
# What may wait to be written to the disk; the system holds it in memory until then.
_UNWRITTEN_BYTES = 256 << 20
Arrays = dict[str, np.ndarray]
# Of images to fill, the arrays of those that are there, and what is to be called with the arrays
# of more of them.
Fill = Callable[[np.ndarray, Arrays, Callable[[Arrays], None]], Arrays]


def default_cache_dir() -> Path:
    """Return `sfp_keras` under `$XDG_CACHE_HOME` or `~/.cache`."""
    return Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "sfp_keras"


def cached_images(
    folder: Path,
    name: str,
    shape: tuple[int, int, int, int],
    fill: Fill,
) -> tuple[np.ndarray, Arrays]:
    """Return memory-mapped images, made by `fill` if they are not in the cache yet.

    The images get their name last, when their labels are written. After a killed process
    decoding goes on from where it was at most half a minute before. A second process waits for the
    first and uses its file.

    Args:
        folder: `Path` of the cache.
        name: `str`, unique to the images.
        shape: `(N, H, W, C)`.
        fill: called with an array of this shape and uint8, the named arrays (n,) that belong to
            its first n images, which are there, and a function. Fills the rest in order, calls the
            function now and then with the arrays so far, and returns them whole.

    Returns:
        The images, read-only, and the named arrays.

    Raises:
        InputError: if the disk has no room.
    """
    images_path, complete = folder / f"{name}.npy", folder / f"{name}.npz"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with open_lock(folder / f"{name}.lock") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not (complete.is_file() and images_path.is_file()):
                size = int(np.prod(shape))
                _LOGGER.info("decoding %s into %s, %.1f GB", name, images_path, size / 1e9)
                _make(images_path, complete, shape, fill)
            (folder / f"{name}.progress.npz").unlink(missing_ok=True)
    except OSError as error:
        raise InputError(
            f"{folder} cannot take the decoded images, {np.prod(shape) / 1e9:.1f} GB "
            f"({error.strerror or error}); make room, choose another `cache_dir`, or raise "
            "`memory_budget` to hold them in memory"
        ) from None
    try:
        images = open_mapped(images_path)
    except (OSError, ValueError, EOFError) as error:
        raise damaged(images_path, error) from None
    arrays = load_npz(complete)
    whole = {images_path: images.shape == shape}
    whole[complete] = all(array.shape == shape[:1] for array in arrays.values())
    for path, fits in whole.items():
        if not fits:
            raise InputError(f"{path} is of another data set; delete it and run again")
    if images.dtype != np.uint8:
        raise damaged(images_path, f"it holds {images.dtype}")
    return images, arrays


def _make(path: Path, complete: Path, shape: tuple[int, int, int, int], fill: Fill) -> None:
    partial = path.with_suffix(".part")
    checkpoint = PassCheckpoint(path.with_name(f"{path.stem}.progress.npz"), list(shape))
    try:
        images, arrays = _begun(partial, shape, checkpoint)
        written = _count(arrays)

        def so_far(arrays: Arrays) -> None:
            nonlocal written
            done, due = _count(arrays), checkpoint.due
            if due or (done - written) * math.prod(shape[1:]) >= _UNWRITTEN_BYTES:
                write_back(images)
                written = done
            if due:
                checkpoint.save(**arrays)
                _LOGGER.info("%s: %s of %s images decoded", path.stem, f"{done:,}", f"{shape[0]:,}")

        arrays = fill(images, arrays, so_far)
        write_back(images)
        # In this order: a kill between the two leaves the images where they are looked for.
        save_npz(complete, **arrays)
        os.replace(partial, path)
    except Exception:
        partial.unlink(missing_ok=True)
        checkpoint.delete()
        raise


def _count(arrays: Arrays) -> int:
    return next((len(array) for array in arrays.values()), 0)


def _begun(
    partial: Path, shape: tuple[int, int, int, int], checkpoint: PassCheckpoint
) -> tuple[np.memmap, Arrays]:
    """What a killed process left, or empty images."""
    if saved := checkpoint.read():
        try:
            images = np.load(partial, mmap_mode="r+")
            if images.shape == shape:
                return images, saved
        except (OSError, ValueError, EOFError):
            pass
    checkpoint.delete()
    return mapped_array(partial, shape, np.uint8), {}
