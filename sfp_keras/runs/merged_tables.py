"""Tables beside layers.csv with several rows for each of its rows: intervals.csv and heads.csv."""

import dataclasses
import io
from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from sfp_keras.csv_files import csv_text, read_csv, with_columns
from sfp_keras.files import damaged, write_text
from sfp_keras.filters import Interval
from sfp_keras.runs.layout import RunFiles
from sfp_keras.runs.statistics_files import LAYER_COLUMNS
from sfp_keras.runs.tables import read_content

_KEY = ["stage", "split", "threshold"]
INTERVAL_COLUMNS = [*_KEY, "quantity", *(field.name for field in dataclasses.fields(Interval))]
HEAD_COLUMNS = [*_KEY, "head", *(name for name in LAYER_COLUMNS if name not in _KEY)]


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
    _merge(files, files.intervals, pd.DataFrame(rows, columns=INTERVAL_COLUMNS))


def merge_heads(files: RunFiles, heads: pd.DataFrame) -> None:
    """Write heads.csv: these rows, and those there of other stages, splits and thresholds.

    Args:
        files: `RunFiles`, with stages in the order of its record.
        heads: with the columns of layers.csv, and `head`: which of a stage's heads a row is of.

    Raises:
        InputError: if heads.csv is damaged.
    """
    _merge(files, files.heads, heads[HEAD_COLUMNS])


def read_heads(files: RunFiles, threshold: float) -> pd.DataFrame:
    """The rows of heads.csv at a threshold; empty where there is no such file.

    Args:
        files: `RunFiles`.
        threshold: `float`.

    Raises:
        InputError: if it is damaged.
    """
    table = read_all_heads(files)
    return table[table["threshold"] == threshold]


def read_all_heads(files: RunFiles) -> pd.DataFrame:
    """heads.csv as numbers, of every threshold; empty where there is no such file.

    Raises:
        InputError: if it is damaged.
    """
    return _read_numbers(files.heads, HEAD_COLUMNS, ["stage", "split", "head"])


def read_all_intervals(files: RunFiles) -> pd.DataFrame:
    """intervals.csv as numbers, of every threshold; empty where there is no such file.

    Raises:
        InputError: if it is damaged.
    """
    return _read_numbers(files.intervals, INTERVAL_COLUMNS, ["stage", "split", "quantity"])


def _read_numbers(path: Path, columns: list[str], names: list[str]) -> pd.DataFrame:
    if not path.exists():
        return pd.DataFrame(columns=columns)
    table = _read(path, columns)
    try:
        numbers = table.drop(columns=names).replace("", "nan").astype(float)
    except ValueError as error:
        raise damaged(path, error) from None
    return pd.concat([table[names], numbers], axis=1)[columns]


def _merge(files: RunFiles, path: Path, rows: pd.DataFrame) -> None:
    # As text: kept numbers stay what they were, and a stage may be called "1".
    table = _as_text(csv_text(rows))
    if path.exists():
        old, new = _read(path, [str(name) for name in rows]), _key(table)
        table = pd.concat([old[~_key(old).isin(new)], table], ignore_index=True)
    place = table[_KEY].assign(
        stage=table["stage"].map(files.record.results["stage_order"]),
        threshold=table["threshold"].astype(float),
    )
    order = place.sort_values(_KEY, kind="stable").index
    write_text(path, csv_text(table.loc[order]))


def _key(table: pd.DataFrame) -> pd.Series:
    return pd.Series(
        list(zip(table["stage"], table["split"], table["threshold"].astype(float), strict=True)),
        dtype=object,
    )


def _read(path: Path, columns: list[str]) -> pd.DataFrame:
    try:
        table = with_columns(_as_text(read_content(path)), columns)
        table["threshold"].astype(float)
    except (OSError, ValueError, TypeError) as error:
        raise damaged(path, error) from None
    return table


def _as_text(content: str) -> pd.DataFrame:
    return read_csv(io.StringIO(content), dtype=str, keep_default_na=False)
