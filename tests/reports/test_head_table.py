"""The table over several heads of a stage."""

import numpy as np
import pandas as pd

from sfp_keras.filters import LAYER_MEASURES
from sfp_keras.reports import head_table


def test_means_of_counts_are_not_cut_to_whole_numbers():
    measures = {one.key: 1 for one in LAYER_MEASURES}
    heads = pd.DataFrame(
        {"stage": "last", "split": "test", "head": f"seed{i}", **measures, "zero_signal_labels": n}
        for i, n in enumerate((0, 0, 2))
    )
    found = head_table(heads, "test")
    line = next(one for one in found.markdown().splitlines() if one.startswith("| last"))
    values = [cell.strip() for cell in line.strip("|").split("|")]
    cells = dict(zip((column.key for column in found.columns), values, strict=True))
    assert found.rows[0]["zero_signal_labels"] == 2 / 3
    assert cells["zero_signal_labels"] == f"0.67 ± {np.std([0, 0, 2], ddof=1):.2f}"
    assert cells["heads"] == "3, true labels"
