"""single_heads.npz: what attention heads put out where all others are silenced at the input."""

import numpy as np

from sfp_keras.errors import InputError
from sfp_keras.files import damaged, load_npz, save_npz
from sfp_keras.filters import FilterFields, SingleHeadFields
from sfp_keras.runs.stage_files import SplitFiles


def write_single_heads(files: SplitFiles, at_input: FilterFields) -> None:
    """Write the fields of heads silenced at the input; those behind the pooling are in fields.npz.

    Args:
        files: `SplitFiles` of the stage.
        at_input: `FilterFields` of H heads.
    """
    save_npz(files.single_heads, features=at_input.features)


def read_single_heads(files: SplitFiles, fields: FilterFields) -> SingleHeadFields | None:
    """Both ways of silencing the heads of a stage.

    Args:
        files: `SplitFiles` of the stage.
        fields: `FilterFields` of the stage, of nodes or of whole heads.

    Returns:
        `SingleHeadFields`; `None` where heads were not silenced at the input.

    Raises:
        InputError: if the file is damaged, or not of these fields.
    """
    path = files.single_heads
    if not path.exists():
        return None
    features = load_npz(path, "features")["features"]
    if features.dtype != np.float32 or not np.isfinite(features).all():
        raise damaged(path, f"features are {features.dtype}, or hold what is no number")
    try:
        after = fields.by_heads(features.shape[2]) if fields.num_positions == 1 else fields
        if features.shape != after.features.shape:
            raise InputError(f"features have shape {features.shape}, not {after.features.shape}")
        at_input = FilterFields(features, after.kernel, after.label_counts, after.position_shape)
    except (InputError, IndexError) as error:
        raise damaged(path, error) from None
    return SingleHeadFields(after, at_input)
