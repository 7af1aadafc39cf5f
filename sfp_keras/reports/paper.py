"""The layer statistics the papers print, by experiment."""

import dataclasses
import json
from importlib import resources


@dataclasses.dataclass(frozen=True)
class PaperLayers:
    """What a paper says of an experiment's layers.

    Attributes:
        source: paper and table.
        num_labels: K.
        layers: dict from stage name to a dict with some of accuracy, noise, clusters,
            cluster_size.
    """

    source: str
    num_labels: int
    layers: dict[str, dict[str, float]]


def paper_layers(model: str, dataset: str, num_labels: int) -> PaperLayers | None:
    """The papers' numbers of an experiment, or `None` where it is none of theirs.

    Args:
        model: `str`, such as `vgg16`.
        dataset: `str`, such as `cifar100`.
        num_labels: `int`. K.
    """
    text = resources.files(__package__).joinpath("paper_layers.json").read_text("utf-8")
    entry = json.loads(text).get(f"{model}-{dataset}-{num_labels}")
    return PaperLayers(entry["source"], num_labels, entry["layers"]) if entry else None
