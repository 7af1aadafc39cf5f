"""Appearances, sub-threshold means and ratios of summed fields, stage by stage."""

from collections.abc import Iterator, Mapping
from typing import Any

from sfp_keras.analyses.analysis import Analysis, AnalysisPart, Scope, Tabled
from sfp_keras.analyses.subjects import Split
from sfp_keras.filters import SubThresholdFields, SummedFields
from sfp_keras.papers import PaperNumbers
from sfp_keras.reports import Column, ReportTable

_Found = tuple[Mapping[str, SubThresholdFields], Mapping[str, SummedFields]]


def field_table(
    below: Mapping[str, SubThresholdFields],
    sums: Mapping[str, SummedFields],
    paper: PaperNumbers,
) -> ReportTable:
    """Appearances, sub-threshold means and ratios of paper 1's Figures 5B, 5C and 6C."""
    columns = (
        Column("stage", "stage"),
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


def _compute(split: Split) -> _Found:
    below = {stage.name: stage.sub_threshold for stage in split.stages}
    return below, {stage.name: stage.sums for stage in split.stages}


def _parts(split: Split, found: _Found) -> Iterator[AnalysisPart]:
    yield Tabled("fields", field_table(*found, split.paper))


ANALYSIS = Analysis("field_table", Scope.CLUSTERS, 4, _compute, _parts)
