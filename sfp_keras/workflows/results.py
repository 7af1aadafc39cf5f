"""The result files of a run directory: heads, fields, clusters and their tables."""

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from sfp_keras.data import ImageDataset
from sfp_keras.errors import InputError
from sfp_keras.files import save_npz, write_text
from sfp_keras.filters import (
    LAYER_QUANTITIES,
    FilterClusters,
    FilterFields,
    filter_statistics,
    filter_values,
    find_clusters,
    label_statistics,
    label_values,
    layer_statistics,
    layer_values,
)
from sfp_keras.probing import Stage, StageMeasurement
from sfp_keras.runs.stage_results import read_measurement
from sfp_keras.workflows.experiment_run import ExperimentRun

LAYER_COLUMNS = ["stage", "split", "threshold", *(one.key for one in LAYER_QUANTITIES)]


def analyse(
    run: ExperimentRun, stages: list[Stage], dataset: ImageDataset, order: dict[str, int]
) -> pd.DataFrame:
    """Clusters, noise and statistics of every stage and split asked for.

    Args:
        run: `ExperimentRun`.
        stages: the stages, all measured.
        dataset: where the labels' names come from.
        order: dict from a stage's path to its place in the network.

    Returns:
        The rows of layers.csv of this call, input side first.
    """
    threshold = run.experiment.analysis.threshold
    rows = []
    for stage in stages:
        for split in run.experiment.analysis.split:
            measurement = read_measurement(run, stage.name, split)
            clusters = find_clusters(measurement.fields, threshold)
            files = run.stage(stage.name).split(split)
            save_npz(
                files.clusters,
                cluster_id=clusters.cluster_id,
                ones_per_row=clusters.ones_per_row,
                threshold=np.float64(threshold),
            )
            write_text(
                files.filters, _filter_table(measurement.fields, clusters).to_csv(index=False)
            )
            labels = _label_table(measurement, clusters, dataset.class_names)
            write_text(files.labels, labels.to_csv(index=False))
            fields, accuracy = measurement.fields, measurement.accuracy
            rows.append(layer_row(stage.name, split, fields, clusters, accuracy))
    layers = pd.DataFrame(rows, columns=LAYER_COLUMNS)
    _merge_layers(run, stages, layers, order)
    return layers


def _filter_table(fields: FilterFields, clusters: FilterClusters) -> pd.DataFrame:
    values = filter_values(filter_statistics(clusters, fields))
    columns = {
        key: [json.dumps(value) for value in column] if isinstance(column, list) else column
        for key, column in values.items()
    }
    return pd.DataFrame({"filter": np.arange(fields.num_filters), **columns})


def _label_table(
    measurement: StageMeasurement, clusters: FilterClusters, names: tuple[str, ...]
) -> pd.DataFrame:
    statistics = label_statistics(clusters, measurement.fields)
    values = label_values(statistics, measurement.label_accuracy)
    return pd.DataFrame({"label": np.arange(len(names)), "name": names, **values})


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


def _merge_layers(
    run: ExperimentRun, stages: list[Stage], new: pd.DataFrame, order: dict[str, int]
) -> None:
    """Write layers.csv: the new rows, and those of other stages, splits and thresholds."""
    # As text: kept numbers stay what they were to the last digit, and a stage may be called "1".
    table = _as_text(io.StringIO(new.to_csv(index=False)))
    key = ["stage", "split", "threshold"]
    if run.layers.exists():
        try:
            old = _as_text(run.layers)[LAYER_COLUMNS]
            old["threshold"].astype(float)
        except (ValueError, KeyError, PermissionError) as error:
            raise InputError(
                f"{run.layers} is damaged ({error}); delete it and run again"
            ) from None
        table = pd.concat([old, table], ignore_index=True).drop_duplicates(key, keep="last")
    depth = {stage.name: order[stage.path] for stage in stages}
    depth = {**run.record.read().get("results", {}).get("stage_order", {}), **depth}
    run.record.add_results(stage_order=depth)
    place = table.assign(
        stage=table["stage"].map(depth), threshold=table["threshold"].astype(float)
    )
    table = table.loc[place.sort_values(key).index]
    write_text(run.layers, table.to_csv(index=False))


def _as_text(source: Path | io.StringIO) -> pd.DataFrame:
    return pd.read_csv(source, dtype=str, keep_default_na=False)
