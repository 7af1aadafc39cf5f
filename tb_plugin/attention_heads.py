"""Which labels the attention heads of a stage are for, at one step and over all."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from werkzeug.exceptions import NotFound

from sfp_keras.errors import InputError
from sfp_keras.filters import HeadShares, HeadSpecialization
from tb_plugin.analysis import Analysis
from tb_plugin.answers import notice
from tb_plugin.head_columns import LABEL_COLUMNS
from tb_plugin.listing import RunListing
from tb_plugin.provider import UNREADABLE
from tb_plugin.reader import LogReader, Measurement


def no_heads(stage: str) -> NotFound:
    """That a stage's filters are not nodes of attention heads."""
    return NotFound(f"{stage} is not the output of attention heads")


def label_rows(found: HeadSpecialization, names: Sequence[str]) -> list[dict[str, Any]]:
    """One row a label, as `LABEL_COLUMNS`."""
    frame = found.to_frame()
    columns: dict[str, list[Any]] = {
        "label": list(range(len(names))),
        "name": list(names),
        "nodes": found.nodes.matrix.sum(axis=0).tolist(),
    }
    for column in LABEL_COLUMNS[3:]:
        values = frame[column.key].tolist()
        # -1 is the head of a label that none has.
        columns[column.key] = [None if value == -1 else value for value in values]
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def step_rows(
    reader: LogReader,
    analysis: Analysis,
    ctx: Any,
    listing: RunListing,
    stage: str,
    threshold: float,
) -> tuple[list[dict[str, Any]], list[str]]:
    """One row a step, as `STEP_COLUMNS`, and what could not be computed."""
    rows, notices = [], []
    reader.read_ahead(ctx, listing, [(stage, step) for step in listing.stages[stage]])
    for step in listing.stages[stage]:
        try:
            measurement = reader.measurement(ctx, listing, stage, step)
            found = (
                analysis.head_specialization(ctx, measurement, threshold, keep=False)
                if measurement.header.heads
                else None
            )
        except (InputError, *UNREADABLE) as error:
            notices.append(notice(listing.run, stage, step, error))
            continue
        if found is None:
            raise no_heads(stage)
        rows.append({"step": step, **_means(found.nodes, ""), **_of_fields(found)})
    return rows, notices


def summary(measurement: Measurement, found: HeadSpecialization) -> dict[str, Any]:
    """What is said of all heads of a stage: their matrices, and how much they are experts."""
    fields = found.fields
    return {
        "step": measurement.step,
        "heads": found.num_heads,
        "nodes_per_head": found.nodes_per_head,
        "permutations": found.permutations,
        "matrix": found.nodes.matrix,
        "field_matrix": np.zeros(0) if fields is None else fields.matrix,
        "labels_led": found.nodes.labels_led,
        **_means(found.nodes, ""),
        **_of_fields(found),
    }


def _of_fields(found: HeadSpecialization) -> dict[str, float]:
    return {} if found.fields is None else _means(found.fields, "field_")


def _means(shares: HeadShares, prefix: str) -> dict[str, float]:
    return {
        f"{prefix}mean_share": shares.mean_share,
        f"{prefix}expected_mean_share": shares.expected_mean_share,
        f"{prefix}p_value": shares.p_value,
    }
