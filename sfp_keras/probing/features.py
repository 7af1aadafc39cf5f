"""Stage outputs of a frozen network: one pass for all stages, kept in memory or on disk."""

import dataclasses
import json
import math
import os
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import keras
import numpy as np

from sfp_keras.distribution import current_devices
from sfp_keras.errors import InputError
from sfp_keras.files import load_npz, mapped_array, save_npz, write_text

FLOAT16_LARGEST = 65504.0
# No npy file: a stage may be called "labels".
LABELS = "labels.npz"
Batches = Iterable[tuple[np.ndarray, np.ndarray]]


@dataclasses.dataclass(frozen=True, eq=False)
class FeatureCache:
    """Stage outputs and labels of training and test images.

    Attributes:
        arrays: dict from stage name to (rows, P * F) float16 or float32; position-major,
            training rows first.
        labels: (rows,) int64.
        train_count: number of training rows.
        position_shapes: dict from stage name to the shape of the P positions.
        on_disk: whether the arrays are memory-mapped files.
    """

    arrays: Mapping[str, np.ndarray]
    labels: np.ndarray
    train_count: int
    position_shapes: Mapping[str, tuple[int, ...]]
    on_disk: bool = False


def stage_outputs(cut: keras.Model, batches: Batches) -> Iterator[tuple[list, np.ndarray]]:
    """Run the frozen network, batch norm in inference mode.

    Args:
        cut: model of `cut_stages`.
        batches: (images (n, H, W, C), labels (n,)).

    Yields:
        A list with one (n, *positions, F) float32 array a stage, and the labels.
    """
    size = 0
    for images, labels in batches:
        count = len(images)
        size = max(size, count)
        if count < size:
            # A full last batch keeps one compiled function, and every row's arithmetic.
            images = np.concatenate([images, np.repeat(images[-1:], size - count, axis=0)])
        outputs = current_devices().predict(cut, images)
        yield [np.asarray(output[:count], np.float32) for output in outputs], labels


def position_shapes(cut: keras.Model, names: Sequence[str]) -> dict[str, tuple[int, ...]]:
    """The shape of the positions of each stage of a cut model."""
    return {
        name: tuple(int(n) for n in output.shape[1:-1])
        for name, output in zip(names, cut.outputs, strict=True)
    }


def head_inputs(cut: keras.Model, names: Sequence[str]) -> dict[str, int]:
    """P * F of each stage of a cut model."""
    return {
        name: math.prod(int(n) for n in output.shape[1:])
        for name, output in zip(names, cut.outputs, strict=True)
    }


def cache_bytes(inputs: Mapping[str, int], rows: int, dtype: str) -> int:
    """Bytes of the features of `rows` images."""
    return sum(inputs.values()) * rows * np.dtype(dtype).itemsize


