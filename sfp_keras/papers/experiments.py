"""What the papers say of the stages of their experiments."""

import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any

from sfp_keras.filters import signal_to_noise
from sfp_keras.models import architectures
from sfp_keras.papers.source import Source, file_content, source_of

_NOWHERE = Source("", "")


# What the papers' numbers of clusters are measured on and with.
PAPER_SPLIT, PAPER_THRESHOLD = "test", 0.3


def measured_as_papers(split: str, threshold: float) -> bool:
    """Whether numbers of clusters compare with the papers': of the test set, threshold 0.3.

    Args:
        split: `str`. `"test"` or `"train"`.
        threshold: `float`.

    Returns:
        `bool`.
    """
    return (split, threshold) == (PAPER_SPLIT, PAPER_THRESHOLD)


@dataclasses.dataclass(frozen=True)
class StageNumbers(Mapping[str, Mapping[str, Any]]):
    """Numbers of stages from one source: a mapping from a stage's name to a dict.

    Attributes:
        source: `Source`.
        stages: dict from stage to what the paper says of it.
    """

    source: Source = _NOWHERE
    stages: Mapping[str, Mapping[str, Any]] = dataclasses.field(default_factory=dict)

    def __getitem__(self, stage: str) -> Mapping[str, Any]:
        return self.stages[stage]

    def __iter__(self) -> Iterator[str]:
        return iter(self.stages)

    def __len__(self) -> int:
        return len(self.stages)

    def column(self, key: str) -> dict[str, Any]:
        """One number of every stage that has it, by stage."""
        return {stage: numbers[key] for stage, numbers in self.stages.items() if key in numbers}


@dataclasses.dataclass(frozen=True)
class PaperRemoval:
    """What paper 1 says of fewer filters in a layer (its discussion).

    Attributes:
        source: `Source`.
        filters: of the layer.
        removed: filters removed at random at test time, or 0 where it says nothing of that.
        accuracy: after the removal, and before.
        trained: what it says of networks trained with fewer filters, by their number.
    """

    source: Source
    filters: int
    removed: int = 0
    accuracy: float = float("nan")
    trained: Mapping[int, str] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True)
class PaperNumbers:
    """What the papers say of one experiment: a network trained on K labels of a data set.

    Each group is empty where no paper says anything of it.

    Attributes:
        num_labels: `int`. K.
        layers: of a stage filters, the number that the paper's network has there, and some of
            accuracy, noise, clusters, cluster_size.
        cluster_sizes: shares, of clusters of size 1, 2, ... (paper 1, Figure 5A).
        fields: appearances, the mean number of clusters with a label (paper 1, Figure 5B), and
            snr_above, what the ratio with sub-threshold fields exceeds (paper 1, Figure 6C).
        label_means: boolean and fields, each with the averages over labels of signal,
            noise_internal and noise_internal_plus_external (paper 2, Figure 2).
        afcc: of the stage's head kept and total, its weights, accuracy_before and
            accuracy_after; what the paper does not say is left out.
        removal: attributes of `PaperRemoval`; see `removed_filters`.
    """

    num_labels: int = 0
    layers: StageNumbers = StageNumbers()
    cluster_sizes: StageNumbers = StageNumbers()
    fields: StageNumbers = StageNumbers()
    label_means: StageNumbers = StageNumbers()
    afcc: StageNumbers = StageNumbers()
    removal: StageNumbers = StageNumbers()

    def layer_row(self, stage: str) -> dict[str, Any] | None:
        """The numbers of a stage, with signal and noises by paper 2's equations 1-4.

        Args:
            stage: `str`.

        Returns:
            A dict by columns of layers.csv, or `None` where the paper has no such stage.
        """
        theirs = self.layers.get(stage)
        if theirs is None:
            return None
        if not {"noise", "clusters", "cluster_size"} <= set(theirs):
            return dict(theirs)
        equations = signal_to_noise(
            filters=int(theirs["filters"]),
            labels=self.num_labels,
            noise=theirs["noise"],
            clusters=theirs["clusters"],
            cluster_size=theirs["cluster_size"],
        )
        return {**theirs, **dataclasses.asdict(equations)}

    def removed_filters(self, stage: str) -> PaperRemoval | None:
        """What the paper says of fewer filters in a stage, or `None`."""
        found = self.removal.get(stage)
        if found is None:
            return None
        trained = {int(filters): text for filters, text in found["trained"].items()}
        return PaperRemoval(**{**found, "source": self.removal.source, "trained": trained})


def paper_numbers(
    model: str, dataset: str, num_labels: int, options: Mapping[str, Any] | None = None
) -> PaperNumbers:
    """The papers' numbers of an experiment; empty where they do not have it.

    Args:
        model: `str`, such as `vgg16`.
        dataset: `str`, such as `cifar100`.
        num_labels: `int`. K.
        options: the network's options that are not its defaults. A paper's numbers are those of
            the network with the same options. Default: none.

    Returns:
        `PaperNumbers`.
    """
    wanted = {"model": model, "dataset": dataset, "labels": num_labels}
    for entry in file_content()["experiments"]:
        if {name: entry[name] for name in wanted} != wanted:
            continue
        if _same_network(model, entry.get("options", {}), options or {}):
            groups = {
                name: StageNumbers(source_of(group), group["stages"])
                for name, group in entry.items()
                if name not in (*wanted, "options")
            }
            return PaperNumbers(num_labels, **groups)
    return PaperNumbers(num_labels)


def _same_network(model: str, one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Whether options ask for one network, written as texts, lists or values."""
    if one.keys() != other.keys():
        return False
    known = architectures().get(model)
    return not one if known is None else bool(known.read(one) == known.read(other))


def all_experiments() -> list[tuple[str, str, int]]:
    """The papers' experiments, in their order: model, data set and number of labels K.

    Those of a network with other options than its defaults are left out.
    """
    return [
        (entry["model"], entry["dataset"], entry["labels"])
        for entry in file_content()["experiments"]
        if "options" not in entry
    ]


def labels_of_experiments(model: str, dataset: str) -> list[int]:
    """The numbers of labels K that the papers have of a network and a data set, in order."""
    return sorted(k for *of, k in all_experiments() if of == [model, dataset])
