"""Phases 1 to 3, with which every mode begins that reads single filters."""

from sfp_keras.workflows.phases.accuracy import print_accuracy
from sfp_keras.workflows.phases.filters import measure_filters
from sfp_keras.workflows.phases.heads import train_heads
from sfp_keras.workflows.phases.network import train_network
from sfp_keras.workflows.phases.network_tables import measure_network
from sfp_keras.workflows.session import ProbeSession


def run_phases(session: ProbeSession) -> None:
    """The network, a head on every frozen stage, every filter alone; each where not finished."""
    train_network(session)  # Phase 1.
    print_accuracy(session)  # It exposes wrong scaling or label order.
    measure_network(session)
    train_heads(session)  # Phase 2.
    measure_filters(session)  # Phase 3.
