"""What analyses measure of the network itself, where they are asked for."""

import numpy as np

from sfp_keras.analyses import network_tables, read_network_table
from sfp_keras.csv_files import csv_text
from sfp_keras.data import evaluation_batches
from sfp_keras.errors import InputError
from sfp_keras.experiment import Experiment
from sfp_keras.files import write_text
from sfp_keras.models.label_outputs import label_logits, label_outputs
from sfp_keras.progress import Progress
from sfp_keras.reports import print_table, terminal
from sfp_keras.workflows.inputs.inputs import Inputs
from sfp_keras.workflows.session import ProbeSession


def check_network_tables(inputs: Inputs) -> None:
    """Refuse to measure a network that has no logits of the labels.

    Raises:
        InputError: naming the setting.
    """
    for name in _asked(inputs.experiment):
        found = label_outputs(inputs.network, inputs.dataset.num_labels)
        if isinstance(found, str):
            raise InputError(f"`{name}` needs a network that answers with the labels: its {found}")
        if found.threshold is not None:
            raise InputError(f"`{name}` needs a network with an output for each of the two labels")


def measure_network(session: ProbeSession) -> None:
    """Measure what is asked for and was not measured yet, over as many images, and show it."""
    for name, count in _asked(session.experiment).items():
        needs, path = network_tables()[name], session.run.network_table(name)
        images = min(count, len(session.dataset.train))
        table = read_network_table(path, needs)
        if table is None or table["images"].iloc[0] != images:
            with session.run.timed("analysis"):
                found = label_outputs(session.network, session.dataset.num_labels)
                assert not isinstance(found, str)
                network = label_logits(session.network, found)
                progress = Progress(name.replace("_", " "))
                table = needs.measure(network, *_some_images(session, images), progress)
                write_text(path, csv_text(table))
        print_table(needs.show(table), terminal())


def _asked(experiment: Experiment) -> dict[str, int]:
    """How many images are asked for, by the name of the analysis."""
    asked = {name: getattr(experiment.analysis, name) for name in network_tables()}
    return {name: count for name, count in asked.items() if count is not None}


def _some_images(session: ProbeSession, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Training images at equal distances, for they may stand label after label; scaled."""
    train = session.dataset.train
    chosen = np.linspace(0, len(train) - 1, count).round().astype(np.int64)
    batches = list(evaluation_batches(train.select(chosen), 100, session.scaling))
    return tuple(np.concatenate(part) for part in zip(*batches, strict=True))  # type: ignore[return-value]
