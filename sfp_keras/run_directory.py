"""Every path of a run directory, its lock, and what is finished in it."""

import contextlib
import fcntl
import hashlib
import json
import os
import shutil
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from sfp_keras.errors import InputError
from sfp_keras.experiment import PHASES, Experiment
from sfp_keras.files import CANNOT_WRITE, delete_unfinished, file_digest, write_text
from sfp_keras.provenance import provenance
from sfp_keras.sameness import CONTENT, by_flag, said, same_images
from sfp_keras.stage_files import AfccDirectory, StageDirectory

FORMAT = 1
# Settings that make no difference where they lead to the same images.
_CHOOSE_IMAGES = ("test_fraction", "only_split")


class RunDirectory:
    """One experiment's folder: a contract that other programs read.

    Args:
        experiment: `Experiment` whose directory it is.
    """

    def __init__(self, experiment: Experiment):
        self.experiment = experiment
        self.path = experiment.directory
        self.provenance = self.path / "experiment.json"
        self.model = self.path / "model.keras"
        self.training = self.path / "training.csv"
        self.labels = self.path / "labels.csv"
        self.layers = self.path / "layers.csv"
        self.cache = self.path / "cache"
        self.features = self.cache / "features"
        self.images = self.cache / "images"

    def stage(self, name: str) -> StageDirectory:
        """The files of a stage."""
        return StageDirectory(self.path / "stages" / name)

    def afcc(self, stage: str) -> AfccDirectory:
        """The files of AFCC on a stage."""
        return AfccDirectory(self.path / "afcc" / stage)

    def ablation(self, stage: str) -> Path:
        """The folder of an ablation of a stage."""
        return self.path / "ablate" / stage

    @property
    def figures(self) -> Path:
        """The folder of a report's figures and tables."""
        return self.path / "figures"

    @property
    def report(self) -> Path:
        """The page of a report."""
        return self.path / "report.html"

    def events(self, phase: str) -> Path:
        """The TensorBoard run of a phase."""
        return self.path / "events" / phase

    def checkpoint(self, phase: str, stages: Sequence[str] = ()) -> Path:
        """The checkpoint file of a phase; heads trained together have one of their own."""
        group = hashlib.sha256("/".join(stages).encode()).hexdigest()[:8] if stages else ""
        return self.path / "checkpoint" / f"{phase}{group and '-'}{group}.npz"

    def _checkpoints(self, phase: str) -> list[Path]:
        return list((self.path / "checkpoint").glob(f"{phase}*.npz"))

    def delete_checkpoints(self, phase: str) -> None:
        """Delete what is kept of a phase while it is not finished."""
        for path in (self.path / "checkpoint").glob(f"{phase}*.npz*"):
            path.unlink(missing_ok=True)
        _remove_if_empty(self.path / "checkpoint")

    def delete_features(self) -> None:
        """Delete stage outputs on disk; decoded images of large sets stay."""
        shutil.rmtree(self.features, ignore_errors=True)
        _remove_if_empty(self.cache)

    def check_place(self) -> None:
        """Refuse a folder with files of the user's: in a run directory files are replaced.

        Raises:
            InputError: if the folder holds other files and no experiment, or the network itself.
        """
        for flag in ("model", "weights", "initial_weights"):
            value = self.experiment.value(flag)
            if value and os.path.isfile(value) and self._holds(value):
                raise InputError(
                    f"--{flag}={value} lies in the run directory {self.path}, whose files are "
                    "replaced; choose another --run_dir"
                )
        if os.path.exists(self.provenance):
            return
        try:
            foreign = [name for name in sorted(os.listdir(self.path)) if not self._left(name)]
        except FileNotFoundError:
            return
        except OSError as error:
            raise self._no_folder(error) from None
        if foreign:
            raise InputError(
                f"--run_dir={self.path} holds other files, such as {foreign[0]}, and no "
                "experiment.json; choose an empty folder or a new one"
            )

    def _holds(self, file: str) -> bool:
        return Path(file).resolve().is_relative_to(self.path.resolve())

    def _left(self, name: str) -> bool:
        """Whether this is no file of a user's, such as what a killed run left."""
        if name == self.cache.name:
            # Empty: a link to another disk, say, which the user made.
            return self.cache.is_dir() and set(os.listdir(self.cache)) <= {self.images.name}
        return name == ".lock" or name.startswith(f".{self.provenance.name}.")

    def _no_folder(self, error: OSError) -> InputError:
        return InputError(f"--run_dir={self.path} cannot be used as a folder ({error.strerror})")

    @contextlib.contextmanager
    def opened(self, data: str) -> Iterator["RunDirectory"]:
        """Lock the folder, refuse another experiment's, write the provenance.

        Args:
            data: `str`. A fingerprint of the images and labels.

        Raises:
            InputError: if another process holds the folder, or the folder holds results of
                other settings or other images, or other files.
        """
        self.check_place()
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            lock = open(self.path / ".lock", "a")  # noqa: SIM115
        except OSError as error:
            if error.errno in CANNOT_WRITE:
                raise
            raise self._no_folder(error) from None
        with lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                raise InputError(
                    f"{self.path} is in use by another process; wait for it, or choose another "
                    "--run_dir"
                ) from None
            self._check_settings(data)
            self._delete_unfinished()
            self._write(data)
            yield self

    def _check_settings(self, data: str) -> None:
        """Refuse finished results that were made with other settings or images."""
        saved = self.read()
        if not saved:
            if self.provenance.exists():
                raise InputError(
                    f"{self.provenance} is damaged; choose another --run_dir, or delete the folder"
                )
            return
        if saved.get("format") != FORMAT:
            raise InputError(
                f"{self.provenance} has format {saved.get('format')}, this version reads "
                f"{FORMAT}; choose another --run_dir"
            )
        again = self.experiment.run.overwrite == "train" or not self.kept("train")
        same = same_images(saved.get("data", data), data)
        if not again and not same:
            raise InputError(
                f"{self.path} holds results of other images than --data_dir="
                f"{self.experiment.data.data_dir} has; choose another --run_dir, or redo all with "
                "--overwrite=train"
            )
        defaults = Experiment().to_json()
        for phase in PHASES:
            if self.experiment.run.overwrite == phase:
                break
            if phase == "afcc" and self.experiment.run.mode != "afcc":
                continue
            before = saved["phases"].get(phase)
            if before is None or not self.kept(phase):
                continue
            # What did not exist when the results were made was at its default.
            before = {**defaults, **by_flag(before)}
            for name, value in by_flag(self.settings(phase)).items():
                if before.get(name) != value and not (same and name in _CHOOSE_IMAGES):
                    raise InputError(
                        f"{self.path} holds another experiment: --{name} was "
                        f"{said(before.get(name))}, now {said(value)}; choose another "
                        f"--run_dir, or redo from there with --overwrite={phase}"
                    )

    def _delete_unfinished(self) -> None:
        """Delete the temporary files that a killed process left."""
        for name in ("stages", "checkpoint", "afcc", "cache/features"):
            delete_unfinished(self.path / name)
        # Deeper ones are of runs that may go on in a process of their own.
        for path in self.path.glob("ablate/*/.*.tmp"):
            path.unlink(missing_ok=True)
        for file in (self.provenance, self.model, self.training, self.labels, self.layers):
            for path in self.path.glob(f".{file.name}.*.tmp"):
                path.unlink(missing_ok=True)

    def kept(self, phase: str) -> bool:
        """Whether anything is kept that depends on the settings of a phase."""
        if phase == "train":
            made = self.model.exists() or bool(self.read().get("results"))
            return made or bool(self._checkpoints("train")) or self.kept("heads")
        if phase == "heads":
            made = any(self.path.glob("stages/*/head.npz"))
            return made or bool(self._checkpoints("heads"))
        return phase == "afcc" and any(self.path.glob("afcc/*/*"))

    @property
    def trained(self) -> bool:
        """Whether model.keras is there and was made by this run.

        Raises:
            InputError: if it was put there by other means.
        """
        if not self.model.exists():
            return False
        if "train" not in self.read().get("phases", {}):
            raise InputError(f"{self.model} was not made by this run; choose another --run_dir")
        return True

    def settings(self, phase: str) -> dict[str, Any]:
        """A phase's settings, with fingerprints of the files they name."""
        settings = self.experiment.settings(phase)
        if phase == "train":
            for name in ("weights", "model", "initial_weights"):
                value = settings.get(name)
                if value and os.path.isfile(value):
                    settings[f"{name}{CONTENT}"] = file_digest(Path(value))
                    del settings[name]
        return settings

    def discard(self) -> None:
        """Delete the results of the phase --overwrite names, and of those after it."""
        first = self.experiment.run.overwrite
        if first is None:
            return
        stages = self.path / "stages"
        doomed = [self.path / "afcc", self.cache / "afcc", self.cache / "ablate"]
        if first != "afcc":
            self.delete_checkpoints("fields")
            doomed.append(self.layers)
            # Networks with fewer filters stay: their runs discard what they redo themselves.
            doomed += [path for path in self.path.glob("ablate/*/*") if path.is_file()]
        if first == "afcc":
            pass
        elif first == "analysis":
            doomed += [path for path in stages.glob("*/*") if path.is_dir()]
        else:
            doomed.append(stages)
            self.delete_features()
            self.delete_checkpoints("heads")
        if first == "train":
            doomed += [self.model, self.training, self.path / "ablate"]
            self.delete_checkpoints("train")
        runs = {"train": ["train", "heads", "final*"], "heads": ["heads", "final*"], "afcc": []}
        doomed += [p for name in runs.get(first, ["final*"]) for p in self.events("").glob(name)]
        for path in filter(Path.exists, doomed):
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        gone = list(PHASES)[list(PHASES).index(first) :]

        def change(saved: dict[str, Any]) -> None:
            for section in ("phases", "seconds"):
                saved[section] = {k: v for k, v in saved[section].items() if k not in gone}
            if first == "train":
                saved["results"] = {}

        self._update(change)

    def begin(self, phase: str) -> None:
        """Record the settings a phase is now run with."""

        def change(saved: dict[str, Any]) -> None:
            phases = saved.setdefault("phases", {})
            of_stages = {k: v for k, v in phases.get(phase, {}).items() if k == "stages"}
            phases[phase] = {**self.settings(phase), **of_stages}

        self._update(change)

    def record_heads(self, settings: Mapping[str, Mapping[str, str]]) -> None:
        """Keep the settings of single stages' heads, of a phase that has begun."""
        self._update(
            lambda saved: saved["phases"]["heads"].setdefault("stages", {}).update(settings)
        )

    def finished_heads(self) -> dict[str, dict[str, str]]:
        """The settings kept of each stage whose head is finished, and is to stay."""
        if self.experiment.run.overwrite in ("train", "heads"):
            return {}
        begun = self._begun_heads()
        return {name: of for name, of in begun.items() if self.stage(name).head.exists()}

    def unfinished_heads(self) -> list[str]:
        """The stages whose heads began to be trained and are not finished."""
        return [name for name in self._begun_heads() if not self.stage(name).head.exists()]

    def _begun_heads(self) -> dict[str, dict[str, str]]:
        begun = self.read().get("phases", {}).get("heads", {}).get("stages", {})
        return dict(begun)

    def add_seconds(self, phase: str, seconds: float) -> None:
        """Add to the seconds spent in a phase."""

        def change(saved: dict[str, Any]) -> None:
            spent = saved.setdefault("seconds", {})
            spent[phase] = round(spent.get(phase, 0.0) + seconds, 2)

        self._update(change)

    @contextlib.contextmanager
    def timed(self, phase: str) -> Iterator[None]:
        """Record a phase's settings at its begin and its seconds at its end, however it ends."""
        self.begin(phase)
        start = time.monotonic()
        try:
            yield
        finally:
            # A full disk must be reported as such, not replaced by this note's own failure.
            with contextlib.suppress(OSError):
                self.add_seconds(phase, time.monotonic() - start)

    def record(self, **results: Any) -> None:
        """Keep numbers of the whole run, such as the network's own accuracy."""
        self._update(lambda saved: saved.setdefault("results", {}).update(results))

    def read(self) -> dict[str, Any]:
        """What experiment.json says; empty where there is none or it is damaged."""
        try:
            saved = json.loads(self.provenance.read_text())
        except (OSError, ValueError):
            return {}
        sections = ("phases", "seconds", "results")
        whole = isinstance(saved, dict) and all(isinstance(saved.get(s), dict) for s in sections)
        return saved if whole else {}

    def _update(self, change: Any) -> None:
        saved = self.read()
        change(saved)
        write_text(self.provenance, json.dumps(saved, indent=2) + "\n")

    def _write(self, data: str) -> None:
        saved = self.read()
        write_text(
            self.provenance,
            json.dumps(
                {
                    "format": FORMAT,
                    "flags": self.experiment.to_json(),
                    "command": self.experiment.command(),
                    **provenance(),
                    "data": data,
                    "phases": saved.get("phases", {}),
                    "seconds": saved.get("seconds", {}),
                    "results": saved.get("results", {}),
                },
                indent=2,
            )
            + "\n",
        )


def _remove_if_empty(folder: Path) -> None:
    with contextlib.suppress(OSError):
        folder.rmdir()
