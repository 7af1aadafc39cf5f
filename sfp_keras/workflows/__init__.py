"""The procedures of the command, each readable as the paper's text."""

from sfp_keras.experiment import Experiment
from sfp_keras.models import architectures
from sfp_keras.workflows.committee.directory import holds_committee
from sfp_keras.workflows.inputs.before_keras import check_before_keras
from sfp_keras.workflows.sweep.plan import SweepPlan, holds_sweep

__all__ = ["asks_for_shapes", "check_before_keras", "needs_keras", "run"]


def needs_keras(experiment: Experiment) -> bool:
    """Whether a network is run or asked about; a report reads what runs left."""
    return experiment.run.mode != "report" or experiment.trains_own_model


def asks_for_shapes(experiment: Experiment) -> bool:
    """Whether a network of ours is built for the shapes of its stages alone: on any backend."""
    network = experiment.network
    return network.list_stages and network.model in architectures() and experiment.trains


def run(experiment: Experiment, plan: SweepPlan | None = None) -> None:
    """Run the workflow that the experiment's mode names; a sweep has a plan of its members."""
    if experiment.network.list_stages:
        from sfp_keras.workflows.list_stages import show_stages

        show_stages(experiment)
    elif plan is not None:
        from sfp_keras.workflows.sweep.sweep import sweep

        sweep(plan)
    elif experiment.run.mode == "report":
        from sfp_keras.workflows.committee.report import committee_report
        from sfp_keras.workflows.report.report import report
        from sfp_keras.workflows.sweep.report import sweep_report

        if holds_committee(experiment.directory):
            committee_report(experiment.directory)
        elif holds_sweep(experiment.directory):
            sweep_report(experiment.directory, experiment.sweep.stage)
        else:
            report(experiment)
    else:
        from sfp_keras.workflows.devices import on_all_devices

        with on_all_devices(experiment) as mine:
            _compute(mine)


def _compute(experiment: Experiment) -> None:
    """The modes that run networks."""
    if experiment.run.mode == "train":
        from sfp_keras.workflows.train import train

        train(experiment)
    elif experiment.run.mode == "afcc":
        from sfp_keras.workflows.afcc import afcc

        afcc(experiment)
    elif experiment.run.mode == "committee":
        from sfp_keras.workflows.committee.committee import committee

        committee(experiment)
    elif experiment.run.mode == "ablate":
        from sfp_keras.workflows.ablate import ablate

        ablate(experiment)
    else:
        from sfp_keras.workflows.probe import probe

        probe(experiment)
