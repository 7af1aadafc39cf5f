"""Phase 1 alone."""

from sfp_keras.experiment import Experiment
from sfp_keras.reports import terminal
from sfp_keras.workflows.inputs.inputs import load_training_inputs
from sfp_keras.workflows.phases.network import train_network
from sfp_keras.workflows.phases.network_tables import check_network_tables, measure_network
from sfp_keras.workflows.session import ProbeSession


def train(experiment: Experiment) -> None:
    """`--mode=train`: phase 1 of the papers."""
    inputs = load_training_inputs(experiment)
    check_network_tables(inputs)
    with ProbeSession.open(inputs) as session:
        train_network(session)
        measure_network(session)
        console = terminal()
        console.print(f"trained network: {session.run.model}")
        console.print("next: the same command with --mode=probe measures its filters")
