"""The result files of a run directory: heads, fields, clusters and their tables."""

import dataclasses
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from sfp_keras.data import ImageDataset
from sfp_keras.errors import InputError
from sfp_keras.files import load_npz, save_npz, write_text
from sfp_keras.filters import (
    LAYER_QUANTITIES,
    FilterClusters,
    FilterDecisions,
    FilterFields,
    filter_statistics,
    filter_values,
    find_clusters,
    label_statistics,
    label_values,
    layer_statistics,
    layer_values,
)
from sfp_keras.probing import Head, Stage, StageMeasurement
from sfp_keras.run_directory import RunDirectory

LAYER_COLUMNS = ["stage", "split", "threshold", *(one.key for one in LAYER_QUANTITIES)]


# What decisions.npz calls an attribute of `FilterDecisions`.
_IN_FILE = {"correct": "right"}


def write_head(run: RunDirectory, stage: str, head: Head) -> None:
    """head.csv, then head.npz, whose presence says that the head is finished."""
    files = run.stage(stage)
    write_text(files.curve, pd.DataFrame(head.history).to_csv(index=False))
    save_npz(
        files.head,
        kernel=head.kernel,
        position_shape=np.array(head.position_shape, np.int64),
    )


def read_head(run: RunDirectory, stage: str) -> np.ndarray:
    """The (P, F, K) kernel of a finished head."""
    return load_npz(run.stage(stage).head, "kernel")["kernel"]


def write_fields(run: RunDirectory, stage: str, split: str, measurement: StageMeasurement) -> None:
    """fields.npz: mean stage outputs by label, how many images, how many classified rightly."""
    save_npz(
        run.stage(stage).split(split).fields,
        features=measurement.fields.features,
        label_counts=measurement.fields.label_counts,
        correct=measurement.correct,
    )


def read_measurement(run: RunDirectory, stage: str, split: str) -> StageMeasurement:
    """What `write_fields` and `write_head` wrote."""
    files = run.stage(stage)
    head = load_npz(files.head, "kernel", "position_shape")
    saved = load_npz(files.split(split).fields, "features", "label_counts", "correct")
    try:
        fields = FilterFields(
            saved["features"],
            head["kernel"],
            saved["label_counts"],
            tuple(int(n) for n in head["position_shape"]),
        )
    except InputError as error:
        raise InputError(
            f"{files.split(split).fields} and {files.head} do not fit ({error}); delete both and "
            "run again"
        ) from None
    return StageMeasurement(fields, saved["correct"])


def write_decisions(run: RunDirectory, stage: str, split: str, decisions: FilterDecisions) -> None:
    """decisions.csv, then decisions.npz, whose presence says that they are finished."""
    files = run.stage(stage).split(split)
    table = pd.DataFrame(
        {
            "filter": np.arange(len(decisions.correct)),
            "accuracy": decisions.accuracy,
            "accuracy_of_active": decisions.accuracy_of_active,
            "share_of_favourite": decisions.share_of_favourite,
            "active": decisions.by_input.sum(1) / max(decisions.inputs, 1),
        }
    )
    write_text(files.decided, table.to_csv(index=False))
    # The matrices are the most of it: 64 MB as int32 for 16 filters and 1,000 labels.
    arrays = {**vars(decisions), "counts": decisions.counts.astype(np.int32)}
    save_npz(files.decisions, **{_IN_FILE.get(name, name): array for name, array in arrays.items()})


def read_decisions(run: RunDirectory, stage: str, split: str) -> FilterDecisions:
    """What `write_decisions` wrote."""
    names = [field.name for field in dataclasses.fields(FilterDecisions)]
    in_file = [_IN_FILE.get(name, name) for name in names]
    saved = load_npz(run.stage(stage).split(split).decisions, *in_file)
    return FilterDecisions(
        **{name: saved[key].astype(np.int64) for name, key in zip(names, in_file, strict=True)}
    )


def analyse(
    run: RunDirectory, stages: list[Stage], dataset: ImageDataset, order: dict[str, int]
) -> pd.DataFrame:
    """Clusters, noise and statistics of every stage and split asked for.

    Args:
        run: `RunDirectory`.
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
    run: RunDirectory, stages: list[Stage], new: pd.DataFrame, order: dict[str, int]
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
    depth = {**run.read().get("results", {}).get("stage_order", {}), **depth}
    run.record(stage_order=depth)
    place = table.assign(
        stage=table["stage"].map(depth), threshold=table["threshold"].astype(float)
    )
    table = table.loc[place.sort_values(key).index]
    write_text(run.layers, table.to_csv(index=False))


def _as_text(source: Path | io.StringIO) -> pd.DataFrame:
    return pd.read_csv(source, dtype=str, keep_default_na=False)
