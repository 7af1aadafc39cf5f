"""Tables of a measured stage: its clusters, filters and labels, and its row of layers.csv."""

import io
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from sfp_keras.csv_files import csv_text, read_csv, with_columns
from sfp_keras.files import damaged, save_npz, write_text
from sfp_keras.filters import (
    LAYER_QUANTITIES,
    FilterClusters,
    FilterFields,
    StageMeasurement,
    label_statistics,
    layer_statistics,
    layer_values,
)
from sfp_keras.runs.layout import RunFiles
from sfp_keras.runs.stage_files import SplitFiles
from sfp_keras.runs.tables import (
    SHARE,
    SHARE_IF_ANY,
    Numbers,
    check_numbers,
    read_content,
)

_KEY = ["stage", "split", "threshold"]
LAYER_COLUMNS = [*_KEY, *(one.key for one in LAYER_QUANTITIES)]


def write_statistics_of(
    files: SplitFiles,
    measurement: StageMeasurement,
    clusters: FilterClusters,
    class_names: Sequence[str],
) -> None:
    """clusters.npz, filters.csv and labels.csv of a stage on a split."""
    save_npz(
        files.clusters,
        cluster_id=clusters.cluster_id,
        ones_per_row=clusters.ones_per_row,
        threshold=np.float64(clusters.threshold),
    )
    filters = clusters.to_frame(measurement.fields)
    filters = filters.assign(labels=filters["labels"].map(json.dumps))
    write_text(files.filters, csv_text(filters))
    labels = label_table(measurement, clusters, class_names)
    write_text(files.labels, csv_text(labels))


def layer_row(
    stage: str, split: str, fields: FilterFields, clusters: FilterClusters, accuracy: float
) -> dict[str, Any]:
    """A row of layers.csv, by column."""
    return {
        "stage": stage,
        "split": split,
        "threshold": clusters.threshold,
        **layer_values(layer_statistics(clusters), fields.num_positions, accuracy),
    }


def merge_layers(files: RunFiles, rows: pd.DataFrame, depths: Mapping[str, int]) -> None:
    """Write layers.csv: these rows, and those there of other stages, splits and thresholds.

    Args:
        files: `RunFiles`.
        rows: with the columns of layers.csv.
        depths: place of each stage of `rows` in the network, by its name.

    Raises:
        InputError: if layers.csv is damaged.
    """
    # As text: kept numbers stay what they were to the last digit, and a stage may be called "1".
    table = _as_text(io.StringIO(csv_text(rows)))
    if files.layers.exists():
        table = pd.concat([_read_layers(files.layers), table], ignore_index=True)
        key = table[_KEY].assign(threshold=table["threshold"].astype(float))
        table = table[~key.duplicated(keep="last")]
    known = {**files.record.results.get("stage_order", {}), **depths}
    files.record.add_results(stage_order=known)
    place = table.assign(
        stage=table["stage"].map(known), threshold=table["threshold"].astype(float)
    )
    table = table.loc[place.sort_values(_KEY).index]
    write_text(files.layers, csv_text(table))


def with_layer_columns(layers: pd.DataFrame) -> pd.DataFrame:
    """A table of layers.csv with the columns that are written now.

    A file from before a quantity was added has no value for it.

    Raises:
        ValueError: if the columns that name a row are missing.
    """
    with_columns(layers, _KEY)
    return layers.reindex(columns=LAYER_COLUMNS)


def check_layers(layers: pd.DataFrame) -> None:
    """Refuse a table of layers.csv, as text, with cells that are none of their column.

    Raises:
        ValueError: naming the column.
    """
    for name in LAYER_COLUMNS:
        if name not in ("stage", "split"):
            # Averages over clusters are undefined where there are none.
            check_numbers(pd.to_numeric(layers[name].replace("", None)), _layer_numbers(name))


def _layer_numbers(name: str) -> Numbers:
    known = {"threshold": SHARE, "accuracy": SHARE_IF_ANY}
    return known.get(name, Numbers(optional=True))


def _read_layers(path: Path) -> pd.DataFrame:
    try:
        layers = with_layer_columns(_as_text(io.StringIO(read_content(path))))
        check_layers(layers)
    except (OSError, ValueError, TypeError) as error:
        raise damaged(path, error) from None
    return layers


def label_table(
    measurement: StageMeasurement, clusters: FilterClusters, names: Sequence[str]
) -> pd.DataFrame:
    """The table of a stage's labels.csv."""
    table = label_statistics(clusters, measurement.fields).to_frame()
    table.insert(1, "name", list(names))
    table.insert(2, "accuracy", measurement.label_accuracy)
    return table


def _as_text(source: io.StringIO) -> pd.DataFrame:
    return read_csv(source, dtype=str, keep_default_na=False)
