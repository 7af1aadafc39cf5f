"""The procedures of the command, each readable as the paper's text."""

from sfp_keras.experiment import Experiment


def run(experiment: Experiment) -> None:
    """Run the workflow that the experiment's mode names."""
    if experiment.list_stages:
        from sfp_keras.workflows.stage_list import show_stages

        show_stages(experiment)
    elif experiment.mode == "train":
        from sfp_keras.workflows.train import train

        train(experiment)
    elif experiment.mode == "afcc":
        from sfp_keras.workflows.afcc import afcc

        afcc(experiment)
    elif experiment.mode == "ablate":
        from sfp_keras.workflows.ablate import ablate

        ablate(experiment)
    elif experiment.mode == "report":
        from sfp_keras.workflows.report import report

        report(experiment)
    else:
        from sfp_keras.workflows.probe import probe

        probe(experiment)
