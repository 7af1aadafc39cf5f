"""Signal and noise, averaged over the labels: counts of ones, and accumulated fields."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from sfp_keras.analyses.analysis import Analysis, AnalysisPart, Scope, Tabled
from sfp_keras.analyses.subjects import Split
from sfp_keras.filters import LabelStatistics
from sfp_keras.papers import PaperNumbers
from sfp_keras.reports import Column, ReportTable


def signal_and_noises(statistics: LabelStatistics, fields: bool = False) -> dict[str, np.ndarray]:
    """Signal, internal noise, and internal plus external noise of each label.

    Args:
        statistics: `LabelStatistics`.
        fields: `bool`, default False: counts of ones; else accumulated fields.

    Returns:
        Dict from signal, noise_internal and noise_internal_plus_external to float64 `(K,)`.

    Raises:
        ValueError: if fields are wanted and the statistics were made without.
    """
    prefix = "field_" if fields else ""
    signal, internal, external = (
        getattr(statistics, prefix + name)
        for name in ("signal", "noise_internal", "noise_external")
    )
    if signal is None:
        raise ValueError("these statistics hold no fields; pass fields to label_statistics")
    return {
        "signal": signal,
        "noise_internal": internal,
        "noise_internal_plus_external": internal + external,
    }


def label_mean_table(statistics: Mapping[str, LabelStatistics], paper: PaperNumbers) -> ReportTable:
    """Averages over labels of paper 2's Figure 2."""
    kinds = (("boolean", "Boolean"), ("fields", "fields"))
    names = (
        ("signal", "signal"),
        ("noise_internal", "noise_I"),
        ("noise_internal_plus_external", "noise_I + noise_E"),
    )
    columns = [Column("stage", "stage")] + [
        Column(f"{kind}_{name}", f"{word}: {text}", ".2f")
        for kind, word in kinds
        for name, text in names
    ]
    rows: list[dict[Any, Any]] = []
    theirs: list[dict[str, Any] | None] = []
    for stage, of_labels in statistics.items():
        row: dict[str, Any] = {"stage": stage}
        for kind, _ in kinds:
            values = signal_and_noises(of_labels, fields=kind == "fields")
            row |= {f"{kind}_{name}": float(value.mean()) for name, value in values.items()}
        rows.append(row)
        printed = paper.label_means.get(stage, {})
        means = {f"{k}_{name}": v for k, of in printed.items() for name, v in of.items()}
        theirs.append(means or None)
    note = (
        "Noises are for one wrong output unit. Fields are accumulated over the images of a label "
        "and depend on the scale of the head's weights: compare ratios, not sizes."
    )
    source = str(paper.label_means.source)
    title = "Signal and noise, averages over labels"
    return ReportTable(title, columns, rows, theirs, note, source)


def _parts(split: Split, statistics: Mapping[str, LabelStatistics]) -> Iterator[AnalysisPart]:
    yield Tabled("label-means", label_mean_table(statistics, split.paper))


ANALYSIS = Analysis(
    "label_means",
    Scope.CLUSTERS,
    3,
    lambda split: {stage.name: stage.label_statistics for stage in split.stages},
    _parts,
)
