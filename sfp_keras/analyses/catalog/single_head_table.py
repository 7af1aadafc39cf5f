"""Single-head performance of every stage of attention heads: the layer table of whole heads."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

import pandas as pd

from sfp_keras.analyses.analysis import Analysis, AnalysisPart, Scope, Tabled
from sfp_keras.analyses.subjects import Split
from sfp_keras.papers import PaperNumbers
from sfp_keras.reports import layer_table


def _compute(split: Split) -> pd.DataFrame | None:
    heads = [stage.single_heads for stage in split.stages]
    rows = [stage.row for stage in heads if stage is not None]
    return pd.DataFrame(rows) if rows else None


def _parts(split: Split, rows: pd.DataFrame) -> Iterator[AnalysisPart]:
    table = layer_table(
        rows, split.name, PaperNumbers(), kinds=dict.fromkeys(rows["stage"], "head")
    )
    note = (
        "Whole attention heads in the place of nodes: of each, the nodes of all other heads are "
        "silenced. Noise n, N_c and C_s are averages over heads."
    )
    yield Tabled("single-heads", dataclasses.replace(table, note=note))


ANALYSIS = Analysis("single_head_table", Scope.CLUSTERS, 7, _compute, _parts)
