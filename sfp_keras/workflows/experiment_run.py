"""The run directory of an experiment."""

from sfp_keras.experiment import PHASES, Experiment, all_declarations
from sfp_keras.runs import RunDirectory, RunPlan


class ExperimentRun(RunDirectory):
    """A run directory that knows its experiment.

    Args:
        experiment: `Experiment`.
    """

    def __init__(self, experiment: Experiment):
        super().__init__(experiment.directory, run_plan(experiment))
        self.experiment = experiment


def run_plan(experiment: Experiment) -> RunPlan:
    """An experiment as the run directory keeps and compares it."""
    first = experiment.run.overwrite
    # Of a network that comes trained, phase 1 is to take it.
    first = PHASES[0] if first == "all" else first
    # Of heads or of links, and results with other settings do not hinder the other modes.
    own = {"links"} if experiment.zeroes_links else {"afcc"}
    others = {"afcc", "links"} - (own if experiment.run.mode == "afcc" else set())
    redone = PHASES[PHASES.index(first) :] if first else ()
    if first == "afcc":
        redone = tuple(own)
    declared = all_declarations()
    return RunPlan(
        settings=experiment.to_json(),
        phases={phase: experiment.settings(phase) for phase in PHASES if phase not in others},
        defaults=Experiment().to_json(),
        command=experiment.command(),
        trains=experiment.trains,
        redone=redone,
        newer=[name for name, one in declared.items() if one.setting.newer],
        read_by_some={"links": _read_by_some_links()},
    )


def _read_by_some_links() -> list[list[str]]:
    """What only networks from scratch, from trained weights, on augmented images, ... read."""
    groups: dict[str, list[str]] = {}
    for name, one in all_declarations().items():
        by = one.topic if one.topic == "augmentation" else one.setting.used
        if by and "links" in one.setting.phases:
            groups.setdefault(by, []).append(name)
    return [*groups.values()]
