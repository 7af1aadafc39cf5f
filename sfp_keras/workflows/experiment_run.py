"""The run directory of an experiment."""

from sfp_keras.experiment import PHASES, Experiment
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
    return RunPlan(
        settings=experiment.to_json(),
        phases={
            phase: experiment.settings(phase)
            for phase in PHASES
            # Results of AFCC with other settings do not hinder the other modes.
            if phase != "afcc" or experiment.run.mode == "afcc"
        },
        defaults=Experiment().to_json(),
        command=experiment.command(),
        trains=experiment.trains,
        redone=PHASES[PHASES.index(first) :] if first else (),
    )
