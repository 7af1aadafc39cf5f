"""Standard errors of a layer's statistics over the images."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from sfp_keras.analyses.analysis import Analysis, AnalysisPart, ImagePass, Scope, Tabled
from sfp_keras.analyses.subjects import Split
from sfp_keras.errors import InputError
from sfp_keras.filters import LAYER_MEASURES, FilterFields, Interval, PartMeans
from sfp_keras.reports import Column, ReportTable

if TYPE_CHECKING:
    from sfp_keras.probing import Accumulator, ProbedStage


def interval_table(intervals: Mapping[str, Mapping[str, Interval]]) -> ReportTable:
    """Every number of every stage with its error, interval and bias.

    Args:
        intervals: dict from stage to a dict from a column of layers.csv to its `Interval`.

    Returns:
        A `ReportTable`.
    """
    headings = {one.key: one.heading for one in LAYER_MEASURES}
    columns = (
        Column("stage", "stage"),
        Column("quantity", "number"),
        Column("value", "value", ".4g"),
        Column("error", "standard error", ".2g", "Deviation among sets of as many other images"),
        Column("low", "from", ".4g", "Lower end of the 95% interval"),
        Column("high", "to", ".4g", "Upper end of the 95% interval"),
        Column("bias", "bias", "+.2g", "By how much endlessly many images would give less"),
    )
    rows = [
        {"stage": stage, "quantity": headings[key], **dataclasses.asdict(one)}
        for stage, of_stage in intervals.items()
        for key, one in of_stage.items()
    ]
    note = (
        "Bootstrap over the images, of parts of each label's. The interval is the value and 1.96 "
        "errors to both sides, for as many other images; the bias is what so few images add."
    )
    return ReportTable("Error bars", columns, rows, note=note)


def _accumulator(stage: ProbedStage) -> Accumulator:
    # Here, for it loads Keras.
    from sfp_keras.probing import PartMeansAccumulator

    return PartMeansAccumulator(stage)


def _finish(parts: PartMeans, fields: FilterFields) -> PartMeans:
    return parts


def _restore(arrays: Mapping[str, np.ndarray]) -> PartMeans:
    parts = PartMeans(**{name: arrays[name] for name in ("means", "counts", "correct")})
    counts, correct = parts.counts, parts.correct
    if parts.means.dtype != np.float32 or not np.isfinite(parts.means).all():
        raise InputError("means hold what is no number")
    if counts.dtype.kind not in "iu" or correct.dtype.kind not in "iu":
        raise InputError("counts are no whole numbers")
    if not ((correct >= 0) & (correct <= counts)).all():
        raise InputError("correct is not between 0 and counts")
    return parts


def _table(parts: PartMeans) -> pd.DataFrame:
    labels, numbers = np.nonzero(parts.counts)
    return pd.DataFrame(
        {
            "label": labels,
            "part": numbers,
            "images": parts.counts[labels, numbers],
            "correct": parts.correct[labels, numbers],
        }
    )


def _summary(parts: PartMeans) -> str:
    images = parts.counts[parts.counts > 0]
    if not len(images):
        return "no images"
    return f"{len(images):,} parts of {images.min()} to {images.max()} images"


def _parts(split: Split, found: Mapping[str, Mapping[str, Interval]]) -> Iterator[AnalysisPart]:
    yield Tabled("intervals", interval_table(found), folded="Error bars of all numbers")


def _compute(split: Split) -> Mapping[str, Mapping[str, Interval]] | None:
    return {stage.name: stage.intervals for stage in split.stages if stage.intervals} or None


ANALYSIS = Analysis(
    "bootstrap",
    Scope.ROBUSTNESS,
    2,
    _compute,
    _parts,
    ImagePass(_accumulator, _finish, vars, _restore, _table, _summary),
)
