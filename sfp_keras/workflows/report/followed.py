"""The clusters that a run's monitors have measured over its trainings."""

import contextlib
from collections.abc import Collection

from sfp_keras.errors import InputError
from sfp_keras.filters import FollowedClusters, find_clusters, follow_clusters
from sfp_keras.monitoring import read_log
from sfp_keras.runs import RunFiles

# Between two measurements there is one change, which is no course.
_LEAST_STEPS = 3


def read_followed(
    files: RunFiles, stages: Collection[str], labels: int, threshold: float
) -> dict[tuple[str, str], FollowedClusters]:
    """Follow the clusters of stages over the training of the network, and of their heads.

    Over that of the network in two ways: of the stage before its own head, and of all stages
    through heads trained for each measurement, where those were asked for. A log
    that is missing or damaged is left out: a report needs none.

    Args:
        files: `RunFiles`.
        stages: those followed through heads of their own.
        labels: `int`. K.
        threshold: what fields are clipped at.

    Returns:
        Dict from phase, `train`, `train_stages` or `heads`, and stage to its `FollowedClusters`.
    """
    found = {}
    for phase in ("train", "train_stages", "heads"):
        with contextlib.suppress(InputError):
            for stage, fields in read_log(files.events(phase)).stages.items():
                wanted = phase == "train" or stage in stages
                known = {at.num_labels for at in fields.values()} == {labels}
                if wanted and known and len(fields) >= _LEAST_STEPS:
                    clusters = {step: find_clusters(at, threshold) for step, at in fields.items()}
                    found[phase, stage] = follow_clusters(clusters)
    return found
