"""Tables of the network itself: written, read back and checked, and shown."""

from pathlib import Path

import pandas as pd
import pytest

from sfp_keras.analyses import network_tables, read_network_table
from sfp_keras.analyses.catalog.zero_gradients import zero_gradients_table
from sfp_keras.csv_files import csv_text
from sfp_keras.errors import InputError

ZEROS = pd.DataFrame(
    {
        **{"variable": ["a/kernel", "=b"], "size": [30, 10], "images": 7},
        **{"zero_share": [0.5, 0.1], "zero_always": [0.0, 0.1]},
    }
)


def test_shares_of_zero_gradients_are_read_back_and_checked(tmp_path: Path) -> None:
    needs, path = network_tables()["zero_gradients"], tmp_path / "zero_gradients.csv"
    assert read_network_table(path, needs) is None
    path.write_text(csv_text(ZEROS))
    found = read_network_table(path, needs)
    assert found is not None
    pd.testing.assert_frame_equal(found, ZEROS)
    for column, value in (("images", 0), ("images", "many"), ("zero_share", 1.5), ("size", -1)):
        path.write_text(csv_text(ZEROS.assign(**{column: value})))
        with pytest.raises(InputError, match=r"csv is damaged .*; delete it"):
            read_network_table(path, needs)
    path.write_text(csv_text(ZEROS.drop(columns="zero_always")))
    with pytest.raises(InputError, match=r"csv is damaged \(it has no 'zero_always'\)"):
        read_network_table(path, needs)
    for content in (b"", b"\xff", b"variable,size\na,1\n"):
        path.write_bytes(content)
        with pytest.raises(InputError, match="csv is damaged"):
            read_network_table(path, needs)


def test_all_weights_together_are_the_last_row_of_zero_gradients() -> None:
    last = zero_gradients_table(ZEROS).rows[-1]
    assert (last["variable"], last["size"]) == ("all", 40)
    assert last["zero_share"] == pytest.approx((0.5 * 30 + 0.1 * 10) / 40)
