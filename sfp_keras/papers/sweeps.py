"""What paper 2 says of networks trained with some of a data set's labels."""

import dataclasses

import pandas as pd

from sfp_keras.papers.experiments import labels_of_experiments, paper_numbers
from sfp_keras.papers.source import Source, file_content, source_of


@dataclasses.dataclass(frozen=True, eq=False)
class PaperSweep:
    """What paper 2 says of a network over the number of labels.

    Attributes:
        source: `Source`.
        rows: `DataFrame` with K, stage, accuracy, error, noise, clusters, cluster_size.
        line_labels: the K that its figure's line goes through.
        slope: the slope that it prints, with its range over subsets, or `None`.
    """

    source: Source
    rows: pd.DataFrame
    line_labels: tuple[int, ...]
    slope: str | None = None

    def row(self, stage: str, labels: int) -> dict | None:
        """What it says of a stage trained with so many labels."""
        chosen = (self.rows["stage"] == stage) & (self.rows["K"] == labels)
        found = self.rows[chosen].to_dict("records")
        return found[0] if found else None

    def line_points(self, stage: str) -> pd.DataFrame:
        """The rows of a stage that its figure's line goes through."""
        chosen = (self.rows["stage"] == stage) & self.rows["K"].isin(self.line_labels)
        return self.rows[chosen]


def shown_stage(model: str) -> str | None:
    """The stage of which paper 2 draws the error against K, on whatever data.

    Args:
        model: `str`, such as `vgg16`.

    Returns:
        `str`, or `None` where the paper did not vary K.
    """
    entries = file_content()["sweeps"]
    return next((str(entry["stage"]) for entry in entries if entry["model"] == model), None)


def paper_sweep(model: str, dataset: str) -> PaperSweep | None:
    """Paper 2's numbers of a network over the number of labels.

    Args:
        model: `str`, such as `vgg16`.
        dataset: `str`, such as `cifar100`.

    Returns:
        A `PaperSweep`, or `None` where the paper did not vary K.
    """
    for entry in file_content()["sweeps"]:
        if (entry["model"], entry["dataset"]) == (model, dataset):
            rows = [
                {"K": k, "stage": stage, **numbers, "error": 1 - numbers["accuracy"]}
                for k in labels_of_experiments(model, dataset)
                for stage, numbers in paper_numbers(model, dataset, k).layers.items()
            ]
            labels = tuple(entry["line_labels"])
            return PaperSweep(source_of(entry), pd.DataFrame(rows), labels, entry.get("slope"))
    return None
