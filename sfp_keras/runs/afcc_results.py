"""results.csv of AFCC: a row for each head that was zeroed and fine-tuned."""

from typing import Any, NamedTuple

import pandas as pd

from sfp_keras.csv_files import csv_text
from sfp_keras.files import write_text
from sfp_keras.runs.stage_files import AfccFiles
from sfp_keras.runs.tables import COUNT, NUMBER, SHARE, TEXT, read_table

_COLUMNS = {
    **{"variant": TEXT, "clusters_from": TEXT, "threshold": SHARE, "kept": COUNT, "total": COUNT},
    **dict.fromkeys(("accuracy_before", "accuracy_zeroed", "accuracy_after"), SHARE),
    "epochs": COUNT,
}
COLUMNS = list(_COLUMNS)
_NETWORKS = {
    **{"network": TEXT, "parameters": COUNT, "nonzero": COUNT, "sparsity": SHARE},
    **dict.fromkeys(("operations", "nonzero_operations"), COUNT),
    **dict.fromkeys(("parameters_share", "operations_share"), NUMBER),
}


class ZeroedHead(NamedTuple):
    """What distinguishes a zeroed head of a stage.

    Attributes:
        variant: `str`. What is kept.
        images: `str`. The split its clusters come from; empty for the full head.
        threshold: `float`. Of the clusters; 0 for the full head.
    """

    variant: str
    images: str = ""
    threshold: float = 0.0


def read_afcc(files: AfccFiles) -> pd.DataFrame:
    """The rows of results.csv; none where the file is missing.

    Raises:
        InputError: if it is damaged.
    """
    if not files.results.exists():
        return pd.DataFrame(columns=COLUMNS)
    return read_table(files.results, _COLUMNS)


def read_networks(files: AfccFiles) -> pd.DataFrame:
    """The rows of networks.csv, what networks with an AFCC head cost; none where it is missing.

    Raises:
        InputError: if it is damaged.
    """
    if not files.networks.exists():
        return pd.DataFrame(columns=list(_NETWORKS))
    return read_table(files.networks, _NETWORKS)


def find_row(table: pd.DataFrame, head: ZeroedHead) -> pd.Series | None:
    """The last row of a head, or `None`."""
    found = table[
        (table["variant"] == head.variant)
        & (table["clusters_from"] == head.images)
        & (table["threshold"] == head.threshold)
    ]
    return found.iloc[-1] if len(found) else None


def add_row(files: AfccFiles, head: ZeroedHead, values: dict[str, Any]) -> None:
    """Append a head's row to results.csv."""
    row = {
        "variant": head.variant,
        "clusters_from": head.images,
        "threshold": head.threshold,
        **values,
    }
    table = pd.concat([read_afcc(files), pd.DataFrame([row])], ignore_index=True)[COLUMNS]
    write_text(files.results, csv_text(table))
