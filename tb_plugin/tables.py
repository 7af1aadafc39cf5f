"""The tables of layers, curves, filters and labels: columns named as in the run's CSV files."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from werkzeug.exceptions import UnprocessableEntity

from sfp_keras.errors import InputError
from sfp_keras.filters import LayerStatistics
from sfp_keras.monitoring import schema
from tb_plugin.analysis import Analysis
from tb_plugin.listing import RunListing, natural
from tb_plugin.reader import LogReader, Measurement

STATISTICS = (
    *("noise", "noise_clustered", "clusters", "cluster_size", "signal"),
    *("noise_internal", "noise_external", "snr_internal", "snr_external"),
    *("dead_filters", "zero_signal_labels"),
)
LAYER_COLUMNS = (
    *("stage", "depth", "step", "split", "threshold", "filters", "outputs_per_filter"),
    *("fc_inputs", "accuracy", *STATISTICS),
)
CURVE_COLUMNS = (*LAYER_COLUMNS, "exact")
FILTER_COLUMNS = (
    *("filter", "noise", "clusters", "cluster_size", "maximum", "dead", "clustered_labels"),
)
LABEL_COLUMNS = (
    *("label", "name", "inputs", "accuracy", "appearances"),
    *("signal", "noise_internal", "noise_external"),
    *("field_signal", "field_noise_internal", "field_noise_external"),
)
_COUNTS = ("dead_filters", "zero_signal_labels")

Row = dict[str, Any]


def step_at(steps: Sequence[int], step: int | None) -> int | None:
    """The last of ascending steps that is not after `step`, or `None`."""
    before = [known for known in steps if step is None or known <= step]
    return before[-1] if before else None


def label_names(about: schema.About, labels: int) -> list[str]:
    """The names of the labels; their numbers where the log does not name all."""
    if len(about.labels) == labels:
        return list(about.labels)
    return [str(label) for label in range(labels)]


def no_matrices(stage: str) -> str:
    """What to tell of a stage whose numbers alone are in the log."""
    return (
        f"the log keeps no matrices of {stage}, only its numbers (view Training): a larger "
        "--monitor_mb, or max_mb of FilterMonitor, keeps them"
    )


def layer_rows(
    reader: LogReader,
    analysis: Analysis,
    ctx: Any,
    listing: RunListing,
    step: int | None,
    threshold: float,
) -> tuple[list[Row], list[str]]:
    """One row a stage measured at or before a step, and what could not be computed."""
    rows: list[Row] = []
    notices: list[str] = []
    found = {stage: step_at(list(steps), step) for stage, steps in listing.stages.items()}
    wanted = [(stage, at) for stage, at in found.items() if at is not None]
    notices += [
        f"{listing.run}: {no_matrices(stage)}"
        for stage, steps in listing.stages.items()
        if not steps
    ]
    reader.read_ahead(ctx, listing, wanted)
    for stage, at in wanted:
        try:
            measurement = reader.measurement(ctx, listing, stage, at)
            statistics = analysis.layer(ctx, measurement, threshold)
        except (InputError, UnprocessableEntity) as error:
            notices.append(_notice(listing, stage, at, error))
            continue
        rows.append(_layer_row(measurement, threshold, statistics))
    rows.sort(key=_place)
    return rows, notices


def curve_rows(
    reader: LogReader,
    analysis: Analysis,
    ctx: Any,
    listing: RunListing,
    stages: Sequence[str],
    threshold: float,
) -> tuple[list[Row], list[str]]:
    """One row a step of each stage, and what could not be computed."""
    about, notices = reader.about(ctx, listing)
    scalars = reader.scalars(ctx, listing, stages) if stages else {}
    rows: list[Row] = []
    wanted = [(stage, step) for stage in stages for step in listing.stages[stage]]
    reader.read_ahead(ctx, listing, wanted)
    for stage in stages:
        header = None
        if stage in listing.headers:
            header = reader.stage_header(ctx, listing, stage)
        exact: dict[int, Row] = {}
        for step in listing.stages[stage]:
            try:
                measurement = reader.measurement(ctx, listing, stage, step)
                header = measurement.header
                statistics = analysis.layer(ctx, measurement, threshold, keep=False)
            except (InputError, UnprocessableEntity) as error:
                notices.append(_notice(listing, stage, step, error))
                continue
            exact[step] = {**_layer_row(measurement, threshold, statistics), "exact": True}
        for step, numbers in scalars.get(stage, {}).items():
            own = _computed_at(numbers, threshold, about.threshold)
            if header is not None and own and step not in exact:
                exact[step] = _scalar_row(header, step, threshold, numbers)
        rows.extend(row for _, row in sorted(exact.items()))
    rows.sort(key=_place)
    return rows, notices


def filter_columns(
    analysis: Analysis,
    ctx: Any,
    measurement: Measurement,
    threshold: float,
    label: int | None,
) -> dict[str, np.ndarray]:
    """One array a column, one element a filter; with a label, filters that cluster it."""
    # Clusters last: they are large, and nothing large is to be held while others have their turn.
    maxima = analysis.maxima(ctx, measurement)
    clusters = analysis.clusters(ctx, measurement, threshold)
    in_cluster = clusters.in_cluster
    counts = clusters.num_clusters
    clustered = in_cluster.sum(axis=1)
    columns = (
        np.arange(clusters.num_filters),
        clusters.noise,
        counts,
        np.divide(clustered, counts, out=np.full(len(counts), np.nan), where=counts > 0),
        maxima,
        maxima <= 0,
        clustered,
    )
    chosen = slice(None) if label is None else in_cluster[:, label]
    return {name: column[chosen] for name, column in zip(FILTER_COLUMNS, columns, strict=True)}


def label_rows(
    analysis: Analysis,
    ctx: Any,
    measurement: Measurement,
    threshold: float,
    names: Sequence[str],
) -> list[Row]:
    """One row a label."""
    statistics = analysis.labels(ctx, measurement, threshold)
    header = measurement.header
    accuracy = header.label_accuracy
    columns = (
        range(len(names)),
        names,
        header.label_counts,
        [math.nan] * len(names) if accuracy is None else accuracy.tolist(),
        *(_listed(getattr(statistics, name)) for name in LABEL_COLUMNS[4:]),
    )
    return [dict(zip(LABEL_COLUMNS, row, strict=True)) for row in zip(*columns, strict=True)]


def _layer_row(measurement: Measurement, threshold: float, statistics: LayerStatistics) -> Row:
    numbers = {name: getattr(statistics, name) for name in STATISTICS}
    header = measurement.header
    return {**_stage_cells(header, measurement.step, threshold, header.accuracy), **numbers}


def _computed_at(numbers: Mapping[str, float], threshold: float, otherwise: float) -> bool:
    """Whether scalars were computed at a threshold; `otherwise` is that of those that name none."""
    if schema.THRESHOLD_SCALAR not in numbers:
        return threshold == otherwise
    # Scalars are rounded to float32.
    return np.float32(threshold) == np.float32(numbers[schema.THRESHOLD_SCALAR])


def _scalar_row(
    header: schema.Header, step: int, threshold: float, numbers: Mapping[str, float]
) -> Row:
    """A row of rounded numbers, of a step whose factors were not kept."""
    found: Row = {name: numbers.get(name) for name in STATISTICS}
    for name in _COUNTS:
        value = found[name]
        found[name] = int(value) if value is not None and math.isfinite(value) else None
    cells = _stage_cells(header, step, threshold, numbers.get("accuracy"))
    return {**cells, **found, "exact": False}


def _stage_cells(header: schema.Header, step: int, threshold: float, accuracy: float | None) -> Row:
    return {
        "stage": header.stage,
        "depth": header.depth,
        "step": step,
        "split": header.split,
        "threshold": threshold,
        "filters": header.filters,
        "outputs_per_filter": header.positions,
        "fc_inputs": header.positions * header.filters,
        "accuracy": accuracy,
    }


def _listed(column: np.ndarray | None) -> list[Any]:
    assert column is not None  # Fields were given, so no column is left out.
    return column.tolist()


def _place(row: Row) -> tuple:
    return row["depth"], natural(row["stage"]), row["step"]


def _notice(
    listing: RunListing, stage: str, step: int, error: InputError | UnprocessableEntity
) -> str:
    if isinstance(error, UnprocessableEntity):
        return str(error.description)
    return f"{listing.run}: {stage} at step {step}: {error}"
