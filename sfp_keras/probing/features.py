"""Stage outputs of a frozen network: one pass for all stages, kept in memory or on disk."""

import dataclasses
import json
import math
import os
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np

from sfp_keras.checkpoints import PassCheckpoint
from sfp_keras.data import is_arrays, labelled_batches
from sfp_keras.distribution import current_devices
from sfp_keras.errors import InputError
from sfp_keras.files import load_npz, open_mapped, read_json, save_npz, write_text
from sfp_keras.probing.feature_files import FeatureStore, features_file
from sfp_keras.probing.stages import listed
from sfp_keras.probing.views import StageView
from sfp_keras.short_repr import ShortRepr

# No npy files: a stage may be called "labels".
LABELS, PROGRESS, COMPLETE = "labels.npz", "progress.npz", "complete.json"
Batches = Iterable[tuple[np.ndarray, np.ndarray]]
# A function of the first row, for a pass that may go on in the middle.
BatchesFrom = Callable[[int], Batches]
# What people have: a pair of arrays (x, y), or batches of such pairs in any form.
Labelled = tuple[Any, Any] | Iterable[Any] | BatchesFrom


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class FeatureCache(ShortRepr):
    """Stage outputs and labels of training and test images.

    Attributes:
        arrays: dict from stage name to (rows, P * F) float16 or float32; position-major,
            training rows first.
        labels: (rows,) int64.
        train_count: number of training rows, those of all versions.
        position_shapes: dict from stage name to the shape of the P positions.
        on_disk: whether the arrays are memory-mapped files.
        views: dict from the name of each stage whose pooling is trained with its head to its
            `StageView`.
        versions: number of versions of each training image, whose rows stand one version behind
            another, all in the same order.
    """

    arrays: Mapping[str, np.ndarray]
    labels: np.ndarray
    train_count: int
    position_shapes: Mapping[str, tuple[int, ...]]
    on_disk: bool = False
    views: Mapping[str, StageView] = dataclasses.field(default_factory=dict)
    versions: int = 1

    @property
    def image_count(self) -> int:
        """Number of training images."""
        return self.train_count // self.versions


