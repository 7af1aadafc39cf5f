"""The tables of a run's report."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from sfp_keras.filters import (
    LabelStatistics,
    LayerStatistics,
    Robustness,
    SubThresholdFields,
    SummedFields,
)
from sfp_keras.reports.afcc import NAMES, with_share
from sfp_keras.reports.cluster_figures import size_shares
from sfp_keras.reports.label_noise import label_values
from sfp_keras.reports.paper import PaperFigures, PaperLayers, measured_as_papers
from sfp_keras.reports.tables import Column, ReportTable

_STAGE = Column("stage", "stage")
_NOISE = Column("noise", "noise n", ".2f", "noise $n$")
_CLUSTERS = Column("clusters", "clusters N_c", ".2f", "clusters $N_c$")
_SIZE = Column("cluster_size", "size C_s", ".2f", "size $C_s$")
_SNR_E = Column("snr_external", "SNR_E", ".1f", "SNR$_E$")
# Cluster sizes of paper 1's table; what is larger stands in one column.
_SIZES = 6


def statistics_table(layers: pd.DataFrame, split: str, paper: PaperLayers | None) -> ReportTable:
    """The papers' Table 1 for a run, input side first.

    Args:
        layers: `DataFrame` with the columns of layers.csv, of one split and threshold.
        split: `str`. Of the title.
        paper: `PaperLayers`, or None.
    """
    columns = (
        _STAGE,
        Column("filters", "filters", "d"),
        Column("outputs_per_filter", "outputs", "d"),
        Column("accuracy", "accuracy", ".3f"),
        *(_NOISE, _CLUSTERS, _SIZE),
        Column("signal", "signal", ".2f"),
        Column("noise_internal", "noise_I", ".3f", "noise$_I$"),
        Column("noise_external", "noise_E", ".3f", "noise$_E$"),
        Column("snr_internal", "SNR_I", ".1f", "SNR$_I$"),
        _SNR_E,
        Column("dead_filters", "dead", "d"),
        Column("zero_signal_labels", "no signal", "d"),
    )
    rows = layers.to_dict("records")
    theirs = [paper.row(str(row["stage"])) if paper else None for row in rows]
    threshold = float(layers["threshold"].iloc[0])
    note = (
        "Noise n, N_c and C_s are averages over filters; signal, noises and ratios follow from "
        "equations 1-4 of paper 2. Dead: filters whose fields are nowhere positive. No signal: "
        "labels in no cluster."
    )
    if paper and any(theirs):
        note += f" Paper: {paper.source}; its signal, noises and ratios by the same equations."
    title = f"Single-filter performance on the {split} set, threshold {threshold:g}"
    return ReportTable(title, columns, rows, theirs, note)


def size_table(statistics: Mapping[str, LayerStatistics], paper: PaperFigures) -> ReportTable:
    """The table of paper 1's Figure 5A: shares of clusters of each size."""
    columns = [_STAGE, _NOISE, _CLUSTERS, _SIZE]
    columns += [Column(f"size{n}", f"size {n}", ".4f") for n in range(1, _SIZES + 1)]
    columns += [Column("larger", "larger", ".4f")]
    keys = [column.key for column in columns[4:]]
    rows: list[dict[Any, Any]] = []
    theirs: list[dict[str, Any] | None] = []
    for stage, layer in statistics.items():
        shares = dict(zip(keys, size_shares(layer, _SIZES + 1), strict=True))
        averages = {key: getattr(layer, key) for key in ("noise", "clusters", "cluster_size")}
        rows.append({"stage": stage, **averages, **shares})
        printed = paper.size_fractions.get(stage)
        theirs.append(dict(zip(keys, printed, strict=False)) if printed else None)
    note = "Shares are of all clusters of a stage."
    if any(theirs):
        note += " Paper: Tzach et al. 2023, arXiv:2305.18078, Figure 5A; rounded there."
    return ReportTable("Sizes of clusters", columns, rows, theirs, note)


