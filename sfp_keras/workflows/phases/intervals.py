"""Error bars of every stage's numbers, where they are asked for."""

from collections.abc import Mapping

from sfp_keras.analyses import image_passes, read_image_result, stage_intervals
from sfp_keras.filters import Interval
from sfp_keras.progress import Progress
from sfp_keras.runs.merged_tables import merge_intervals
from sfp_keras.workflows.session import ProbeSession


def write_intervals(session: ProbeSession) -> Mapping[tuple[str, str], Mapping[str, Interval]]:
    """Bootstrap the statistics of the session's stages and splits over their images.

    Returns:
        Dict from stage and split to a dict from a column of layers.csv to its `Interval`; empty
        where nobody asked.
    """
    run, analysis = session.run, session.experiment.analysis
    if not analysis.bootstrap:
        return {}
    wanted = [(stage.name, split) for stage in session.stages for split in analysis.split]
    found = {}
    with run.timed("analysis"):
        for name, split in Progress("error bars").over(wanted, len(wanted), unit="stages"):
            path = run.stage(name).split(split).image_result("bootstrap")
            parts = read_image_result(path, image_passes()["bootstrap"])
            fields = session.measurement(name, split).fields
            found[name, split] = stage_intervals(name, split, fields, parts, analysis.threshold)
        merge_intervals(run, found, analysis.threshold)
    return found
