"""Tables of a run directory, read as what they must be."""

import io
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from sfp_keras.csv_files import read_csv, with_columns
from sfp_keras.files import damaged, open_file


@dataclass(frozen=True)
class Numbers:
    """What the numbers of a column may be.

    Attributes:
        least: `float`.
        most: `float`.
        whole: `bool`. Whether they are integers.
        optional: `bool`. Whether a cell may be empty.
    """

    least: float = -math.inf
    most: float = math.inf
    whole: bool = False
    optional: bool = False


TEXT = None
NUMBER = Numbers()
COUNT = Numbers(0, 2**53, whole=True)
# Means of float32 may exceed one in the last digit.
SHARE = Numbers(0, 1 + 1e-6)
SHARE_IF_ANY = Numbers(0, 1 + 1e-6, optional=True)
_CURVE = {
    **{"epoch": COUNT, "lr": NUMBER, "loss": NUMBER},
    **dict.fromkeys(("accuracy", "test_accuracy"), SHARE),
}
CURVE_COLUMNS = tuple(_CURVE)


def read_table(
    path: Path,
    columns: Mapping[str, Numbers | None],
    mend: str = "delete it and run again, which makes it",
) -> pd.DataFrame:
    """Read columns of a table.

    Args:
        path: `Path`. A file of `csv_text`.
        columns: dict from the name of each column to its `Numbers`, or `TEXT`.
        mend: `str`. What to do where it is damaged. Defaults to making it again.

    Returns:
        `DataFrame` with these columns, in this order.

    Raises:
        InputError: if the file is missing or damaged, or a cell is none of its column.
    """
    try:
        table = read_csv(
            io.StringIO(read_content(path)),
            dtype={name: str for name, numbers in columns.items() if numbers is TEXT},
            # A label may be called NA.
            keep_default_na=False,
            na_values={name: [""] for name, numbers in columns.items() if numbers is not TEXT},
        )
        if not isinstance(table.index, pd.RangeIndex):
            raise ValueError("rows are longer than the header")
        table = with_columns(table, columns)
        for name, numbers in columns.items():
            if numbers is not None:
                check_numbers(table[name], numbers)
    except (OSError, ValueError, OverflowError) as error:
        raise damaged(path, error, mend) from None
    return table


def read_curve(path: Path) -> pd.DataFrame:
    """The curve of a training: epoch, lr, loss, accuracy, test_accuracy.

    Args:
        path: `Path` of training.csv or of a head.csv.

    Raises:
        InputError: as `read_table`.
    """
    return read_table(path, _CURVE).astype(float)


def read_content(path: Path) -> str:
    """The text of a table.

    Raises:
        OSError: if it cannot be read.
        ValueError: if it is no text, or cut short.
    """
    with open_file(path) as file:
        content = file.read().decode()
    if not content.endswith("\n"):
        raise ValueError("it is cut short")
    return content


def check_numbers(column: pd.Series, numbers: Numbers) -> None:
    """Refuse a column with other numbers than it may have.

    Raises:
        ValueError: naming the column.
    """
    if column.dtype.kind not in "iuf" and len(column):
        raise ValueError(f"{column.name} holds what is no number")
    values = column.astype(float)
    filled = values[values.notna()] if numbers.optional else values
    fits = (filled >= numbers.least) & (filled <= numbers.most)
    if numbers.whole:
        fits &= filled % 1 == 0
    if not fits.all():
        raise ValueError(f"{column.name} is {filled[~fits].iloc[0]}")
