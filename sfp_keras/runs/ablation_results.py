"""The tables that an ablation of a stage leaves."""

from pathlib import Path

import pandas as pd

from sfp_keras.csv_files import read_csv
from sfp_keras.errors import InputError
from sfp_keras.runs.stage_files import AblationFiles

_ACCURACIES = [
    f"{of}{when}" for of in ("accuracy", "others") for when in ("", "_silenced", "_random")
]
_COLUMNS = {
    "summary": ["removed", "left", "mean", "std", "least", "most"],
    "labels": ["label", "name", "silenced", *_ACCURACIES],
    "widths": ["layers", "width", "network_accuracy", "accuracy"],
}


def read_ablation(files: AblationFiles) -> dict[str, pd.DataFrame]:
    """The tables summary, labels and widths.

    Raises:
        InputError: if one is missing or damaged.
    """
    paths = {"summary": files.summary, "labels": files.labels, "widths": files.widths}
    return {name: _read(path, _COLUMNS[name]) for name, path in paths.items()}


def _read(path: Path, columns: list[str]) -> pd.DataFrame:
    try:
        # As text: a label may be called NA.
        return read_csv(path, converters={"name": str, "layers": str})[columns]
    except (OSError, ValueError, KeyError) as error:
        raise InputError(f"{path} is damaged ({error}); run `mode`=ablate again") from None
