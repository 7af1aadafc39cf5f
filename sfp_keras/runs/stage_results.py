"""What is kept of a stage: its head and its fields."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from sfp_keras.csv_files import csv_text
from sfp_keras.errors import InputError
from sfp_keras.files import load_npz, save_npz, write_text
from sfp_keras.filters import FilterFields
from sfp_keras.runs.layout import RunFiles

if TYPE_CHECKING:  # It loads Keras, which reading these files does without.
    from sfp_keras.probing import Head, StageMeasurement


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
    write_text(of_stage.curve, csv_text(pd.DataFrame(head.history)))
    save_npz(
        of_stage.head,
        kernel=head.kernel,
        position_shape=np.array(head.position_shape, np.int64),
    )


def read_head(files: RunFiles, stage: str) -> np.ndarray:
    """The (P, F, K) kernel of a finished head."""
    return load_npz(files.stage(stage).head, "kernel")["kernel"]


def write_fields(files: RunFiles, stage: str, split: str, measurement: "StageMeasurement") -> None:
    """fields.npz: mean stage outputs by label, how many images, how many classified correctly."""
    save_npz(
        files.stage(stage).split(split).fields,
        features=measurement.fields.features,
        label_counts=measurement.fields.label_counts,
        correct=measurement.correct,
    )


def read_measurement(files: RunFiles, stage: str, split: str) -> "StageMeasurement":
    """What `write_fields` and `write_head` wrote."""
    from sfp_keras.probing import StageMeasurement

    of_stage = files.stage(stage)
    head = load_npz(of_stage.head, "kernel", "position_shape")
    saved = load_npz(of_stage.split(split).fields, "features", "label_counts", "correct")
    try:
        fields = FilterFields(
            saved["features"],
            head["kernel"],
            saved["label_counts"],
            tuple(int(n) for n in head["position_shape"]),
        )
    except InputError as error:
        raise InputError(
            f"{of_stage.split(split).fields} and {of_stage.head} do not fit ({error}); "
            "delete both and run again"
        ) from None
    return StageMeasurement(fields, saved["correct"])
