"""Every path of a run directory, its lock, its provenance, and what is finished in it."""

import contextlib
import fcntl
import hashlib
import json
import platform
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

from sfp_keras.errors import InputError
from sfp_keras.experiment import PHASES, Experiment
from sfp_keras.files import CANNOT_WRITE, delete_unfinished, write_text

FORMAT = 1
_PACKAGES = ("sfp-keras", "keras", "tensorflow", "jax", "numpy", "scikit-learn")


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

    def stage(self, name: str) -> StageDirectory:
        """The files of a stage."""
        return StageDirectory(self.path / "stages" / name)

    def events(self, phase: str) -> Path:
        """The TensorBoard run of a phase."""
        return self.path / "events" / phase

    def checkpoint(self, phase: str, stages: Sequence[str] = ()) -> Path:
        """The checkpoint file of a phase; heads trained together have one of their own."""
        group = hashlib.sha256("/".join(stages).encode()).hexdigest()[:8] if stages else ""
        return self.path / "checkpoint" / f"{phase}{group and '-'}{group}.npz"

    def delete_checkpoints(self, phase: str) -> None:
        """Delete what is kept of a phase while it is not finished."""
        for path in (self.path / "checkpoint").glob(f"{phase}*.npz"):
            path.unlink(missing_ok=True)

    @contextlib.contextmanager
    def opened(self, data: str) -> Iterator["RunDirectory"]:
        """Lock the folder, refuse another experiment's, write the provenance.

        Args:
            data: `str`. A fingerprint of the images and labels.

        Raises:
            InputError: if another process holds the folder, or the folder holds results of
                other settings or other images.
        """
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            lock = open(self.path / ".lock", "a")  # noqa: SIM115
        except OSError as error:
            if error.errno in CANNOT_WRITE:
                raise
            raise InputError(
                f"--run_dir={self.path} cannot be used as a folder ({error.strerror})"
            ) from None
        with lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                raise InputError(
                    f"{self.path} is in use by another process; wait for it, or choose another "
                    "--run_dir"
                ) from None
            self._check_settings(data)
            delete_unfinished(self.path)
            self._write(data)
            yield self

    def _check_settings(self, data: str) -> None:
        """Refuse finished results that were made with other settings or images."""
        saved = self.read()
        if not saved:
            if any(self.path.glob("*.csv")) or (self.path / "stages").exists():
                raise InputError(
                    f"{self.path} holds results but no readable experiment.json; choose another "
                    "--run_dir, or delete this folder"
                )
            return
        if saved.get("format") != FORMAT:
            raise InputError(
                f"{self.provenance} has format {saved.get('format')}, this version reads "
                f"{FORMAT}; choose another --run_dir"
            )
        if self.experiment.overwrite != "train" and saved.get("data", data) != data:
            raise InputError(
                f"{self.path} holds results of other images than --data_dir="
                f"{self.experiment.data_dir} has; choose another --run_dir, or redo all with "
                "--overwrite=train"
            )
        for phase in PHASES:
            if self.experiment.overwrite == phase:
                break
            before = saved.get("phases", {}).get(phase)
            if before is None:
                continue
            now = json.loads(json.dumps(self.settings(phase)))
            for name, value in now.items():
                if before.get(name) != value:
                    raise InputError(
                        f"{self.path} holds another experiment: --{name} was "
                        f"{_said(before.get(name))}, now {_said(value)}; choose another "
                        f"--run_dir, or redo from there with --overwrite={phase}"
                    )

    def settings(self, phase: str) -> dict[str, Any]:
        """A phase's settings, with fingerprints of the files they name."""
        settings = self.experiment.settings(phase)
        if phase == "train":
            for name in ("weights", "model"):
                value = settings[name]
                if value and Path(value).is_file():
                    settings[f"{name} (content)"] = file_digest(Path(value))
                    del settings[name]
        return settings

    def discard(self) -> None:
        """Delete the results of the phase --overwrite names, and of those after it."""
        first = self.experiment.overwrite
        if first is None:
            return
        stages = self.path / "stages"
        doomed = [self.layers]
        if first == "analysis":
            doomed += [path for path in stages.glob("*/*") if path.is_dir()]
        else:
            doomed += [stages, self.cache]
            self.delete_checkpoints("heads")
        if first == "train":
            doomed += [self.model, self.training]
            self.delete_checkpoints("train")
        runs = {"train": ["train", "heads", "final*"], "heads": ["heads", "final*"]}
        doomed += [p for name in runs.get(first, ["final*"]) for p in self.events("").glob(name)]
        for path in doomed:
            shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
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
            saved.setdefault("phases", {})[phase] = self.settings(phase)

        self._update(change)

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


def provenance() -> Mapping[str, Any]:
    """Versions, git revision, backend and device."""
    import keras

    versions = {"python": platform.python_version()}
    for package in _PACKAGES:
        with contextlib.suppress(metadata.PackageNotFoundError):
            versions[package] = metadata.version(package)
    devices = keras.distribution.list_devices() if keras.backend.backend() != "torch" else []
    return {
        "versions": versions,
        "git_revision": _git_revision(),
        "backend": keras.backend.backend(),
        "device": ", ".join(devices) or "cpu",
        "platform": f"{platform.system()} {platform.machine()}, {sys.implementation.name}",
    }


def _git_revision() -> str | None:
    folder = Path(__file__).parent
    try:
        done = subprocess.run(
            ["git", "-C", str(folder), "describe", "--always", "--dirty", "--abbrev=12"],
            capture_output=True,
            text=True,
            check=True,
            timeout=10,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()


def file_digest(path: Path) -> str:
    """SHA-256 of a file."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _said(value: Any) -> str:
    return "not given" if value in (None, []) else str(value)
