"""layers.csv: rows of earlier runs stay, whatever quantities they have."""

from pathlib import Path

import pandas as pd
import pytest

from sfp_keras.errors import InputError
from sfp_keras.runs import RunFiles
from sfp_keras.runs.statistics_files import LAYER_COLUMNS, merge_layers


def row(stage: str) -> pd.DataFrame:
    numbers = dict.fromkeys(LAYER_COLUMNS, 0.1)
    return pd.DataFrame([{**numbers, "stage": stage, "split": "test", "threshold": 0.3}])


def table(files: RunFiles) -> pd.DataFrame:
    return pd.read_csv(files.layers, dtype=str, keep_default_na=False).set_index("stage")


def test_rows_without_a_quantity_that_was_added_later_stay(tmp_path: Path) -> None:
    files = RunFiles(tmp_path)
    old = row("1").drop(columns=LAYER_COLUMNS[-1]).assign(accuracy="0.70")
    old.to_csv(files.layers, index=False)
    merge_layers(files, row("2"), {"1": 0, "2": 1})
    found = table(files)
    assert [*found.columns] == LAYER_COLUMNS[1:]
    assert found[LAYER_COLUMNS[-1]].to_dict() == {"1": "", "2": "0.1"}
    assert found["accuracy"].to_dict() == {"1": "0.70", "2": "0.1"}
    merge_layers(files, row("1"), {"1": 0})
    assert found.index.tolist() == table(files).index.tolist()
    assert table(files).loc["1", LAYER_COLUMNS[-1]] == "0.1"


@pytest.mark.parametrize("missing", LAYER_COLUMNS[:3])
def test_a_table_that_does_not_name_its_rows_is_damaged(tmp_path: Path, missing: str) -> None:
    files = RunFiles(tmp_path)
    row("1").drop(columns=missing).to_csv(files.layers, index=False)
    with pytest.raises(InputError, match=rf"is damaged .*has no {missing}"):
        merge_layers(files, row("2"), {"2": 0})
