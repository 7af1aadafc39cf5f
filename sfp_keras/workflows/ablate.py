"""Ablation: what a stage's head loses with its filters."""

import pandas as pd

from sfp_keras.analyses import Ablation, Drawing, Scope, analyses_of, print_ablation
from sfp_keras.csv_files import csv_text
from sfp_keras.errors import InputError
from sfp_keras.experiment import Experiment
from sfp_keras.files import write_text
from sfp_keras.reports import save_figure, terminal
from sfp_keras.workflows.experiment_run import ExperimentRun
from sfp_keras.workflows.inputs.inputs import Inputs, load_inputs
from sfp_keras.workflows.inputs.stage_settings import stage_settings
from sfp_keras.workflows.inputs.stages import configurable_stages, stages_of_mode
from sfp_keras.workflows.paper_numbers import paper_numbers
from sfp_keras.workflows.phases.all_phases import run_phases
from sfp_keras.workflows.phases.narrower_networks import (
    check_widths,
    narrower_experiments,
    narrower_networks,
)
from sfp_keras.workflows.phases.network_tables import check_network_tables
from sfp_keras.workflows.phases.silencing import removed_filters, silence_filters
from sfp_keras.workflows.probe import probe
from sfp_keras.workflows.session import ProbeSession


def ablate(experiment: Experiment) -> None:
    """`--mode=ablate`: from a probed stage, which is probed first where it was not."""
    inputs = load_inputs(experiment)
    check_network_tables(inputs)
    _check(inputs)
    with ProbeSession.open(inputs) as session:
        run_phases(session)
        with session.run.timed("ablate"):
            removal, labels = silence_filters(session)
        # For a report before the others are trained.
        _write_summary(session, removal)
        if not session.run.ablation(session.stages[0].name).widths.exists():
            _write_widths(session, removal)
        for narrower in narrower_experiments(session):
            filters = ", ".join(narrower.value("filters"))
            terminal().print(f"\n{filters} filters: {narrower.directory}")
            probe(narrower)
        _report(session, removal, labels)


def _check(inputs: Inputs) -> None:
    """Refuse settings that do not fit the stage or the network."""
    experiment, network = inputs.experiment, inputs.network
    (stage,) = stages_of_mode(experiment, network)
    stages = configurable_stages(experiment, network)
    removed_filters(experiment, stage, stage_settings(ExperimentRun(experiment), stages))
    check_widths(experiment, network, stage)
    if not len(inputs.dataset.test):
        raise InputError("`mode`=ablate measures accuracy on test images; the data has none")


def summary(removal: pd.DataFrame) -> pd.DataFrame:
    """Mean, standard deviation, least and most accuracy for each number of removed filters."""
    accuracy = removal.groupby(["removed", "left"])["accuracy"]
    return accuracy.agg(mean="mean", std="std", least="min", most="max").reset_index()


def _write_summary(session: ProbeSession, removal: pd.DataFrame) -> pd.DataFrame:
    (stage,) = session.stages
    mean = summary(removal)
    write_text(session.run.ablation(stage.name).summary, csv_text(mean))
    return mean


def _write_widths(session: ProbeSession, removal: pd.DataFrame) -> pd.DataFrame:
    (stage,) = session.stages
    accuracy = float(removal.loc[removal["removed"] == 0, "accuracy"].iloc[0])
    widths = narrower_networks(session, accuracy)
    write_text(session.run.ablation(stage.name).widths, csv_text(widths))
    return widths


def _report(session: ProbeSession, removal: pd.DataFrame, labels: pd.DataFrame) -> None:
    """The tables on the terminal, and the figures, which are drawn each time."""
    (stage,), console = session.stages, terminal()
    files = session.run.ablation(stage.name)
    mean, widths = _write_summary(session, removal), _write_widths(session, removal)
    paper = paper_numbers(session.experiment, len(labels)).removed_filters(stage.name)
    ablation = Ablation(stage.name, mean, labels, widths, paper, session.view(stage).kind)
    print_ablation(ablation, console)
    for analysis in analyses_of(Scope.ABLATION):
        for part in analysis.show(ablation):
            if isinstance(part, Drawing):
                save_figure(part.draw(), files.figure(part.name))
    console.print(
        f"results: {files.path}\n"
        "  removal.csv, summary.csv, removal.png  accuracy against the filters removed\n"
        "  labels.csv, labels.png  each label without the filters of its clusters"
        + ("\n  widths.csv  networks trained with fewer filters" if len(widths) > 1 else "")
    )
