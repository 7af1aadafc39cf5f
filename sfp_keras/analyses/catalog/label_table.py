"""Every label of a stage."""

from collections.abc import Iterator, Sequence

import numpy as np

from sfp_keras.analyses.analysis import Analysis, AnalysisPart, Scope, Tabled
from sfp_keras.analyses.subjects import MOST_LABELS, Stage
from sfp_keras.filters import LABEL_QUANTITIES, LabelStatistics, label_values
from sfp_keras.reports import Column, ReportTable, quantity_columns


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


def _compute(stage: Stage) -> LabelStatistics | None:
    return stage.label_statistics if len(stage.names) <= MOST_LABELS else None


def _parts(stage: Stage, statistics: LabelStatistics) -> Iterator[AnalysisPart]:
    table = label_table(stage.name, stage.names, stage.label_accuracy, statistics)
    yield Tabled("labels", table, folded="every label")


ANALYSIS = Analysis("label_table", Scope.STAGE, 6, _compute, _parts)
