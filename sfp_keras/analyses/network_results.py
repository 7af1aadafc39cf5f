"""Tables that analyses make of the network itself: `network/<analysis>.csv`."""

from pathlib import Path

import pandas as pd

from sfp_keras.analyses.analysis import NetworkTable
from sfp_keras.csv_files import read_csv
from sfp_keras.files import damaged


def read_network_table(path: Path, needs: NetworkTable) -> pd.DataFrame | None:
    """Read a table of the network.

    Args:
        path: `Path`.
        needs: `NetworkTable` of the analysis.

    Returns:
        The table, as of `needs.measure`; `None` where there is none.

    Raises:
        InputError: if the file is damaged.
    """
    if not path.exists():
        return None
    try:
        table = read_csv(path)
        needs.check(table)
    except (OSError, KeyError, ValueError, TypeError) as error:
        raise damaged(path, error) from None
    return table
