"""Tables read back exactly, and no spreadsheet runs what is in them."""

import pandas as pd
import pytest

from sfp_keras.csv_files import csv_text, guard, read_csv, unguard

TEXTS = [
    *("=1+1", "'=1+1", "''+a", "@SUM(A1)", " -x", "\t=a", "a\rb", "\r", "two\nlines", "＝1"),
    *("-1.5", "+3e-7", "-inf", "-", "cat", "'cat", "", "NA", '"=1"', "a,b", "café"),
]


@pytest.mark.parametrize("text", TEXTS)
def test_cells_are_guarded_and_come_back(text):
    assert unguard(guard(text)) == text


@pytest.mark.parametrize("text", ["=1+1", "'=1+1", "@SUM(A1)", " -x", "+a", "＝1"])
def test_formulas_are_texts(text):
    assert guard(text) == f"'{text}"


def test_tables_come_back(tmp_path):
    table = pd.DataFrame({"name": TEXTS, "value": [float(i) / 3 for i in range(len(TEXTS))]})
    (tmp_path / "a.csv").write_bytes(csv_text(table).encode())
    back = read_csv(tmp_path / "a.csv", dtype={"name": str}, keep_default_na=False)
    assert back["name"].tolist() == TEXTS
    assert back["value"].tolist() == table["value"].tolist()
    assert table["name"].tolist() == TEXTS


def test_ordinary_tables_stay_as_pandas_writes_them():
    table = pd.DataFrame(
        {"name": ["a b", "x,y", "-2"], "n": [-1, 2, 3], "f": [-0.1, float("nan"), 1e-9]}
    )
    table["flag"], table["none"] = [True, False, True], [None, "[[1, 2]]", "c"]
    assert csv_text(table) == table.to_csv(index=False)
