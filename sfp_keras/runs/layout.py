"""Every path of a run directory: a contract that other programs read."""

import contextlib
import hashlib
import os
import shutil
from collections.abc import Sequence
from pathlib import Path

from sfp_keras.file_names import file_name, name_of_file
from sfp_keras.files import damaged, delete_unfinished
from sfp_keras.runs.link_files import LinkFiles, ZeroedLinks
from sfp_keras.runs.record import RunRecord
from sfp_keras.runs.stage_files import AblationFiles, AfccFiles, StageFiles

# What another process needs to go on with a run.
CONTINUED_FROM = (
    *("experiment.json", "model.keras", "training.csv", "labels.csv", "layers.csv"),
    *("intervals.csv", "heads.csv"),
    *("network", "stages", "checkpoint"),
)

# Stage outputs that lie on disk beside those of heads.
_FEATURES_OF_AFCC = ("afcc", "afcc-test", "ablate")
_FEATURES_OF_LINKS = ("links", "links-test")


class RunFiles:
    """The files of one run, whether they exist or not.

    Args:
        path: `str` or `Path`. The run directory.

    Attributes:
        record: `RunRecord`. What experiment.json says.
        model: the trained network.
        training: the curve of phase 1.
        labels: names of the labels.
        layers: one row a stage, split and threshold.
        images: decoded images of a data set that is larger than memory.
        intervals: error bars of the numbers of layers.csv.
        heads: layers.csv of several heads of each stage.
        figures: folder of a report's figures and tables.
        report: page of a report.
    """

    def __init__(self, path: str | Path):
        self.path = path = Path(path)
        self.record = RunRecord(path / "experiment.json")
        self.model = path / "model.keras"
        self.training = path / "training.csv"
        self.labels = path / "labels.csv"
        self.layers = path / "layers.csv"
        self.intervals = path / "intervals.csv"
        self.heads = path / "heads.csv"
        self.figures = path / "figures"
        self.report = path / "report.html"
        self.cache = path / "cache"
        # A narrower network of an ablation reads the images of the run around it.
        outer = path.parent.parent.parent
        narrower = path.parent.parent.name == "ablate" and (outer / "experiment.json").exists()
        self.images = (outer if narrower else path) / "cache" / "images"

    def network_table(self, analysis: str) -> Path:
        """What an analysis measured of the network itself."""
        return self.path / "network" / f"{analysis}.csv"

    def stage(self, name: str) -> StageFiles:
        """The files of a stage."""
        return StageFiles(self.path / "stages" / file_name(name))

    def measured_stages(self, split: str) -> list[str]:
        """The stages measured on a split, in no order.

        Raises:
            InputError: if there is something else in the place of a stage's folder.
        """
        for stage in self.record.heads:
            folder = self.stage(stage).split(split).fields.parent
            for path in (folder.parents[1], folder.parent, folder):
                if path.exists() and not path.is_dir():
                    raise damaged(path, "it is no folder")
        found = self.path.glob(f"stages/*/{split}/fields.npz")
        return self._stages_of([path.parents[1].name for path in found])

    def afcc(self, stage: str) -> AfccFiles:
        """The files of AFCC on a stage."""
        return AfccFiles(self.path / "afcc" / file_name(stage))

    def afcc_stages(self) -> list[str]:
        """The stages with results of AFCC."""
        found = sorted(self.path.glob("afcc/*/results.csv"))
        return self._stages_of([path.parent.name for path in found])

    def links(self, zeroed: ZeroedLinks) -> LinkFiles:
        """The files of AFCC between layers, of some links."""
        return LinkFiles(self.path / "links" / zeroed.folder)

    def all_links(self) -> list[LinkFiles]:
        """All files of AFCC between layers with results."""
        found = sorted(self.path.glob("links/*/results.csv"))
        return [LinkFiles(path.parent) for path in found]

    def ablation(self, stage: str) -> AblationFiles:
        """The files of an ablation of a stage."""
        return AblationFiles(self.path / "ablate" / file_name(stage))

    def ablated_stages(self) -> list[str]:
        """The stages with results of an ablation."""
        found = sorted(self.path.glob("ablate/*/summary.csv"))
        return self._stages_of([path.parent.name for path in found])

    def _stages_of(self, folders: Sequence[str]) -> list[str]:
        """The stages that folders are named after."""
        recorded = (*self.record.heads, *self.record.results.get("stage_order", {}))
        known = {file_name(name): name for name in recorded}
        return [known.get(folder) or name_of_file(folder) for folder in folders]

    def events(self, phase: str) -> Path:
        """The TensorBoard run of a phase."""
        return self.path / "events" / phase

    def checkpoint(self, phase: str, stages: Sequence[str] = ()) -> Path:
        """The checkpoint file of a phase; heads trained together have one of their own."""
        group = hashlib.sha256("/".join(stages).encode()).hexdigest()[:8] if stages else ""
        return self.path / "checkpoint" / f"{phase}{group and '-'}{group}.npz"

    def checkpoints(self, phase: str) -> list[Path]:
        """All checkpoint files of a phase, with the files beside them."""
        return list((self.path / "checkpoint").glob(f"{phase}*.npz*"))

    def delete_checkpoints(self, phase: str) -> None:
        """Delete all checkpoint files of a phase."""
        for path in self.checkpoints(phase):
            path.unlink(missing_ok=True)
        _remove_if_empty(self.path / "checkpoint")

    def features(self, phase: str) -> Path:
        """The folder of stage outputs that a phase keeps on disk while it is not finished."""
        return self.cache / ("features" if phase == "heads" else phase)

    def delete_features(self, phase: str) -> None:
        """Delete stage outputs on disk; decoded images of large sets stay."""
        shutil.rmtree(self.features(phase), ignore_errors=True)
        _remove_if_empty(self.cache)

    def delete_all_features(self) -> None:
        """Delete the stage outputs on disk of every phase."""
        for phase in ("heads", *_FEATURES_OF_AFCC, *_FEATURES_OF_LINKS):
            self.delete_features(phase)

    def has_results(self, phase: str) -> bool:
        """Whether anything here depends on the settings of a phase."""
        if phase == "train":
            made = self.model.exists() or bool(self.record.read().get("results"))
            return made or bool(self.checkpoints("train")) or self.has_results("heads")
        if phase == "heads":
            made = any(self.path.glob("stages/*/head.npz"))
            return made or bool(self.checkpoints("heads"))
        return phase in ("afcc", "links") and any(self.path.glob(f"{phase}/*/*"))

    def delete_results(self, phase: str) -> None:
        """Delete what a phase alone made; the record stays."""
        stages, ablations = self.path / "stages", self.path / "ablate"
        made = {
            "train": [self.model, self.training, ablations, *self.events("").glob("train*")],
            "heads": [stages, self.features("heads"), self.events("heads")],
            "analysis": [
                self.layers,
                self.intervals,
                self.heads,
                self.path / "network",
                # Networks with fewer filters stay: their runs delete what they redo themselves.
                *(path for path in ablations.glob("*/*") if path.is_file()),
                *(path for path in stages.glob("*/*") if path.is_dir()),
                *self.events("").glob("final*"),
            ],
            "afcc": [
                self.path / "afcc",
                *map(self.features, _FEATURES_OF_AFCC),
            ],
            "links": [self.path / "links", *map(self.features, _FEATURES_OF_LINKS)],
        }
        for path in filter(os.path.lexists, made.get(phase, [])):
            # A link to a folder elsewhere is the user's; only the link goes.
            is_folder = path.is_dir() and not path.is_symlink()
            shutil.rmtree(path) if is_folder else path.unlink()
        if phase not in ("afcc", "links"):
            self.delete_checkpoints("fields" if phase == "analysis" else phase)
        _remove_if_empty(self.cache)

    def delete_unfinished(self) -> None:
        """Delete the temporary files that a killed process left."""
        for name in ("network", "stages", "checkpoint", "afcc", "links", "cache/features"):
            delete_unfinished(self.path / name)
        # Deeper ones are of runs that may go on in a process of their own.
        found = list(self.path.glob("ablate/*/.*.tmp"))
        tables = (self.training, self.labels, self.layers, self.intervals, self.heads)
        for file in (self.record.path, self.model, *tables):
            found += self.path.glob(f".{file.name}.*.tmp")
        for path in found:
            if not path.is_dir():
                path.unlink(missing_ok=True)

    def is_ours(self, name: str) -> bool:
        """Whether a file in a folder without a record is no user's: a killed run left it."""
        if name == self.cache.name:
            # Empty: a link to another disk, say, which the user made.
            return self.cache.is_dir() and {p.name for p in self.cache.iterdir()} <= {"images"}
        return name == ".lock" or name.startswith(f".{self.record.path.name}.")


def _remove_if_empty(folder: Path) -> None:
    with contextlib.suppress(OSError):
        folder.rmdir()
