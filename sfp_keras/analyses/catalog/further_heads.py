"""Several heads of each stage: the deviation over their seeds, and chance."""

from collections.abc import Iterator

import pandas as pd

from sfp_keras.analyses.analysis import Analysis, AnalysisPart, Scope, Tabled
from sfp_keras.analyses.subjects import Run
from sfp_keras.reports import head_table


def _compute(run: Run) -> pd.DataFrame | None:
    return None if run.further_heads.empty else run.further_heads


def _parts(run: Run, heads: pd.DataFrame) -> Iterator[AnalysisPart]:
    for split in run.splits:
        if (heads["split"] == split.name).any():
            yield Tabled(f"{split.name}-heads", head_table(heads, split.name))


ANALYSIS = Analysis("further_heads", Scope.LAYERS, 2, _compute, _parts)
