"""What networks with an AFCC head cost: zeros, parameters and operations, before and after."""

from collections.abc import Iterator

import pandas as pd

from sfp_keras.analyses.analysis import Analysis, AnalysisPart, Scope, Tabled
from sfp_keras.analyses.subjects import Afcc
from sfp_keras.reports import Column, ReportTable


def network_table(networks: pd.DataFrame, stage: str) -> ReportTable:
    """Networks with the full head, the AFCC head, and smaller ones with the same outputs.

    Args:
        networks: `DataFrame` with the columns of networks.csv.
        stage: `str`.
    """
    columns = (
        Column("network", "network"),
        Column("parameters", "parameters", ",d"),
        Column("parameters_share", "share", ".1%"),
        Column("nonzero", "not zero", ",d"),
        Column("sparsity", "zeros", ".1%"),
        Column("operations", "multiply-adds", ",d"),
        Column("operations_share", "share", ".1%"),
        Column("nonzero_operations", "of nonzero weights", ",d"),
    )
    note = (
        "Multiply-adds are for one image. Of a head with zeros all are made, unless a runtime "
        "leaves zeros out. A compact head stores its kept weights alone; filters that no weight "
        "reads are removed from the layer before, where there are any."
    )
    title = f"The network that ends with the head on {stage}"
    return ReportTable(title, columns, networks.to_dict("records"), note=note)


def _parts(afcc: Afcc, networks: pd.DataFrame) -> Iterator[AnalysisPart]:
    yield Tabled(f"{afcc.name}-networks", network_table(networks, afcc.name))


ANALYSIS = Analysis(
    "afcc_networks",
    Scope.AFCC,
    2,
    lambda afcc: None if afcc.networks.empty else afcc.networks,
    _parts,
)