def cache_features(
    cut: keras.Model,
    names: Sequence[str],
    train: Batches,
    test: Batches,
    *,
    train_count: int,
    test_count: int,
    dtype: str = "float16",
    budget: int = 4 << 30,
    folder: str | Path | None = None,
    description: str = "",
) -> FeatureCache:
    """Pass all images once through the frozen network and keep every stage's output.

    Args:
        cut: model of `cut_stages`.
        names: stage names, one for each output of `cut`.
        train: batches of the training images, in a fixed order; may be empty.
        test: batches of the test images.
        train_count: `int`. Number of training images.
        test_count: `int`. Number of test images.
        dtype: `"float16"` (rounds by at most 1 part in 2048) or `"float32"`. A stage whose
            outputs exceed float16's range is kept as float32 all the same.
        budget: `int`. Bytes that may be held in memory; above it the features are written to
            memory-mapped files. Defaults to 4 GiB.
        folder: `str` or `Path`. Where those files go.
        description: `str`. What the features are of; files with the same one are used again.

    Returns:
        A `FeatureCache`.

    Raises:
        InputError: if the features fit neither memory nor disk, or are not finite.
    """
    inputs = head_inputs(cut, names)
    rows = train_count + test_count
    needed = cache_bytes(inputs, rows, dtype)
    on_disk = needed > budget
    shapes = position_shapes(cut, names)
    if on_disk:
        root = _check_disk(folder, needed, inputs)
        marker = root / "complete.json"
        wanted = {"description": description, "inputs": inputs, "rows": rows}
        if _read_json(marker) == wanted:
            arrays = {name: np.load(root / f"{name}.npy", mmap_mode="r") for name in names}
            labels = load_npz(root / LABELS, "labels")["labels"]
            return FeatureCache(arrays, labels, train_count, shapes, True)
        shutil.rmtree(root, ignore_errors=True)
        root.mkdir(parents=True)
    else:
        root = None
    store = _Store(inputs, rows, dtype, root)
    labels = np.zeros(rows, np.int64)
    row = 0
    for batches, count in ((train, train_count), (test, test_count)):
        begin = row
        for outputs, batch_labels in stage_outputs(cut, batches):
            for name, output in zip(names, outputs, strict=True):
                store.put(name, row, output.reshape(len(output), -1))
            labels[row : row + len(batch_labels)] = batch_labels
            row += len(batch_labels)
        if row - begin != count:
            raise ValueError(f"{count} images were announced, {row - begin} came")
    if root is not None:
        store.flush()
        save_npz(root / LABELS, labels=labels)
        write_text(marker, json.dumps(wanted))
    return FeatureCache(store.arrays, labels, train_count, shapes, on_disk)


class _Store:
    """Arrays of one stage each, filled row by row; a stage too large for float16 is widened."""

    def __init__(self, inputs: Mapping[str, int], rows: int, dtype: str, root: Path | None):
        self.root = root
        self.arrays = {
            name: self._new(name, (rows, size), np.dtype(dtype)) for name, size in inputs.items()
        }

    def _new(self, name: str, shape: tuple[int, int], dtype: np.dtype) -> np.ndarray:
        if self.root is None:
            return np.empty(shape, dtype)
        return mapped_array(self.root / f"{name}.npy", shape, dtype)

    def put(self, name: str, row: int, block: np.ndarray) -> None:
        array = self.arrays[name]
        largest = np.abs(block).max(initial=0.0)
        if not np.isfinite(largest):
            raise InputError(
                f"stage {name} puts out values that are not finite: check --scaling and the "
                "network's weights"
            )
        if array.dtype == np.float16 and largest > FLOAT16_LARGEST:
            array = self._widen(name, row)
        array[row : row + len(block)] = block

    def _widen(self, name: str, rows: int) -> np.ndarray:
        old = self.arrays[name]
        filled = np.array(old[:rows])
        self.arrays[name] = self._new(name, old.shape, np.dtype(np.float32))
        self.arrays[name][:rows] = filled
        return self.arrays[name]

    def flush(self) -> None:
        for array in self.arrays.values():
            if isinstance(array, np.memmap):
                array.flush()


def _check_disk(folder: str | Path | None, needed: int, inputs: Mapping[str, int]) -> Path:
    largest = max(inputs, key=lambda name: inputs[name])
    mend = (
        f"probe fewer --stages (largest: {largest}, {inputs[largest]:,} numbers an image), "
        "--pool them, or raise --cache_gib"
    )
    size = f"the features of all images take {needed / 2**30:.1f} GiB"
    if folder is None:
        raise InputError(f"{size}, more than the memory budget: {mend}")
    root = Path(folder)
    root.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(root).free
    held = sum(file.stat().st_size for file in root.glob("*.npy"))
    if needed > 0.9 * (free + held):
        raise InputError(f"{size}, but {os.fspath(root)} has {free / 2**30:.1f} GiB free: {mend}")
    return root


def _read_json(path: Path) -> object:
    try:
        return json.loads(path.read_text())
    except (OSError, ValueError):
        return None