def stage_outputs(
    cut: keras.Model, batches: Batches, size: int = 0
) -> Iterator[tuple[list, np.ndarray]]:
    """Run the frozen network, batch norm in inference mode.

    Args:
        cut: model of `cut_stages`.
        batches: (images (n, H, W, C), labels (n,)).
        size: `int`. The largest batch of this pass so far, where it goes on. Defaults to `0`.

    Yields:
        A list with one (n, *positions, F) float32 array a stage, and the labels.
    """
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
    names: str | Sequence[str] | None,
    train: Labelled,
    test: Labelled,
    *,
    train_count: int | None = None,
    test_count: int | None = None,
    versions: int = 1,
    dtype: str = "float16",
    budget: int = 4 << 30,
    folder: str | Path | None = None,
    description: str = "",
) -> FeatureCache:
    """Pass all images once through the frozen network and keep every stage's output.

    A pass that fills files can be killed at any moment: called again with the same arguments it
    goes on from the last rows it recorded, at most half a minute before, and ends in the same
    files to the last bit.

    Example:

    ```python
    cache = cache_features(cut, "pool2", (x_train, y_train), (x_test, y_test))
    ```

    Args:
        cut: model of `cut_stages`.
        names: stage names, one for each output of `cut`; `None` for those of `cut_stages`.
        train: training images and labels (n,): a pair of arrays `(x, y)`, or batches of such pairs
            in a fixed order, such as a list or a `tf.data.Dataset`; may be empty. Or a function
            of the first row that gives batches from there on: only so a pass can go on.
        test: the same of the test images.
        train_count: `int`. Number of training images, those of all versions together. Default:
            that of the arrays or the list.
        test_count: `int`. Number of test images, likewise.
        versions: `int`. How many versions of each image, such as augmented ones, `train` gives one
            behind another, all in the same order; heads are trained on them in turn. Defaults to
            `1`.
        dtype: `"float16"` (rounds by at most 1 part in 2048) or `"float32"`. A stage whose
            outputs exceed float16's range is kept as float32 all the same.
        budget: `int`. Bytes that may be held in memory; above it the features are written to
            memory-mapped files. Defaults to 4 GiB.
        folder: `str` or `Path`. Where those files go.
        description: `str`. What the features are of; files with the same one are used again.

    Returns:
        A `FeatureCache`.

    Raises:
        InputError: if the features fit neither memory nor disk, or are not finite, `names` are
            not as many as the stages, the number of images is not known, or `train` does not give
            all `versions` in the same order.
        ValueError: if fewer images come than were announced, or a batch goes beyond them; batches
            behind them are not asked for.
    """
    names = _names(cut, names)
    train_count = _count(train, "train") if train_count is None else train_count
    test_count = _count(test, "test") if test_count is None else test_count
    if not isinstance(versions, int) or versions < 1 or train_count % versions:
        raise InputError(
            f"`versions`={versions}: {train_count} training images are not {versions} of each"
        )
    inputs = head_inputs(cut, names)
    rows = train_count + test_count
    needed = cache_bytes(inputs, rows, dtype)
    shapes, views = position_shapes(cut, names), _views(cut, names)
    root = _check_disk(folder, needed, inputs, versions) if needed > budget else None
    wanted = {
        **{"description": description, "inputs": inputs, "rows": rows},
        **{"train": train_count, "dtype": dtype, "versions": versions},
    }
    finished = root is not None and _read_json(root / COMPLETE) == wanted
    if root is not None and finished and (kept := _kept(root, inputs, rows)) is not None:
        return FeatureCache(*kept, train_count, shapes, True, views, versions)
    splits = {"train": (train, train_count), "test": (test, test_count)}
    fill = _Pass(inputs, rows, dtype, root)
    if root is not None:
        resumable = all(callable(batches) for batches, count in splits.values() if count)
        fill.begin(root, PassCheckpoint(root / PROGRESS, wanted), resumable)
    first = 0
    for name, (batches, count) in splits.items():
        fill.split(cut, name, batches, first, count)
        first += count
    by_version = fill.labels[:train_count].reshape(versions, -1)
    if (by_version != by_version[0]).any():
        raise InputError(
            "`versions`: the labels of the versions of `train` differ; give all in the same order"
        )
    arrays = fill.store.arrays()
    if root is not None:
        save_npz(root / LABELS, labels=fill.labels)
        write_text(root / COMPLETE, json.dumps(wanted))
        (root / PROGRESS).unlink(missing_ok=True)
    return FeatureCache(arrays, fill.labels, train_count, shapes, root is not None, views, versions)


