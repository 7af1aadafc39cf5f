"""results.csv of AFCC between layers: a row for each training under masks."""

from collections.abc import Sequence
from typing import Any

import pandas as pd

from sfp_keras.csv_files import csv_text
from sfp_keras.files import write_text
from sfp_keras.runs.link_files import LinkFiles, LinkTraining, ZeroedLinks
from sfp_keras.runs.tables import COUNT, SHARE, SHARE_IF_ANY, TEXT, read_table

_COLUMNS = {
    **{"how": TEXT, "links": TEXT, "place": COUNT},
    **dict.fromkeys(("start", "variant", "clusters_from"), TEXT),
    **{"threshold": SHARE, "seed": COUNT, "kept": COUNT, "total": COUNT},
    **{"share": SHARE, "expected_share": SHARE_IF_ANY, "accuracy_before": SHARE},
    **{"accuracy_zeroed": SHARE_IF_ANY, "accuracy_after": SHARE, "epochs": COUNT},
}
COLUMNS = list(_COLUMNS)


def read_links(files: LinkFiles) -> pd.DataFrame:
    """The rows of results.csv; none where the file is missing.

    Raises:
        InputError: if it is damaged.
    """
    if not files.results.exists():
        return pd.DataFrame(columns=COLUMNS)
    return read_table(files.results, _COLUMNS)


def read_all_links(links: Sequence[LinkFiles]) -> pd.DataFrame:
    """The rows of several results.csv, links of one way in the order of the network.

    Raises:
        InputError: if one is damaged.
    """
    return pd.concat([pd.DataFrame(columns=COLUMNS), *map(read_links, links)], ignore_index=True)


def find_link_row(table: pd.DataFrame, training: LinkTraining) -> pd.Series | None:
    """The row of a training, or `None`."""
    found = table[_rows_of(table, training)]
    return found.iloc[-1] if len(found) else None


def add_link_row(
    files: LinkFiles, zeroed: ZeroedLinks, training: LinkTraining, values: dict[str, Any]
) -> None:
    """Put a training's row into results.csv, in the place of one that is there."""
    row = {
        "how": zeroed.how,
        "links": " ".join(zeroed.links),
        "start": training.start,
        "variant": training.variant,
        "clusters_from": training.images,
        "threshold": training.threshold,
        "seed": training.seed,
        **values,
    }
    table = read_links(files)
    others = table[~_rows_of(table, training)]
    rows = [*others.to_dict("records"), row]
    write_text(files.results, csv_text(pd.DataFrame(rows)[COLUMNS]))


def _rows_of(table: pd.DataFrame, training: LinkTraining) -> pd.Series:
    return (
        (table["variant"] == training.variant)
        & (table["clusters_from"] == training.images)
        & (table["threshold"] == training.threshold)
        & (table["seed"] == training.seed)
        & (table["start"] == training.start)
    )
