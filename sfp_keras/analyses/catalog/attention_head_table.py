"""Attention heads against heads of random nodes, for every stage that has heads."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from sfp_keras.analyses.analysis import Analysis, AnalysisPart, Scope, Tabled
from sfp_keras.analyses.subjects import Split
from sfp_keras.filters import HeadShares, HeadSpecialization
from sfp_keras.reports import Column, ReportTable

_SHARES = (
    ("share", "mean share", ".3f", "Share of a label's leading head in it, mean over labels"),
    ("expected_share", "of random nodes", ".3f", "The same of heads whose nodes are random"),
    ("p_value", "p", ".4f", "How often random heads have as large a mean, or a larger one"),
)
_COLUMNS = (
    Column("stage", "stage"),
    Column("heads", "heads", "d"),
    Column("nodes", "nodes a head", "d"),
    Column("labels", "labels", "d", "Labels in a cluster of a node"),
    Column("equal", "1 / heads", ".3f"),
    *(Column(key, heading, spec, hint) for key, heading, spec, hint in _SHARES),
    *(
        Column(f"field_{key}", f"fields: {heading}", spec, f"{hint}; by fields")
        for key, heading, spec, hint in _SHARES
    ),
    Column("most_led", "most labels led", ".3g", "Labels led by the head that leads most"),
    Column("leading", "heads that lead", "d", "Heads that lead a label"),
)


def attention_head_table(found: Mapping[str, HeadSpecialization], images: str) -> ReportTable:
    """A row for each stage of attention heads.

    Args:
        found: dict from stage to its `HeadSpecialization`, input side first.
        images: `str`. The split measured.
    """
    rows = [
        {
            "stage": stage,
            "heads": heads.num_heads,
            "nodes": heads.nodes_per_head,
            "labels": int((heads.nodes.leading_head >= 0).sum()),
            "equal": 1 / heads.num_heads,
            **_row(heads.nodes, ""),
            **(_row(heads.fields, "field_") if heads.fields else {}),
            "most_led": heads.nodes.labels_led.max(),
            "leading": int((heads.nodes.labels_led > 0).sum()),
        }
        for stage, heads in found.items()
    ]
    return ReportTable(f"Attention heads, {images} images", _COLUMNS, rows)


def _row(shares: HeadShares, prefix: str) -> dict[str, Any]:
    return {
        f"{prefix}share": shares.mean_share,
        f"{prefix}expected_share": shares.expected_mean_share,
        f"{prefix}p_value": shares.p_value,
    }


def _compute(split: Split) -> dict[str, HeadSpecialization] | None:
    found = {stage.name: stage.head_specialization for stage in split.stages}
    return {name: heads for name, heads in found.items() if heads is not None} or None


def _parts(split: Split, found: Mapping[str, HeadSpecialization]) -> Iterator[AnalysisPart]:
    yield Tabled("attention-heads", attention_head_table(found, split.name))


ANALYSIS = Analysis("attention_head_table", Scope.CLUSTERS, 5, _compute, _parts)