class _Pass:
    """Where a pass stands: its rows so far, and the checkpoint of those in files."""

    def __init__(self, inputs: Mapping[str, int], rows: int, dtype: str, root: Path | None):
        self.inputs, self.rows, self.dtypes = inputs, rows, dict.fromkeys(inputs, dtype)
        self.labels = np.zeros(rows, np.int64)
        # The next row, and the largest batch of its split so far.
        self.row = self.size = 0
        self.checkpoint: PassCheckpoint | None = None
        if root is None:
            self.store = FeatureStore(inputs, rows, self.dtypes, None)

    def begin(self, root: Path, checkpoint: PassCheckpoint, resumable: bool) -> None:
        """Go on from the checkpoint, or make empty files."""
        if resumable:
            self.checkpoint = checkpoint
            if self._went_on(root, checkpoint.read()):
                return
        checkpoint.delete()
        shutil.rmtree(root, ignore_errors=True)
        root.mkdir(parents=True)
        self.store = FeatureStore(self.inputs, self.rows, self.dtypes, root)

    def _went_on(self, root: Path, saved: Mapping[str, np.ndarray]) -> bool:
        if not saved:
            return False
        try:
            dtypes = json.loads(str(saved["dtypes"]))
            self.store = FeatureStore(self.inputs, self.rows, dtypes, root, new=False)
            labels, size = saved["labels"], int(saved["size"])
            self.labels[: len(labels)] = labels
        except (OSError, ValueError, EOFError, KeyError, TypeError):
            # Not the files of the checkpoint: one is gone, damaged, or was just being widened.
            return False
        self.row, self.size = len(labels), size
        return True

    def split(self, cut: keras.Model, name: str, batches: Labelled, first: int, count: int) -> None:
        """Put the outputs of the `count` images of a split, whose rows begin at `first`."""
        end = first + count
        if not first <= self.row < end:
            return
        if self.row == first:
            self.size = 0
        if callable(batches):
            batches = batches(self.row - first)
        labelled, beyond = labelled_batches(batches, name), False
        for outputs, labels in stage_outputs(cut, labelled, self.size):
            rows = slice(self.row, self.row + len(labels))
            if beyond := rows.stop > end:
                break
            blocks = {
                name: output.reshape(len(output), -1)
                for name, output in zip(self.inputs, outputs, strict=True)
            }
            # An earlier checkpoint does not know that a file is float32 from now on.
            if self.store.make_room(self.row, blocks):
                self._save()
            self.store.put(self.row, blocks)
            self.labels[rows] = labels
            self.row, self.size = rows.stop, max(self.size, len(labels))
            if self.checkpoint is not None and self.checkpoint.due:
                self._save()
        if self.row != end:
            came = "a batch goes beyond them" if beyond else f"{self.row - first} came"
            raise ValueError(f"{count} images were announced, {came}")

    def _save(self) -> None:
        if self.checkpoint is None:
            return
        self.store.flush()
        dtypes = np.array(json.dumps(self.store.dtypes))
        self.checkpoint.save(
            labels=self.labels[: self.row], size=np.int64(self.size), dtypes=dtypes
        )


def _names(cut: keras.Model, names: str | Sequence[str] | None) -> list[str]:
    outputs = list(getattr(cut, "output_names", []))
    if names is None:
        return outputs
    names = listed(names)
    if len(names) != len(cut.outputs):
        raise InputError(
            f"`names`: {len(names)} names ({', '.join(names)}) for the {len(cut.outputs)} outputs "
            f"of `cut` ({', '.join(outputs)})"
        )
    return names


def _views(cut: keras.Model, names: Sequence[str]) -> dict[str, StageView]:
    """The views of a cut model that are trained with the heads, by the names given."""
    views = getattr(cut, "views", {})
    called = zip(names, getattr(cut, "output_names", ()), strict=False)
    return {name: views[output] for name, output in called if output in views}


def _count(batches: Any, argument: str) -> int:
    """The number of images of arrays, or of batches in a list."""
    if is_arrays(batches):
        return len(batches[0])
    if isinstance(batches, list | tuple):
        return sum(len(batch[1]) for batch in batches)
    raise InputError(
        f"`{argument}_count`: say how many images `{argument}` gives; a "
        f"{type(batches).__name__} does not say it"
    )


def _check_disk(
    folder: str | Path | None, needed: int, inputs: Mapping[str, int], versions: int
) -> Path:
    largest = max(inputs, key=lambda name: inputs[name])
    mend = (
        f"probe fewer `stages` (largest: {largest}, {inputs[largest]:,} numbers an image), "
        f"`pool` them, {'keep fewer `versions`, ' if versions > 1 else ''}or raise `budget`"
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


def _kept(
    root: Path, inputs: Mapping[str, int], rows: int
) -> tuple[dict[str, np.ndarray], np.ndarray] | None:
    """Features and labels of a finished pass; `None` where a file is gone or damaged."""
    try:
        arrays: dict[str, np.ndarray] = {
            name: open_mapped(features_file(root, name)) for name in inputs
        }
        labels = load_npz(root / LABELS, "labels")["labels"]
    except (OSError, ValueError, EOFError):
        return None
    whole = labels.shape == (rows,) and labels.dtype == np.int64
    for name, array in arrays.items():
        whole &= array.shape == (rows, inputs[name]) and array.dtype in (np.float16, np.float32)
    return (arrays, labels) if whole else None


def _read_json(path: Path) -> object:
    try:
        return read_json(path)
    except (OSError, ValueError):
        return None
