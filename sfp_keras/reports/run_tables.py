"""The tables of a run's report."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from sfp_keras.filters import (
    FILTER_QUANTITIES,
    LABEL_QUANTITIES,
    LAYER_QUANTITIES,
    FilterStatistics,
    LabelStatistics,
    LayerStatistics,
    Robustness,
    SubThresholdFields,
    SummedFields,
    filter_values,
    label_values,
)
from sfp_keras.papers import PaperNumbers
from sfp_keras.reports.cluster_figures import size_shares
from sfp_keras.reports.label_noise import signal_and_noises
from sfp_keras.reports.quantity_columns import quantity_column, quantity_columns
from sfp_keras.reports.tables import Column, ReportTable

_STAGE = Column("stage", "stage")
_OF_LAYERS = {one.key: quantity_column(one) for one in LAYER_QUANTITIES}
_AVERAGES = ("noise", "clusters", "cluster_size")
# Cluster sizes of paper 1's table; what is larger stands in one column.
_SIZES = 6


def size_table(statistics: Mapping[str, LayerStatistics], paper: PaperNumbers) -> ReportTable:
    """The table of paper 1's Figure 5A: shares of clusters of each size."""
    columns = [_STAGE, *(_OF_LAYERS[key] for key in _AVERAGES)]
    columns += [Column(f"size{n}", f"size {n}", ".4f") for n in range(1, _SIZES + 1)]
    columns += [Column("larger", "larger", ".4f")]
    keys = [column.key for column in columns[4:]]
    rows: list[dict[Any, Any]] = []
    theirs: list[dict[str, Any] | None] = []
    for stage, layer in statistics.items():
        shares = dict(zip(keys, size_shares(layer, _SIZES + 1), strict=True))
        averages = {key: getattr(layer, key) for key in _AVERAGES}
        rows.append({"stage": stage, **averages, **shares})
        printed = paper.cluster_sizes.column("shares").get(stage)
        theirs.append(dict(zip(keys, printed, strict=False)) if printed else None)
    note = "Shares are of all clusters of a stage."
    source = f"{paper.cluster_sizes.source}; rounded there"
    return ReportTable("Sizes of clusters", columns, rows, theirs, note, source)


def label_mean_table(statistics: Mapping[str, LabelStatistics], paper: PaperNumbers) -> ReportTable:
    """Averages over labels of paper 2's Figure 2."""
    kinds = (("boolean", "Boolean"), ("fields", "fields"))
    names = (
        ("signal", "signal", "signal"),
        ("noise_internal", "noise_I", "noise$_I$"),
        ("noise_internal_plus_external", "noise_I + noise_E", "noise$_I$ + noise$_E$"),
    )
    columns = [_STAGE] + [
        Column(f"{kind}_{name}", f"{word}: {text}", ".2f", f"{word}: {latex}")
        for kind, word in kinds
        for name, text, latex in names
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


def field_table(
    below: Mapping[str, SubThresholdFields],
    sums: Mapping[str, SummedFields],
    paper: PaperNumbers,
) -> ReportTable:
    """Appearances, sub-threshold means and ratios of paper 1's Figures 5B, 5C and 6C."""
    columns = (
        _STAGE,
        Column("appearances", "clusters a label", ".1f"),
        Column("cluster_mean", "field in clusters", ".3f"),
        Column("cluster_rows", "below threshold, cluster rows", ".4f"),
        Column("other_rows", "below threshold, other rows", ".4f"),
        Column("snr", "SNR of summed fields", ".1f"),
        Column("snr_of_largest", "SNR of strongest wrong unit", ".2f"),
    )
    rows: list[dict[Any, Any]] = []
    theirs: list[dict[str, Any] | None] = []
    for stage, fields in below.items():
        rows.append(
            {
                "stage": stage,
                "appearances": float(sums[stage].appearances.mean()),
                "cluster_mean": fields.cluster_mean,
                "cluster_rows": fields.cluster_rows.mean,
                "other_rows": fields.other_rows.mean,
                "snr": sums[stage].mean_snr,
                "snr_of_largest": sums[stage].mean_snr_of_largest,
            }
        )
        printed = dict(paper.fields.get(stage, {}))
        if "snr_above" in printed:
            printed["snr"] = f">{printed.pop('snr_above'):g}"
        theirs.append(printed or None)
    note = (
        "Fields are normalised to each filter's maximum, and means of normalised fields. SNR of "
        "summed fields: the field on the right output unit over the mean of the wrong ones, whole "
        "fields summed over the filters whose clusters hold the input's label. It is infinite "
        "where the wrong units' mean is not positive: on the average nothing competes with the "
        "right unit. Cross-entropy keeps the sum of a head's weights over output units near zero, "
        "so this is the rule. The ratio to the strongest wrong unit is the stricter one: above 1 "
        "these filters alone favour the right label."
    )
    source = str(paper.fields.source)
    return ReportTable("Fields below the threshold", columns, rows, theirs, note, source)


def robustness_table(robustness: Mapping[str, Sequence[Robustness]]) -> ReportTable:
    """Statistics at several thresholds, and with labels walked backwards."""
    forward = [_OF_LAYERS[key] for key in (*_AVERAGES, "snr_external")]
    columns = (
        _STAGE,
        Column("threshold", "threshold", "g"),
        *forward,
        Column("single_cluster", "filters with one cluster", ".3f"),
        *(
            Column(f"{c.key}_backwards", f"{c.heading}, reversed", c.spec, f"{c.latex}, reversed")
            for c in forward
        ),
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
        "clusters then are others. Paper 1 finds the trends unchanged for thresholds of 0.3 to 0.6."
    )
    return ReportTable("Threshold and order of labels", columns, rows, note=note)


def label_table(
    stage: str, names: Sequence[str], accuracy: np.ndarray, statistics: LabelStatistics
) -> ReportTable:
    """Every label of a stage."""
    columns = (
        Column("name", "label"),
        Column("label", "number", "d"),
        # Appearances are the signal.
        *quantity_columns(LABEL_QUANTITIES, without=("appearances",)),
    )
    values = label_values(statistics, accuracy)
    rows = [
        {
            "name": str(name),
            "label": label,
            **{column.key: float(values[column.key][label]) for column in columns[2:]},
        }
        for label, name in enumerate(names)
    ]
    return ReportTable(f"Labels, stage {stage}", columns, rows)


def filter_table(stage: str, statistics: FilterStatistics, filters: Sequence[int]) -> ReportTable:
    """The numbers of some filters of a stage.

    Args:
        stage: `str`.
        statistics: `FilterStatistics` of all filters.
        filters: the numbers of the filters shown.
    """
    columns = (Column("filter", "filter", "d"), *quantity_columns(FILTER_QUANTITIES))
    values = filter_values(statistics)
    rows = [
        {"filter": number, **{c.key: float(values[c.key][number]) for c in columns[1:]}}
        for number in filters
    ]
    return ReportTable(f"Filters shown, stage {stage}", columns, rows)
