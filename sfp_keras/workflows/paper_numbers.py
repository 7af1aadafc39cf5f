"""The papers' numbers that may stand beside an experiment's own."""

from sfp_keras import papers
from sfp_keras.experiment import Experiment


def paper_numbers(experiment: Experiment, num_labels: int) -> papers.PaperNumbers:
    """What the papers say of the same network, trained on as many labels of the same data.

    Args:
        experiment: `Experiment`.
        num_labels: `int`. K.
    """
    options = experiment.changed_options
    return papers.paper_numbers(
        experiment.network.model, experiment.data.dataset, num_labels, options
    )
