"""AFCC: zero a head outside its filters' clusters, fine-tune, and compare with controls."""

import pandas as pd

from sfp_keras.afcc import VARIANTS, check_fine_tuning
from sfp_keras.analyses.catalog.afcc import print_afcc
from sfp_keras.analyses.catalog.afcc_networks import network_table
from sfp_keras.experiment import Experiment
from sfp_keras.files import damaged, load_npz
from sfp_keras.reports import print_table, terminal
from sfp_keras.runs import AfccFiles
from sfp_keras.runs.afcc_results import read_networks
from sfp_keras.training import optimizer_of
from sfp_keras.workflows.experiment_run import ExperimentRun
from sfp_keras.workflows.inputs.arguments import training_called
from sfp_keras.workflows.inputs.inputs import Inputs, load_inputs
from sfp_keras.workflows.inputs.stages import stages_of_mode
from sfp_keras.workflows.links import afcc_of_links
from sfp_keras.workflows.paper_numbers import paper_numbers
from sfp_keras.workflows.phases.all_phases import run_phases
from sfp_keras.workflows.phases.fine_tuning import (
    cluster_masks,
    fine_tune_heads,
    split_at,
    zeroed_heads,
)
from sfp_keras.workflows.phases.network_costs import write_costs
from sfp_keras.workflows.phases.network_tables import check_network_tables
from sfp_keras.workflows.session import ProbeSession


def afcc(experiment: Experiment) -> None:
    """`--mode=afcc`: of a head, or of links, from stages that are probed first."""
    if experiment.zeroes_links:
        afcc_of_links(experiment)
        return
    with training_called("afcc_"):
        optimizer_of(experiment.afcc.training)  # Refuses before anything is loaded.
    inputs = load_inputs(experiment)
    check_network_tables(inputs)
    _check(inputs)
    with ProbeSession.open(inputs) as session:
        run_phases(session)
        with session.run.timed("afcc"):
            table = fine_tune_heads(session)
            (stage,) = session.stages
            write_costs(session.run.afcc(stage.name), stage)
        _print(session, table)


def _check(inputs: Inputs) -> None:
    """Refuse settings that do not fit the network, and masks that would be empty."""
    experiment, network = inputs.experiment, inputs.network
    (stage,) = stages_of_mode(experiment, network)
    split = split_at(experiment, network, stage)
    with training_called("afcc_"):
        check_fine_tuning(split, experiment.afcc.training)
    if experiment.run.overwrite == "afcc":
        run = ExperimentRun(experiment)
        files = run.stage(stage.name)
        if files.head.exists():
            heads = zeroed_heads(experiment)
            measured = [head for head in heads if files.split(head.images).fields.exists()]
            cluster_masks(run, stage.name, measured)


def _print(session: ProbeSession, table: pd.DataFrame) -> None:
    (stage,), console = session.stages, terminal()
    paper = paper_numbers(session.experiment, session.dataset.num_labels).afcc
    print_afcc(table, stage.name, paper, console)
    files = session.run.afcc(stage.name)
    networks = read_networks(files)
    if len(networks):
        print_table(network_table(networks, stage.name), console)
    console.print(f"results: {files.results}\n  {files.figure}")
    if files.model.exists():
        console.print(f"  {files.model}  the network that ends with {_kept_head(files)}")


def _kept_head(files: AfccFiles) -> str:
    """Which head model.keras ends with."""
    saved = load_npz(files.mask) if files.mask.exists() else {}
    if "threshold" not in saved:
        return "the first AFCC head"
    try:
        title, split = VARIANTS[str(saved["variant"])].title, str(saved["split"])
        if split not in ("train", "test") or saved["threshold"].dtype.kind != "f":
            raise ValueError(f"split is {split}, threshold is {saved['threshold']}")
        return f"the {title} head of {split} images, threshold {saved['threshold']:g}"
    except (KeyError, TypeError, ValueError) as error:
        raise damaged(files.mask, error, "redo it with `overwrite`=afcc") from None
