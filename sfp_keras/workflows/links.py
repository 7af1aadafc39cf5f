"""AFCC between layers: zero links outside their filters' clusters, train, compare with controls."""

import pandas as pd

from sfp_keras.afcc import check_label_outputs, links, unlinked_kernels
from sfp_keras.analyses.catalog.zeroed_links import print_links
from sfp_keras.errors import InputError
from sfp_keras.experiment import Experiment
from sfp_keras.models import architectures
from sfp_keras.models.label_outputs import label_outputs
from sfp_keras.reports import terminal
from sfp_keras.training import check_groups, optimizer_of
from sfp_keras.workflows.inputs.arguments import training_called
from sfp_keras.workflows.inputs.inputs import Inputs, load_inputs
from sfp_keras.workflows.inputs.preprocessing import augmentation_of
from sfp_keras.workflows.inputs.stages import chosen_links
from sfp_keras.workflows.phases.all_phases import run_phases
from sfp_keras.workflows.phases.links import zero_links
from sfp_keras.workflows.phases.network_tables import check_network_tables
from sfp_keras.workflows.session import ProbeSession

# Accuracy that fine-tuning may cost a network of which nothing is zeroed.
_LOST = 0.02


def afcc_of_links(experiment: Experiment) -> None:
    """`--mode=afcc --afcc_links=...`: the stages at both ends of each link are probed first."""
    own = experiment.afcc.links
    for prefix, settings in (("", own.training), ("scratch_", own.scratch)):
        with training_called(f"afcc_links_{prefix}"):
            optimizer_of(settings, experiment.group_names)
    inputs = load_inputs(experiment)
    check_network_tables(inputs)
    _check(inputs)
    with ProbeSession.open(inputs) as session:
        run_phases(session)
        with session.run.timed("links"):
            table = zero_links(session)
        console = terminal()
        print_links(table, console)
        if (note := note_of_loss(table, experiment.afcc.links.training.lr)) is not None:
            console.print(note)
        console.print(f"results: {session.run.path / 'links'}/<link>/results.csv")


def note_of_loss(table: pd.DataFrame, lr: float) -> str | None:
    """What to say where fine-tuning does harm even to a network that keeps all weights.

    Args:
        table: `DataFrame` with the columns of results.csv.
        lr: `float`. The learning rate.
    """
    full = table[(table["variant"] == "full") & (table["start"] == "trained")]
    lost = full[full["accuracy_before"] - full["accuracy_after"] > _LOST]
    if not len(lost):
        return None
    names = ", ".join(dict.fromkeys(of.split(" ")[-1] for of in lost["links"]))
    return (
        f"note: with all weights kept, fine-tuning costs more than {_LOST:.0%} of accuracy too "
        f"({names}): try a lower rate than --afcc_links_lr={lr:g}"
    )


def _check(inputs: Inputs) -> None:
    """Refuse what cannot be trained, and say which kernels are no links."""
    experiment, network = inputs.experiment, inputs.network
    settings = experiment.afcc.links
    num_labels = inputs.dataset.num_labels
    check_label_outputs(label_outputs(network, num_labels))
    chosen_links(experiment, network, num_labels)
    if "scratch" in settings.start and experiment.network.model not in architectures():
        raise InputError(
            "`afcc_links_start`=scratch is for networks with a name, whose initial weights are "
            "known: leave it out"
        )
    if "scratch" in settings.start:
        with training_called("afcc_links_scratch_"):
            check_groups(settings.scratch, network.trainable_variables, experiment.group_names)
    if experiment.augments_links:
        augmentation_of(experiment, inputs.dataset)
    if settings.names == ("all",):
        for why in unlinked_kernels(network).values():
            terminal().print(f"note: no link: {why}")
        for link in links(network):
            if link.num_outputs not in (None, num_labels):
                terminal().print(
                    f"note: no link: layer {link.layer!r} puts out {link.num_outputs} numbers, not "
                    f"one for each of {num_labels} labels"
                )
