"""The files of AFCC between layers in a run directory."""

from pathlib import Path
from typing import NamedTuple

from sfp_keras.file_names import file_name


class ZeroedLinks(NamedTuple):
    """Links that are zeroed at once, or one after another.

    Attributes:
        how: `str`. `alone`, `sequence` or `together`.
        links: names of links; of a sequence in the order in which they are zeroed, the last by
            this training.
    """

    how: str
    links: tuple[str, ...]

    @property
    def folder(self) -> str:
        """The name of their folder."""
        return file_name("-".join(self.links if self.how == "alone" else (self.how, *self.links)))

    @property
    def before(self) -> "ZeroedLinks":
        """The step of a sequence before this one; the first is a link alone."""
        names = self.links[:-1]
        return ZeroedLinks("sequence" if len(names) > 1 else "alone", names)


class LinkTraining(NamedTuple):
    """What distinguishes a training under masks of some links.

    Attributes:
        variant: `str`. What is kept.
        images: `str`. The split its clusters come from; empty where none are needed.
        threshold: `float`. Of the clusters; 0 where none are needed.
        seed: `int`.
        start: `str`. `trained` or `scratch`.
    """

    variant: str
    images: str = ""
    threshold: float = 0.0
    seed: int = 0
    start: str = "trained"

    @property
    def file(self) -> str:
        """What its files are called."""
        of = f"-{self.images}-{self.threshold:g}" if self.images else ""
        scratch = "-scratch" if self.start == "scratch" else ""
        return f"{self.variant}{of}{scratch}-seed{self.seed}"


class LinkFiles:
    """The files of some zeroed links.

    Attributes:
        results: a row for each training.
        mask: the masks of `model`.
        model: the network after the first fine-tuning of AFCC.
    """

    def __init__(self, path: Path):
        self.path = path
        self.results = path / "results.csv"
        self.mask = path / "mask.npz"
        self.model = path / "model.keras"

    def curve(self, training: LinkTraining) -> Path:
        """The accuracies of a training, epoch by epoch."""
        return self.path / "curves" / f"{training.file}.csv"

    def checkpoint(self, training: LinkTraining) -> Path:
        """The checkpoint of a training."""
        return self.path / f"checkpoint-{training.file}.npz"

    def state(self, training: LinkTraining) -> Path:
        """The network that a sequence goes on with, while it is not finished."""
        return self.path / f"state-{training.file}.npz"

    def states(self) -> list[Path]:
        """All of these networks that are there."""
        return list(self.path.glob("state-*.npz"))
