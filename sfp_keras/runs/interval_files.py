"""intervals.csv: error bars of the numbers of layers.csv."""

import dataclasses
import io
from collections.abc import Mapping

import pandas as pd

from sfp_keras.csv_files import csv_text, read_csv
from sfp_keras.files import damaged, write_text
from sfp_keras.filters import Interval
from sfp_keras.runs.layout import RunFiles
from sfp_keras.runs.tables import read_content

_KEY = ["stage", "split", "threshold"]
INTERVAL_COLUMNS = [*_KEY, "quantity", *(field.name for field in dataclasses.fields(Interval))]


def merge_intervals(
    files: RunFiles,
    intervals: Mapping[tuple[str, str], Mapping[str, Interval]],
    threshold: float,
) -> None:
    """Write intervals.csv: these, and those there of other stages, splits and thresholds.

    Args:
        files: `RunFiles`, with stages in the order of its record.
        intervals: dict from stage and split to a dict from column to `Interval`.
        threshold: `float`. Of the clusters.

    Raises:
        InputError: if intervals.csv is damaged.
    """
    rows = [
        {"stage": stage, "split": split, "threshold": threshold, "quantity": key, **vars(one)}
        for (stage, split), of_stage in intervals.items()
        for key, one in of_stage.items()
    ]
    # As text: kept numbers stay what they were, and a stage may be called "1".
    table = _as_text(csv_text(pd.DataFrame(rows, columns=INTERVAL_COLUMNS)))
    if files.intervals.exists():
        old, new = _read(files), _key(table)
        table = pd.concat([old[~_key(old).isin(new)], table], ignore_index=True)
    place = table[_KEY].assign(
        stage=table["stage"].map(files.record.results["stage_order"]),
        threshold=table["threshold"].astype(float),
    )
    order = place.sort_values(_KEY, kind="stable").index
    write_text(files.intervals, csv_text(table.loc[order]))


def _key(table: pd.DataFrame) -> pd.Series:
    return pd.Series(
        list(zip(table["stage"], table["split"], table["threshold"].astype(float), strict=True)),
        dtype=object,
    )


def _read(files: RunFiles) -> pd.DataFrame:
    try:
        table = _as_text(read_content(files.intervals))[INTERVAL_COLUMNS]
        table["threshold"].astype(float)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise damaged(files.intervals, error) from None
    return table


def _as_text(content: str) -> pd.DataFrame:
    return read_csv(io.StringIO(content), dtype=str, keep_default_na=False)
