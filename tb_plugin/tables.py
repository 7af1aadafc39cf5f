"""The tables of stages, curves, filters and labels."""

import contextlib
import dataclasses
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from sfp_keras.errors import InputError
from sfp_keras.filters import (
    LAYER_MEASURES,
    LayerStatistics,
    filter_columns,
    label_values,
    layer_values,
    stage_sizes,
)
from sfp_keras.monitoring import schema
from tb_plugin import columns, error_bars
from tb_plugin.analysis import Analysis, strongest_labels
from tb_plugin.answers import notice
from tb_plugin.listing import RunListing, natural
from tb_plugin.provider import UNREADABLE
from tb_plugin.reader import LogReader, Measurement

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
    """What the tab says of a stage of which the log holds numbers alone."""
    return (
        f"the log keeps no matrices of {stage}, only its numbers (view Training): a larger "
        "--monitor_mb, or max_mb of FilterMonitor, keeps them"
    )


@dataclasses.dataclass(frozen=True)
class Rows:
    """Rows of a table of stages.

    Attributes:
        rows: by stage, input side first, and step.
        notices: what could not be computed, and why.
        bars_at: thresholds at which the log has errors of some of the numbers, ascending.
    """

    rows: list[Row]
    notices: list[str]
    bars_at: list[float]


def stage_rows(
    reader: LogReader,
    analysis: Analysis,
    ctx: Any,
    listing: RunListing,
    stages: Sequence[str],
    step: int | None,
    threshold: float,
) -> Rows:
    """One row a stage measured at or before a step."""
    rows: list[Row] = []
    notices: list[str] = []
    headers: list[schema.Header] = []
    found = {stage: step_at(list(listing.stages[stage]), step) for stage in stages}
    wanted = [(stage, at) for stage, at in found.items() if at is not None]
    notices += [
        f"{listing.run}: {no_matrices(stage)}" for stage in stages if not listing.stages[stage]
    ]
    reader.read_ahead(ctx, listing, wanted)
    for stage, at in wanted:
        try:
            measurement = reader.measurement(ctx, listing, stage, at)
            statistics = analysis.layer_statistics(ctx, measurement, threshold)
        except (InputError, *UNREADABLE) as error:
            notices.append(notice(listing.run, stage, at, error))
            continue
        headers.append(measurement.header)
        rows.append(_stage_row(measurement, threshold, statistics))
    rows.sort(key=_place)
    return Rows(rows, notices, error_bars.thresholds(headers))


def curve_rows(
    reader: LogReader,
    analysis: Analysis,
    ctx: Any,
    listing: RunListing,
    stages: Sequence[str],
    threshold: float,
) -> Rows:
    """One row a step of each stage."""
    about, notices = reader.about(ctx, listing)
    scalars, more = reader.scalars(ctx, listing, stages) if stages else ({}, [])
    notices += more
    rows: list[Row] = []
    headers: list[schema.Header] = []
    wanted = [(stage, step) for stage in stages for step in listing.stages[stage]]
    reader.read_ahead(ctx, listing, wanted)
    for stage in stages:
        header = None
        if stage in listing.headers:
            # What is wrong with it is among the notices of the listing.
            with contextlib.suppress(*UNREADABLE):
                header = reader.stage_header(ctx, listing, stage)
                headers.append(header)
        exact: dict[int, Row] = {}
        for step in listing.stages[stage]:
            try:
                measurement = reader.measurement(ctx, listing, stage, step)
                header = measurement.header
                statistics = analysis.layer_statistics(ctx, measurement, threshold, keep=False)
            except (InputError, *UNREADABLE) as error:
                notices.append(notice(listing.run, stage, step, error))
                continue
            headers.append(header)
            exact[step] = {**_stage_row(measurement, threshold, statistics), "exact": True}
        for step, numbers in scalars.get(stage, {}).items():
            fitting = _computed_at(numbers, threshold, about.threshold)
            if header is not None and fitting and step not in exact:
                exact[step] = _scalar_row(header, step, threshold, numbers)
        rows.extend(row for _, row in sorted(exact.items()))
    rows.sort(key=_place)
    return Rows(rows, notices, error_bars.thresholds(headers))


def filter_table(
    analysis: Analysis,
    ctx: Any,
    measurement: Measurement,
    threshold: float,
    label: int | None,
    with_labels: bool = False,
) -> dict[str, Any]:
    """One array a column, one element a filter; with a label, filters that cluster it.

    Where asked for, `labels` is a list of each filter's clusters, each a list of labels.
    """
    # Clusters last: they are large, and while others compute, nothing large is to be held.
    of_fields = analysis.filters_of_fields(ctx, measurement)
    clusters = analysis.clusters(ctx, measurement, threshold)
    in_cluster = clusters.in_cluster
    wanted = columns.keys(columns.FILTER_COLUMNS)
    values = {
        "filter": np.arange(clusters.num_filters),
        "clustered_labels": in_cluster.sum(axis=1),
        "strongest": strongest_labels(of_fields["own_label"], clusters),
        **of_fields,
        **filter_columns(clusters, wanted),
    }
    every = slice(None) if label is None else in_cluster[:, label]
    chosen = values["filter"][every]
    table: dict[str, Any] = {key: values[key][chosen] for key in wanted}
    if with_labels:
        table["labels"] = [clusters.members(f) for f in chosen]
    return table


def label_rows(
    analysis: Analysis,
    ctx: Any,
    measurement: Measurement,
    threshold: float,
    names: Sequence[str],
) -> list[Row]:
    """One row a label."""
    header = measurement.header
    accuracy = header.label_accuracy
    unknown = np.full(len(names), np.nan)
    values = {
        "label": np.arange(len(names)),
        "name": np.array(names, object),
        "inputs": np.array(header.label_counts),
        **label_values(
            analysis.label_statistics(ctx, measurement, threshold),
            unknown if accuracy is None else accuracy,
        ),
    }
    listed = {key: values[key].tolist() for key in columns.keys(columns.LABEL_COLUMNS)}
    return [dict(zip(listed, row, strict=True)) for row in zip(*listed.values(), strict=True)]


def _stage_row(measurement: Measurement, threshold: float, statistics: LayerStatistics) -> Row:
    header = measurement.header
    values = layer_values(statistics, header.positions, header.accuracy)
    cells = _measurement_cells(header, measurement.step, threshold)
    return {**cells, **values, **error_bars.error_cells(header, threshold)}


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
    sizes = stage_sizes(header.filters, header.positions)
    found: Row = {one.key: numbers.get(one.key) for one in LAYER_MEASURES}
    for one in LAYER_MEASURES:
        value = found[one.key]
        if one.format == "d":
            found[one.key] = int(value) if value is not None and math.isfinite(value) else None
    # The header may be that of another step, whose numbers had errors of their own.
    bars = error_bars.error_cells(header, threshold) if header.step == step else {}
    cells = _measurement_cells(header, step, threshold)
    return {**cells, **sizes, **found, "exact": False, **bars}


def _measurement_cells(header: schema.Header, step: int, threshold: float) -> Row:
    return {
        "stage": header.stage,
        "depth": header.depth,
        "step": step,
        "split": header.split,
        "threshold": threshold,
    }


def _place(row: Row) -> tuple:
    return row["depth"], natural(row["stage"]), row["step"]
