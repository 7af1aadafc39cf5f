"""The tables that a committee leaves."""

from pathlib import Path

import pandas as pd

from sfp_keras.runs.tables import COUNT, SHARE, TEXT, Numbers, read_table

# A single image has no deviation.
_ERROR = Numbers(0, 1, optional=True)
_GAIN = Numbers(-1 - 1e-6, 1 + 1e-6)
_MEMBERS = {
    **dict.fromkeys(("member", "run_dir", "model"), TEXT),
    **{"seed": COUNT, "accuracy": SHARE, "accuracy_error": _ERROR},
}
_VOTES = {
    **{"vote": TEXT, "accuracy": SHARE, "accuracy_error": _ERROR},
    **{"mean_member": SHARE, "mean_member_error": _ERROR},
    **{"gain_over_mean": _GAIN, "gain_over_mean_error": _ERROR},
    **{"gain_over_best": _GAIN, "gain_over_best_error": _ERROR, "tied": SHARE},
}
_AGREEMENT = {"member": TEXT, "other": TEXT, "agreement": SHARE, "agreement_error": _ERROR}
_MEND = "run `mode`=committee again, which makes it"


def read_committee(
    members: Path, votes: Path, agreement: Path
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """The tables members, votes and agreement.

    Raises:
        InputError: if one is missing or damaged.
    """
    return (
        read_table(members, _MEMBERS, _MEND),
        read_table(votes, _VOTES, _MEND),
        read_table(agreement, _AGREEMENT, _MEND),
    )
