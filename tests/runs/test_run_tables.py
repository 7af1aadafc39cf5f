"""Tables of a run directory are read as what they must be, or refused."""

import os
from pathlib import Path

import pandas as pd
import pytest

from sfp_keras.csv_files import csv_text
from sfp_keras.errors import InputError
from sfp_keras.runs.tables import COUNT, NUMBER, SHARE, SHARE_IF_ANY, TEXT, read_table

COLUMNS = {"name": TEXT, "n": COUNT, "loss": NUMBER, "share": SHARE, "maybe": SHARE_IF_ANY}
GOOD = pd.DataFrame(
    {
        "name": ["NA", "", "=1+1", "1"],
        "n": [0, 3, 2**53, 1],
        "loss": [-2.5, 1e300, 0.1, 1 / 3],
        "share": [0.0, 1.0, 0.5, 1e-9],
        "maybe": [0.25, None, None, 1.0],
    }
)


def test_a_table_is_read_back(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_text(csv_text(GOOD))
    pd.testing.assert_frame_equal(read_table(path, COLUMNS), GOOD, check_exact=False)
    assert read_table(path, {"name": TEXT})["name"].tolist() == GOOD["name"].tolist()


@pytest.mark.parametrize(
    ("column", "value"),
    [
        *(("n", value) for value in (-1, 0.5, 2**62, None, "three", True)),
        *(("share", value) for value in (1.01, -0.1, None, float("inf"), "1j")),
        *(("maybe", value) for value in (2, "x")),
        ("loss", None),
    ],
)
def test_a_cell_that_is_none_of_its_column_is_named(
    column: str, value: object, tmp_path: Path
) -> None:
    path = tmp_path / "table.csv"
    table = GOOD.astype({column: object})
    table.loc[0, column] = value
    path.write_text(csv_text(table))
    with pytest.raises(InputError, match=rf"table.csv is damaged \({column} .*; mend it"):
        read_table(path, COLUMNS, "mend it")


def test_a_file_that_is_no_such_table_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    text = csv_text(GOOD)
    wrong = {
        "cut short": text[:-2].encode(),
        "header": text.replace("NA,0", "NA,0,9").encode(),
        r"\(it has no share\)": text.replace("share", "part").encode(),
        "decode": b"\xff" + text.encode(),
        "No columns": b"\n",
    }
    for words, content in wrong.items():
        path.write_bytes(content)
        with pytest.raises(InputError, match=f"is damaged .*{words}"):
            read_table(path, COLUMNS)
    path.unlink()
    with pytest.raises(InputError, match="is missing"):
        read_table(path, COLUMNS)
    path.mkdir()
    with pytest.raises(InputError, match=r"is damaged .*directory"):
        read_table(path, COLUMNS)
    path.rmdir()
    os.mkfifo(path)
    with pytest.raises(InputError, match=r"is damaged .*no file"):
        read_table(path, COLUMNS)
