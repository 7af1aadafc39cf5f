"""How much it matters where attention heads are silenced, for every stage of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from sfp_keras.analyses.analysis import Analysis, AnalysisPart, Scope, Tabled
from sfp_keras.analyses.subjects import Split, Stage
from sfp_keras.filters import layer_statistics
from sfp_keras.reports import Column, ReportTable

DIFFERENCE = "Frobenius norm of the difference of a head's two matrices over that of the first"
CHANGED = "share of elements of a head's clipped matrix that differ"
# Of silencing: in names of columns, and in words.
WAYS = (("after_pooling", "after the pooling"), ("at_input", "at the input"))
_COLUMNS = (
    Column("stage", "stage"),
    Column("heads", "heads", "d"),
    *(
        Column(f"{key}_{way}", f"{heading} {words}", ".3g", f"{hint}, others silenced {words}")
        for key, heading, hint in (
            ("noise", "n", "Noise of a head"),
            ("clusters", "N_c", "Clusters of a head"),
            ("cluster_size", "C_s", "Labels of a cluster"),
        )
        for way, words in WAYS
    ),
    Column("difference", "difference", ".3f", f"{DIFFERENCE}, mean over heads"),
    Column("largest_difference", "largest", ".3f", f"{DIFFERENCE}, largest of a head"),
    Column("changed", "changed", ".3f", f"Mean {CHANGED}"),
)


def _row(stage: Stage) -> dict[str, Any]:
    silenced, found = stage.silenced_heads, stage.silenced_clusters
    assert silenced is not None
    assert found is not None
    row: dict[str, Any] = {"stage": stage.name, "heads": found[0].num_filters}
    for (way, _), clusters in zip(WAYS, found, strict=True):
        statistics = layer_statistics(clusters)
        row[f"noise_{way}"] = statistics.noise
        row[f"clusters_{way}"] = statistics.clusters
        row[f"cluster_size_{way}"] = statistics.cluster_size
    known = silenced.difference[~np.isnan(silenced.difference)]
    row["difference"] = silenced.mean_difference
    row["largest_difference"] = known.max() if known.size else np.nan
    row["changed"] = silenced.changed(stage.clusters.threshold).mean()
    return row


def _compute(split: Split) -> list[Stage] | None:
    return [stage for stage in split.stages if stage.silenced_heads is not None] or None


def _parts(split: Split, stages: Sequence[Stage]) -> Iterator[AnalysisPart]:
    note = (
        "Other heads are silenced after the pooling, which they still steer, or at the input, "
        "where its weights are the head's own. Noise n, N_c and C_s are averages over heads; "
        f"difference: {DIFFERENCE}, mean and largest; changed: "
        f"{CHANGED}."
    )
    table = ReportTable(
        f"Heads silenced at the input, {split.name} images, threshold "
        f"{stages[0].clusters.threshold:g}",
        _COLUMNS,
        [_row(stage) for stage in stages],
        note=note,
    )
    yield Tabled("heads-at-input", table)


ANALYSIS = Analysis("heads_at_input_table", Scope.CLUSTERS, 8, _compute, _parts)
