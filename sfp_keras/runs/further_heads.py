"""What is kept of further heads of a stage: their weights, and what they classify correctly."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from sfp_keras.files import damaged, load_npz, save_npz
from sfp_keras.runs.layout import RunFiles


def write_further_heads(files: RunFiles, stage: str, kernels: Mapping[str, np.ndarray]) -> None:
    """further_heads.npz of a stage: these kernels (P, F, K) by name, and those already there."""
    path = files.stage(stage).further_heads
    save_npz(path, **{**_read(path), **kernels})


def read_further_heads(
    files: RunFiles, stage: str, shape: tuple[int, ...]
) -> dict[str, np.ndarray]:
    """The kernels by the heads' names; none where there is no file.

    Args:
        files: `RunFiles`.
        stage: `str`.
        shape: (P, F, K) of the stage's own head.

    Raises:
        InputError: if the file is damaged.
    """
    path = files.stage(stage).further_heads
    found = _read(path)
    for name, kernel in found.items():
        if kernel.shape != shape or kernel.dtype != np.float32 or not np.isfinite(kernel).all():
            raise damaged(path, f"{name} is {kernel.dtype} {kernel.shape}, or no numbers")
    return found


def write_further_correct(
    files: RunFiles, stage: str, split: str, correct: Mapping[str, np.ndarray]
) -> None:
    """further_heads.npz of a split: images (K,) that each head classifies correctly, by label."""
    path = files.stage(stage).split(split).further_heads
    save_npz(path, **{**_read(path), **correct})


def read_further_correct(
    files: RunFiles, stage: str, split: str, counts: np.ndarray
) -> dict[str, np.ndarray]:
    """The numbers of correct images by the heads' names; none where there is no file.

    Args:
        files: `RunFiles`.
        stage: `str`.
        split: `str`.
        counts: images of each label, (K,).

    Raises:
        InputError: if the file is damaged.
    """
    path = files.stage(stage).split(split).further_heads
    found = _read(path)
    for name, correct in found.items():
        whole = correct.shape == counts.shape and correct.dtype.kind in "iu"
        if not whole or not ((correct >= 0) & (correct <= counts)).all():
            raise damaged(path, f"{name} is not between 0 and the images of each label")
    return found


def _read(path: Path) -> dict[str, np.ndarray]:
    return dict(load_npz(path)) if path.exists() else {}
