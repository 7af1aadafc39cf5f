"""What is kept of a stage: its head and its fields."""

import dataclasses
import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd

from sfp_keras.csv_files import csv_text
from sfp_keras.errors import InputError
from sfp_keras.files import damaged, load_npz, save_npz, write_text
from sfp_keras.filters import FilterFields, StageMeasurement
from sfp_keras.runs.layout import RunFiles
from sfp_keras.runs.tables import CURVE_COLUMNS, read_curve

if TYPE_CHECKING:  # It loads Keras, which reading these files does without.
    from sfp_keras.probing import Head

# How the weights of a pooling that was trained with a head are called in its file.
_POOL = "pool_"
# Counts above this are not exact as floats.
_MOST_IMAGES = 2**53


def write_label_names(
    files: RunFiles, class_names: Sequence[str], original_labels: Sequence[int]
) -> None:
    """labels.csv: label, name, original_label."""
    table = pd.DataFrame(
        {
            "label": range(len(class_names)),
            "name": class_names,
            "original_label": original_labels,
        }
    )
    write_text(files.labels, csv_text(table))


def write_head(files: RunFiles, stage: str, head: "Head") -> None:
    """head.csv, then head.npz, whose presence says that the head is finished."""
    of_stage = files.stage(stage)
    # Without a row where the head was not trained by itself.
    write_text(of_stage.curve, csv_text(pd.DataFrame(head.history, columns=CURVE_COLUMNS)))
    save_npz(
        of_stage.head,
        kernel=head.kernel,
        position_shape=np.array(head.position_shape, np.int64),
        **{_POOL + name: array for name, array in head.pooling.items()},
    )


def read_head(files: RunFiles, stage: str) -> "Head":
    """A finished head, without its curve.

    Raises:
        InputError: if head.npz is missing or damaged.
    """
    from sfp_keras.probing import Head

    saved = _read_head(files.stage(stage).head)
    return Head(saved.kernel, saved.position_shape, [], saved.pooling)


def read_whole_head(files: RunFiles, stage: str) -> "Head":
    """What `write_head` wrote.

    Raises:
        InputError: if head.npz or head.csv is missing or damaged.
    """
    head = read_head(files, stage)
    curve = read_curve(files.stage(stage).curve).astype({"epoch": int})
    rows = [{str(key): value for key, value in row.items()} for row in curve.to_dict("records")]
    return dataclasses.replace(head, history=rows)


class _SavedHead(NamedTuple):
    kernel: np.ndarray
    position_shape: tuple[int, ...]
    pooling: dict[str, np.ndarray]


def _read_head(path: Path) -> _SavedHead:
    saved = load_npz(path)
    for name in ("kernel", "position_shape"):
        if name not in saved:
            raise damaged(path, f"it has no {name}")
    kernel, shape = saved["kernel"], saved["position_shape"]
    if kernel.ndim != 3 or kernel.dtype != np.float32:
        raise damaged(path, f"kernel is {kernel.dtype} {kernel.shape}, not float32 (P, F, K)")
    if not np.isfinite(kernel).all():
        raise damaged(path, "kernel holds what is no number")
    if shape.ndim != 1 or shape.dtype.kind not in "iu":
        raise damaged(path, f"position_shape is {shape.dtype} {shape.shape}")
    sizes = tuple(shape.tolist())
    if any(size < 1 for size in sizes) or math.prod(sizes) != len(kernel):
        raise damaged(path, f"position_shape is {sizes}, and kernel has {len(kernel)} positions")
    pooling = {n.removeprefix(_POOL): array for n, array in saved.items() if n.startswith(_POOL)}
    for name, array in pooling.items():
        if array.dtype != np.float32 or not np.isfinite(array).all():
            raise damaged(path, f"{_POOL}{name} is {array.dtype}, or holds what is no number")
    return _SavedHead(kernel, sizes, pooling)


def write_fields(files: RunFiles, stage: str, split: str, measurement: StageMeasurement) -> None:
    """fields.npz: mean stage outputs by label, how many images, how many classified correctly."""
    save_npz(
        files.stage(stage).split(split).fields,
        features=measurement.fields.features,
        label_counts=measurement.fields.label_counts,
        correct=measurement.correct,
    )


def read_measurement(files: RunFiles, stage: str, split: str) -> StageMeasurement:
    """What `write_fields` and `write_head` wrote.

    Raises:
        InputError: if a file is missing or damaged, or the two do not fit.
    """
    of_stage = files.stage(stage)
    path = of_stage.split(split).fields
    kernel, position_shape, _ = _read_head(of_stage.head)
    saved = load_npz(path, "features", "label_counts", "correct")
    counts, correct = saved["label_counts"], saved["correct"]
    if saved["features"].dtype != np.float32:
        raise damaged(path, f"features are {saved['features'].dtype}")
    for name, values in (("label_counts", counts), ("correct", correct)):
        if values.ndim != 1 or values.dtype.kind not in "iu":
            raise damaged(path, f"{name} is {values.dtype} {values.shape}")
    if counts.shape != correct.shape or sum(counts.tolist()) > _MOST_IMAGES:
        raise damaged(path, "label_counts and correct are not of the same images")
    if not ((correct >= 0) & (correct <= counts)).all():
        raise damaged(path, "correct is not between 0 and label_counts")
    try:
        fields = FilterFields(saved["features"], kernel, counts, position_shape)
    except InputError as error:
        raise InputError(
            f"{path} and {of_stage.head} do not fit ({error}); delete both and run again"
        ) from None
    return StageMeasurement(fields, correct)
