"""Error bars of a measured stage, from the parts of its images that a pass kept."""

from collections.abc import Mapping

from sfp_keras.errors import InputError
from sfp_keras.filters import FilterFields, Interval, PartMeans, bootstrap_intervals


def stage_intervals(
    stage: str, split: str, fields: FilterFields, parts: PartMeans, threshold: float
) -> Mapping[str, Interval]:
    """Bootstrap a stage's statistics over its images.

    Args:
        stage: `str`. For messages, with `split`.
        split: `str`.
        fields: `FilterFields`.
        parts: `PartMeans` of the pass.
        threshold: `float`. Of the clusters.

    Returns:
        Dict from a column of layers.csv to its `Interval`.

    Raises:
        InputError: if the parts are of another measurement.
    """
    try:
        return bootstrap_intervals(fields, parts, threshold)
    except InputError:
        raise InputError(
            f"bootstrap.npz of stage {stage}, {split} images, is of another measurement; delete it "
            "and run again with `bootstrap`, which makes it"
        ) from None
