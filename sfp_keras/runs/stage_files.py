"""The files of one stage in a run directory: measured, fine-tuned, ablated."""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from sfp_keras.file_names import file_name, name_of_file

_NARROWER = re.compile(r"(?:layers(.+)-)?width-(\d+)", re.DOTALL)


class StageFiles:
    """The files of one stage.

    Attributes:
        head: the kernel; its presence says that the head is finished.
        curve: the head's training, epoch by epoch.
        further_heads: kernels of other heads of the stage.
    """

    def __init__(self, path: Path):
        self.head = path / "head.npz"
        self.curve = path / "head.csv"
        self.further_heads = path / "further_heads.npz"
        self._path = path

    def split(self, split: str) -> "SplitFiles":
        """The files of the stage measured on one split."""
        return SplitFiles(self._path / split)


class SplitFiles:
    """The files of one stage measured on one split.

    Attributes:
        single_heads: attention heads alone, silenced at the input; of stages that have some.
    """

    def __init__(self, path: Path):
        self.fields = path / "fields.npz"
        self.clusters = path / "clusters.npz"
        self.filters = path / "filters.csv"
        self.labels = path / "labels.csv"
        self.further_heads = path / "further_heads.npz"
        self.single_heads = path / "single_heads.npz"
        self._path = path

    def image_result(self, analysis: str) -> Path:
        """The result of an analysis that passes over the images; a table beside it has its name."""
        return self._path / f"{analysis}.npz"


class AfccFiles:
    """The files of AFCC on one stage."""

    def __init__(self, path: Path):
        self.path = path
        self.results = path / "results.csv"
        self.mask = path / "mask.npz"
        self.model = path / "model.keras"
        self.figure = path / "afcc.png"
        self.networks = path / "networks.csv"

    def curve(self, variant: str, images: str, threshold: float) -> Path:
        """The accuracies of one fine-tuning, epoch by epoch."""
        return self.path / "curves" / f"{_fine_tuning(variant, images, threshold)}.csv"

    def checkpoint(self, variant: str, images: str, threshold: float) -> Path:
        """The checkpoint of one fine-tuning, the same with any others asked for."""
        return self.path / f"checkpoint-{_fine_tuning(variant, images, threshold)}.npz"


def _fine_tuning(variant: str, images: str, threshold: float) -> str:
    return variant + (f"-{images}-{threshold:g}" if images else "")


class AblationFiles:
    """The files of an ablation of one stage.

    Attributes:
        settings: what `removal` and `labels` were made with.
    """

    def __init__(self, path: Path):
        self.path = path
        self.settings = path / "settings.json"
        self.removal = path / "removal.csv"
        self.labels = path / "labels.csv"
        self.summary = path / "summary.csv"
        self.widths = path / "widths.csv"

    def figure(self, name: str) -> Path:
        """A figure, without its ending."""
        return self.path / name

    def narrower(self, width: int, layers: Sequence[int | str] = ()) -> Path:
        """The run directory of a network with fewer filters.

        Args:
            width: `int`. Filters of each changed layer.
            layers: numbers or names of the changed layers, where they are not the stage's own.
        """
        changed = f"layers{file_name('-'.join(map(str, layers)))}-" if layers else ""
        return self.path / f"{changed}width-{width}"

    def all_narrower(self) -> Iterator[tuple[str, int, Path]]:
        """Changed layers (empty: the stage's own), width and run directory of each network."""
        for folder in self.path.glob("*width-*"):
            match = _NARROWER.fullmatch(folder.name)
            if match is not None:
                yield name_of_file(match[1] or ""), int(match[2]), folder
