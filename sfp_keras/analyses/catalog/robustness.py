"""Statistics at several thresholds, and with the labels in the reverse order."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sfp_keras.analyses.analysis import Analysis, AnalysisPart, Scope, Tabled
from sfp_keras.analyses.subjects import Split
from sfp_keras.filters import LAYER_QUANTITIES, Robustness, layer_robustness
from sfp_keras.papers import cited
from sfp_keras.reports import Column, ReportTable, quantity_column

_STATISTICS = ("noise", "clusters", "cluster_size", "snr_external")


def robustness_table(robustness: Mapping[str, Sequence[Robustness]]) -> ReportTable:
    """Statistics at several thresholds, and with labels walked backwards."""
    of_layers = {one.key: quantity_column(one) for one in LAYER_QUANTITIES}
    forward = [of_layers[key] for key in _STATISTICS]
    columns = (
        Column("stage", "stage"),
        Column("threshold", "threshold", "g"),
        *forward,
        Column("single_cluster", "filters with one cluster", ".3f"),
        *(Column(f"{c.key}_backwards", f"{c.heading}, reversed", c.spec) for c in forward),
        Column("regrouped", "filters regrouped", ".3f"),
    )
    rows = []
    for stage, at in robustness.items():
        for one in at:
            row: dict[str, Any] = {"stage": stage, "threshold": one.threshold}
            for column in forward:
                row[column.key] = getattr(one.statistics, column.key)
                row[f"{column.key}_backwards"] = getattr(one.backwards, column.key)
            rows.append({**row, "single_cluster": one.single_cluster, "regrouped": one.regrouped})
    note = (
        "Reversed: labels walked from the last to the first; regrouped: share of filters whose "
        "clusters then are others. "
        f"{cited('paper 1')} finds the trends unchanged for thresholds of 0.3 to 0.6."
    )
    return ReportTable("Threshold and order of labels", columns, rows, note=note)


def _parts(split: Split, found: Mapping[str, Sequence[Robustness]]) -> Iterator[AnalysisPart]:
    yield Tabled("robustness", robustness_table(found))


ANALYSIS = Analysis(
    "robustness",
    Scope.ROBUSTNESS,
    1,
    lambda split: {stage.name: layer_robustness(stage.fields) for stage in split.stages},
    _parts,
)
