"""Reports: figures and tables of what is finished."""

import dataclasses

from sfp_keras.settings.field import Checked, setting


@dataclasses.dataclass(frozen=True)
class ReportSettings(Checked):
    """What a report shows of a run."""

    stages: tuple[str, ...] = setting(
        (), "Stages whose figures a report shows. Default: all of the run."
    )
    filters: tuple[int, ...] = setting(
        (),
        "Filters whose matrices a report shows, of each stage. Default: three that differ: "
        "of few labels, of several clusters, and noisy.",
        low=0,
        once=True,
    )
