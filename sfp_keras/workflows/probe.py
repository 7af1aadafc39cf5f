"""The whole procedure: train, train the heads, measure every filter, read the table."""

from sfp_keras.experiment import Experiment
from sfp_keras.reports import head_table, print_layers, print_table, terminal
from sfp_keras.workflows.inputs.inputs import load_inputs
from sfp_keras.workflows.next_steps import next_steps
from sfp_keras.workflows.paper_numbers import paper_numbers
from sfp_keras.workflows.phases.all_phases import run_phases
from sfp_keras.workflows.phases.events import write_final
from sfp_keras.workflows.phases.further_heads import write_further_statistics
from sfp_keras.workflows.phases.intervals import write_intervals
from sfp_keras.workflows.phases.network_tables import check_network_tables
from sfp_keras.workflows.phases.single_heads import measure_single_heads
from sfp_keras.workflows.phases.statistics import write_statistics
from sfp_keras.workflows.session import ProbeSession


def probe(experiment: Experiment) -> None:
    """`--mode=probe`: phases 1 to 3 of the papers, each only where it is not finished."""
    inputs = load_inputs(experiment)
    check_network_tables(inputs)
    with ProbeSession.open(inputs) as session:
        run_phases(session)
        measure_single_heads(session)  # Of attention, at the input.
        layers = write_statistics(session)
        intervals = write_intervals(session)
        heads = write_further_statistics(session)
        write_final(session)  # For the tab, with all of these.

        console, analysis = terminal(), experiment.analysis
        paper = paper_numbers(experiment, inputs.dataset.num_labels)
        print_layers(layers, paper, console, intervals, session.kinds)
        for split in dict.fromkeys(heads["split"]):
            print_table(head_table(heads, split), console, without=("zero_signal_labels",))
        next_steps(session.run.path, analysis.threshold, console, analysis.split[0])
