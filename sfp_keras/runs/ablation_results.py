"""The tables that an ablation of a stage leaves."""

import pandas as pd

from sfp_keras.runs.stage_files import AblationFiles
from sfp_keras.runs.tables import COUNT, SHARE, SHARE_IF_ANY, TEXT, read_table

_ACCURACIES = [
    f"{of}{when}" for of in ("accuracy", "others") for when in ("", "_silenced", "_random")
]
_SUMMARY = {
    **dict.fromkeys(("removed", "left"), COUNT),
    # A single draw has no deviation.
    **{"mean": SHARE, "std": SHARE_IF_ANY, "least": SHARE, "most": SHARE},
}
_LABELS = {
    **{"label": COUNT, "name": TEXT, "silenced": COUNT},
    **dict.fromkeys(_ACCURACIES, SHARE_IF_ANY),
}
_WIDTHS = {"layers": TEXT, "width": COUNT, "network_accuracy": SHARE_IF_ANY, "accuracy": SHARE}
_REMOVAL = {**dict.fromkeys(("removed", "left", "draw"), COUNT), "accuracy": SHARE}
_MEND = "run `mode`=ablate again, which makes it"


def read_ablation(files: AblationFiles) -> dict[str, pd.DataFrame]:
    """The tables summary, labels and widths.

    Raises:
        InputError: if one is missing or damaged.
    """
    return {
        "summary": read_table(files.summary, _SUMMARY, _MEND),
        "labels": read_table(files.labels, _LABELS, _MEND),
        "widths": read_table(files.widths, _WIDTHS, _MEND),
    }


def read_silenced(files: AblationFiles) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The tables removal and labels, of which the others are made.

    Raises:
        InputError: if one is missing or damaged.
    """
    return read_table(files.removal, _REMOVAL, _MEND), read_table(files.labels, _LABELS, _MEND)
