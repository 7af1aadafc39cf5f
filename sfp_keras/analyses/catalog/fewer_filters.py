"""Networks trained with fewer filters."""

from collections.abc import Iterator

import pandas as pd

from sfp_keras.analyses.analysis import Analysis, AnalysisPart, Scope, Tabled
from sfp_keras.analyses.subjects import Ablation
from sfp_keras.papers import PaperRemoval
from sfp_keras.reports import Column, ReportTable


def width_table(widths: pd.DataFrame, stage: str, paper: PaperRemoval | None) -> ReportTable:
    """Networks trained with fewer filters.

    Args:
        widths: `DataFrame` with the columns of widths.csv; first the run's own network.
        stage: `str`.
        paper: what paper 1 says of the layer, or `None`.
    """
    theirs = paper.trained if paper else {}
    whole = widths["accuracy"].iloc[0]
    rows = [
        {
            **row,
            "layers": str(row["layers"]).replace("-", ", ") or "as it is",
            "change": row["accuracy"] - whole if number else None,
            "paper": theirs.get(row["width"]),
        }
        for number, row in enumerate(widths.to_dict("records"))
    ]
    columns = (
        Column("layers", "layers"),
        Column("width", "filters", "d"),
        Column("network_accuracy", "network", ".4f"),
        Column("accuracy", f"head of {stage}", ".4f"),
        Column("change", "change", "+.4f"),
        *([Column("paper", "paper")] if theirs else []),
    )
    note = f"Paper: {paper.source.paper}, on CIFAR-10." if paper and theirs else ""
    return ReportTable("Networks trained with fewer filters", columns, rows, note=note)


def _parts(ablation: Ablation, widths: pd.DataFrame) -> Iterator[AnalysisPart]:
    yield Tabled("widths", width_table(widths, ablation.name, ablation.paper))


ANALYSIS = Analysis(
    "fewer_filters",
    Scope.ABLATION,
    3,
    lambda ablation: ablation.widths if len(ablation.widths) > 1 else None,
    _parts,
)
