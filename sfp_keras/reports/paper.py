"""The layer statistics the papers print, by experiment, and the averages of their figures."""

import dataclasses
import json
from collections.abc import Mapping
from importlib import resources
from typing import Any

from sfp_keras.filters import signal_to_noise


def measured_as_papers(split: str, threshold: float) -> bool:
    """Whether numbers of clusters compare with the papers': of the test set, threshold 0.3."""
    return split == "test" and threshold == 0.3


@dataclasses.dataclass(frozen=True)
class PaperLayers:
    """What a paper says of an experiment's layers.

    Attributes:
        source: paper and table.
        num_labels: K.
        layers: dict from stage name to a dict with filters, the number that the paper's network
            has there, and some of accuracy, noise, clusters, cluster_size.
    """

    source: str
    num_labels: int
    layers: dict[str, dict[str, float]]

    def row(self, stage: str) -> dict[str, float] | None:
        """The numbers of a stage, with signal and noises by paper 2's equations 1-4.

        Args:
            stage: `str`.

        Returns:
            A dict, or `None` where the paper has no such stage.
        """
        theirs = self.layers.get(stage)
        if theirs is None or not {"noise", "clusters", "cluster_size"} <= set(theirs):
            return theirs
        equations = signal_to_noise(
            filters=int(theirs["filters"]),
            labels=self.num_labels,
            noise=theirs["noise"],
            clusters=theirs["clusters"],
            cluster_size=theirs["cluster_size"],
        )
        return {**theirs, **dataclasses.asdict(equations)}


def paper_layers(model: str, dataset: str, num_labels: int) -> PaperLayers | None:
    """The papers' numbers of an experiment, or `None` where it is none of theirs.

    Args:
        model: `str`, such as `vgg16`.
        dataset: `str`, such as `cifar100`.
        num_labels: `int`. K.
    """
    entry = _entry("paper_layers.json", model, dataset, num_labels)
    return PaperLayers(entry["source"], num_labels, entry["layers"]) if entry else None


@dataclasses.dataclass(frozen=True)
class PaperFigures:
    """What a paper's figures and text say of single stages, by the stage's name.

    Attributes:
        size_fractions: shares of clusters of size 1, 2, ... (paper 1, Figure 5A).
        appearances: mean number of clusters with a label (paper 1, Figure 5B).
        snr_above: what the ratio with sub-threshold fields exceeds (paper 1, Figure 6C).
        label_means: of boolean and fields, the averages over labels of signal, noise_internal
            and noise_internal_plus_external (paper 2, Figure 2).
    """

    size_fractions: Mapping[str, list[float]] = dataclasses.field(default_factory=dict)
    appearances: Mapping[str, float] = dataclasses.field(default_factory=dict)
    snr_above: Mapping[str, float] = dataclasses.field(default_factory=dict)
    label_means: Mapping[str, Mapping[str, Mapping[str, float]]] = dataclasses.field(
        default_factory=dict
    )


def paper_figures(model: str, dataset: str, num_labels: int) -> PaperFigures:
    """What the papers' figures say of an experiment; empty where it is none of theirs.

    Args:
        model: `str`, such as `vgg16`.
        dataset: `str`, such as `cifar100`.
        num_labels: `int`. K.
    """
    return PaperFigures(**_entry("paper_figures.json", model, dataset, num_labels) or {})


def _entry(file: str, model: str, dataset: str, num_labels: int) -> dict[str, Any] | None:
    text = resources.files(__package__).joinpath(file).read_text("utf-8")
    entry: dict[str, Any] | None = json.loads(text).get(f"{model}-{dataset}-{num_labels}")
    return entry