def label_mean_table(statistics: Mapping[str, LabelStatistics], paper: PaperFigures) -> ReportTable:
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
            values = label_values(of_labels, fields=kind == "fields")
            row |= {f"{kind}_{name}": float(value.mean()) for name, value in values.items()}
        rows.append(row)
        printed = paper.label_means.get(stage, {})
        means = {f"{k}_{name}": v for k, of in printed.items() for name, v in of.items()}
        theirs.append(means or None)
    note = (
        "Noises are for one wrong output unit. Fields are accumulated over the images of a label "
        "and depend on the scale of the head's weights: compare ratios, not sizes."
    )
    if any(theirs):
        note += " Paper: Meir et al. 2023, arXiv:2309.07537, Figure 2."
    return ReportTable("Signal and noise, averages over labels", columns, rows, theirs, note)


def field_table(
    below: Mapping[str, SubThresholdFields],
    sums: Mapping[str, SummedFields],
    paper: PaperFigures,
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
        printed: dict[str, Any] = {}
        if stage in paper.appearances:
            printed["appearances"] = paper.appearances[stage]
        if stage in paper.snr_above:
            printed["snr"] = f">{paper.snr_above[stage]:g}"
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
    if any(theirs):
        note += " Paper: Tzach et al. 2023, arXiv:2305.18078, Figures 5B and 6C."
    return ReportTable("Fields below the threshold", columns, rows, theirs, note)


def robustness_table(robustness: Mapping[str, Sequence[Robustness]]) -> ReportTable:
    """Statistics at several thresholds, and with labels walked backwards."""
    forward = (_NOISE, _CLUSTERS, _SIZE, _SNR_E)
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
        Column("accuracy", "accuracy", ".3f"),
        Column("signal", "signal", ".0f"),
        Column("noise_internal", "noise_I", ".2f", "noise$_I$"),
        Column("noise_external", "noise_E", ".2f", "noise$_E$"),
        Column("field_signal", "field signal", ".1f"),
        Column("field_noise_internal", "field noise_I", ".2f", "field noise$_I$"),
        Column("field_noise_external", "field noise_E", ".2f", "field noise$_E$"),
    )
    keys = [column.key for column in columns[3:]]
    rows = [
        {
            "name": str(name),
            "label": label,
            "accuracy": float(accuracy[label]),
            **{key: float(getattr(statistics, key)[label]) for key in keys},
        }
        for label, name in enumerate(names)
    ]
    return ReportTable(f"Labels, stage {stage}", columns, rows)


def afcc_table(results: pd.DataFrame, stage: str, paper: Mapping[str, float] | None) -> ReportTable:
    """AFCC and its controls.

    Args:
        results: `DataFrame` with the columns of results.csv.
        stage: `str`.
        paper: an entry of `sfp_keras.reports.afcc.PAPER`, or None; it stands below the first
            row of the paper's kind: clusters of the test images at threshold 0.3.
    """
    columns = (
        Column("name", "head"),
        Column("clusters_from", "clusters of"),
        Column("threshold", "threshold", "g"),
        Column("kept", "weights kept", ",d"),
        Column("total", "of", ",d"),
        Column("share", "share", ".1%"),
        Column("accuracy_before", "before", ".4f"),
        Column("accuracy_zeroed", "zeroed", ".4f"),
        Column("accuracy_after", "after", ".4f"),
    )
    rows: list[dict[Any, Any]] = []
    theirs: list[dict[str, Any] | None] = []
    for row in results.to_dict("records"):
        masked = row["variant"] != "full"
        named = {"name": NAMES.get(row["variant"], row["variant"])}
        share = {"share": row["kept"] / row["total"]}
        rows.append({**row, **named, **share, "threshold": row["threshold"] if masked else None})
        alike = measured_as_papers(row["clusters_from"], row["threshold"])
        same = row["variant"] == "clusters" and alike
        of_paper = paper is not None and same and not any(theirs)
        theirs.append(with_share(paper) if paper and of_paper else None)
    note = "Test accuracies: of the head before, just after zeroing, and after fine-tuning."
    if any(theirs):
        note += " Paper: Meir et al. 2023, arXiv:2309.07537."
    return ReportTable(f"AFCC of {stage}", columns, rows, theirs, note)
