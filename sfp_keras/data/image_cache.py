"""Decoded images in a file that is mapped into memory, made once."""

import fcntl
import logging
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np

from sfp_keras.errors import InputError
from sfp_keras.files import load_npz, mapped_array, save_npz

_LOGGER = logging.getLogger("sfp_keras")


def default_cache_dir() -> Path:
    """Return `sfp_keras` under `$XDG_CACHE_HOME` or `~/.cache`."""
    return Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "sfp_keras"


def cached_images(
    folder: Path,
    name: str,
    shape: tuple[int, int, int, int],
    fill: Callable[[np.ndarray], dict[str, np.ndarray]],
) -> tuple[np.memmap, dict[str, np.ndarray]]:
    """Return memory-mapped images, made by `fill` if they are not in the cache yet.

    The labels are written after the images and mark them as complete: what a killed process
    leaves is made anew. A second process waits for the first and uses its file.

    Args:
        folder: `Path` of the cache.
        name: `str`, unique to the images.
        shape: `(N, H, W, 3)`.
        fill: called with an empty array of this shape and uint8, fills it and returns the named
            arrays that belong to it.

    Returns:
        The images, read-only, and the named arrays.

    Raises:
        InputError: if the disk has no room.
    """
    images_path, complete = folder / f"{name}.npy", folder / f"{name}.npz"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with (folder / f"{name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not (complete.is_file() and images_path.is_file()):
                size = int(np.prod(shape))
                _LOGGER.info("decoding %s into %s, %.1f GB", name, images_path, size / 1e9)
                arrays = _make(images_path, shape, fill)
                save_npz(complete, **arrays)
    except OSError as error:
        raise InputError(
            f"{folder} cannot take the decoded images, {np.prod(shape) / 1e9:.1f} GB "
            f"({error.strerror or error}); make room, choose another --run_dir, or raise "
            "--memory_gib to hold them in memory"
        ) from None
    images = np.load(images_path, mmap_mode="r")
    if images.shape != shape:
        raise InputError(f"{images_path} is of another data set; delete it and run again")
    return images, load_npz(complete)


def _make(
    path: Path,
    shape: tuple[int, int, int, int],
    fill: Callable[[np.ndarray], dict[str, np.ndarray]],
) -> dict[str, np.ndarray]:
    partial = path.with_suffix(".part")
    try:
        images = mapped_array(partial, shape, np.uint8)
        arrays = fill(images)
        images.flush()
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)
    return arrays
