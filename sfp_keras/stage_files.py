"""The paths of the files of one stage in a run directory."""

from pathlib import Path


class StageDirectory:
    """The files of one stage."""

    def __init__(self, path: Path):
        self.head = path / "head.npz"
        self.curve = path / "head.csv"
        self._path = path

    def split(self, split: str) -> "SplitDirectory":
        """The files of one stage measured on one split."""
        return SplitDirectory(self._path / split)


class SplitDirectory:
    """The files of one stage measured on one split."""

    def __init__(self, path: Path):
        self.fields = path / "fields.npz"
        self.clusters = path / "clusters.npz"
        self.filters = path / "filters.csv"
        self.labels = path / "labels.csv"
        self.decisions = path / "decisions.npz"
        self.decided = path / "decisions.csv"


class AfccDirectory:
    """The files of AFCC on one stage."""

    def __init__(self, path: Path):
        self.path = path
        self.results = path / "results.csv"
        self.mask = path / "mask.npz"
        self.model = path / "model.keras"
        self.figure = path / "afcc.png"

    def curve(self, variant: str, images: str, threshold: float) -> Path:
        """The accuracies of one fine-tuning, epoch by epoch."""
        return self.path / "curves" / f"{_fine_tuning(variant, images, threshold)}.csv"

    def checkpoint(self, variant: str, images: str, threshold: float) -> Path:
        """From where one interrupted fine-tuning goes on, whichever are asked for then."""
        return self.path / f"checkpoint-{_fine_tuning(variant, images, threshold)}.npz"


def _fine_tuning(variant: str, images: str, threshold: float) -> str:
    return variant + (f"-{images}-{threshold:g}" if images else "")
