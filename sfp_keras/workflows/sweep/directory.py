"""Every path of a sweep's folder, who works on which member, and which are finished.

A member is finished when the command of its run directory ended well with the settings it has now.
"""

import contextlib
import fcntl
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from sfp_keras.analyses import switches
from sfp_keras.errors import InputError
from sfp_keras.experiment import Experiment
from sfp_keras.files import CANNOT_WRITE, damaged, open_lock, read_json, write_text
from sfp_keras.runs import RunFiles, differences, in_use, try_lock
from sfp_keras.settings import LABELS, SWEEP_AXES, SweepAxis
from sfp_keras.workflows.experiment_run import ExperimentRun
from sfp_keras.workflows.sweep.plan import RECORD

FORMAT = 1
_OF_SEEDS = ("subset_seed", "seed")


class SweepDirectory:
    """A sweep's folder: its members' run directories and what they say together.

    Args:
        path: `Path`.
    """

    def __init__(self, path: Path):
        self.path = path
        self.settings = path / RECORD
        self.members = path / "members.csv"
        self.summary = path / "summary.csv"
        self.fit = path / "fit.csv"
        self.figures = path / "figures"
        self.report = path / "report.html"
        self._lock = path / ".lock"
        self._claims = path / ".members"

    def prepare(self) -> None:
        """Make the folder.

        Raises:
            InputError: if it is none, or holds something else than a sweep.
        """
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            there = sorted(os.listdir(self.path))
        except OSError as error:
            if error.errno in CANNOT_WRITE:
                raise
            raise InputError(
                f"`run_dir`={self.path} cannot be used as a folder ({error.strerror})"
            ) from None
        if self.settings.exists() or self._claims.exists():
            return
        foreign = [name for name in there if not name.startswith((".lock", ".sweep.json."))]
        if foreign:
            what = "a run directory" if "experiment.json" in foreign else "no sweep"
            raise InputError(
                f"`run_dir`={self.path} is {what}: it holds {foreign[0]} and no sweep.json; "
                "choose an empty folder or a new one"
            )

    def read(self) -> dict[str, Any]:
        """What sweep.json says; empty where there is none.

        Raises:
            InputError: if it is damaged or of another version.
        """
        try:
            saved = read_json(self.settings)
            _check(saved)
        except FileNotFoundError:
            return {}
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise damaged(
                self.settings,
                error,
                "delete it and run the sweep again in this folder, which keeps its members",
            ) from None
        return dict(saved)

    def record(
        self, base: Experiment, members: dict[str, Experiment], images: str | None, command: str
    ) -> None:
        """Add members to sweep.json.

        Args:
            base: what all members have in common.
            members: dict from name to `Experiment`.
            images: `str` or `None`. The `source_digest` of the images.
            command: the sweep's command.

        Raises:
            InputError: if the folder holds members that were made with other flags or images.
        """
        run, axis = ExperimentRun(base), base.sweep.axis
        now = {**run.plan.phase("train"), **run.plan.phase("heads")}
        own = (axis.setting, *_OF_SEEDS)
        now = {name: value for name, value in now.items() if name not in own}
        with self.locked():
            saved = self.read()
            old = saved.get("members", {})
            if old:
                self._check_axis(saved, axis)
            if any(self.run(name).has_results("train") for name in old):
                self._check_same(saved, now, images, base.data.data_dir)
            new = {
                name: {
                    axis.column: member.value(axis.setting),
                    "seed": member.run.seed,
                    "preset": member.run.preset,
                    "command": member.command(),
                }
                for name, member in members.items()
            }
            together = sorted(
                {**old, **new}.items(), key=lambda item: (item[1]["seed"], item[1][axis.column])
            )
            content = {
                "format": FORMAT,
                "command": command,
                **{name: base.value(name) for name in ("model", "dataset", "threshold")},
                "split": base.analysis.split[0],
                "stage": base.sweep.stage,
                "axis": axis.column,
                "images": images,
                "settings": now,
                "members": dict(together),
            }
            write_text(self.settings, json.dumps(content, indent=2) + "\n")

    def _check_axis(self, saved: dict[str, Any], axis: SweepAxis) -> None:
        if axis_of(saved) is not axis:
            raise InputError(
                f"{self.path} holds a sweep over {axis_of(saved).column}, not over {axis.column}; "
                "choose another `run_dir`"
            )

    def _check_same(
        self, saved: dict[str, Any], now: dict[str, Any], images: str | None, data_dir: str | None
    ) -> None:
        if saved.get("images", images) != images:
            raise InputError(
                f"{self.path} holds members of other images than `data_dir`={data_dir} has; "
                "choose another `run_dir`"
            )
        for name, old, new in differences(saved.get("settings", {}), now, missing=now):
            raise InputError(
                f"{self.path} holds members of another sweep: `{name}` was {old}, now {new}; "
                "choose another `run_dir`"
            )

    def run(self, name: str) -> RunFiles:
        """The files of a member."""
        return RunFiles(self.path / name)

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Wait until no other process writes what all members say together."""
        self.path.mkdir(parents=True, exist_ok=True)
        with open_lock(self._lock) as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    @contextlib.contextmanager
    def claimed(self, name: str) -> Iterator[IO[str] | None]:
        """Take a member for this process and the one that gets the file.

        Args:
            name: `str`. The member.

        Yields:
            A file that is locked until all who have it open closed it, or `None` where another
            process has it, or works in the run directory.
        """
        self._claims.mkdir(parents=True, exist_ok=True)
        with open_lock(self._claims / name) as file:
            free = try_lock(file) and not in_use(self.run(name).path)
            yield file if free else None

    def is_finished(self, member: Experiment, claim: IO[str]) -> bool:
        """Whether a claimed member needs no more work."""
        claim.seek(0)
        return claim.read() == _asked(member) and RunFiles(member.directory).layers.exists()

    def finish(self, member: Experiment, claim: IO[str]) -> None:
        """Keep that a claimed member needs no more work."""
        # In place: a new file would not be the locked one. Half of it counts as not finished.
        claim.seek(0)
        claim.truncate()
        claim.write(_asked(member))
        claim.flush()


def axis_of(saved: dict[str, Any]) -> SweepAxis:
    """What the members of a sweep differ in, as its sweep.json says: K where it says nothing.

    Raises:
        KeyError: if there is no such axis.
    """
    return SWEEP_AXES[saved.get("axis", LABELS.column)]


def _check(saved: Any) -> None:
    """Refuse a sweep.json of another version, or with other content.

    Raises:
        ValueError, KeyError, TypeError: naming what is wrong.
    """
    if saved["format"] != FORMAT:
        raise ValueError(f"it has format {saved['format']}, this version reads {FORMAT}")
    axis = axis_of(saved)
    for name, member in saved["members"].items():
        value, seed = member[axis.column], member["seed"]
        # The name is that of a folder.
        if name != axis.member(value, seed) or not isinstance(member["command"], str):
            raise ValueError(f"member {name!r} is {member}")
        if not (isinstance(value, int) and isinstance(seed, int)):
            raise ValueError(f"member {name!r} is {member}")
        if not isinstance(member["preset"], str | None):
            raise ValueError(f"member {name!r} has preset {member['preset']}")
    if saved["members"]:
        _check_common(saved)


def _check_common(saved: Any) -> None:
    for name in ("model", "dataset", "split", "command"):
        if not isinstance(saved[name], str):
            raise ValueError(f"{name} is {saved[name]!r}")
    threshold, stage = saved["threshold"], saved["stage"]
    if not isinstance(threshold, float | int) or not isinstance(stage, str | None):
        raise ValueError(f"threshold is {threshold!r}, stage {stage!r}")
    if not isinstance(saved["settings"], dict):
        raise ValueError("settings is no object")


def _asked(member: Experiment) -> str:
    """What a member's results depend on, and which of them are wanted."""
    run = ExperimentRun(member)
    wanted = ["stages", "pool", "head_group", "threshold", "split", *switches()]
    # Members that were finished before there were these settings are not run again.
    plain = Experiment()
    wanted += [
        name
        for name in ("head_seeds", "shuffled_labels")
        if member.value(name) != plain.value(name)
    ]
    asked = {phase: run.plan.phase(phase) for phase in ("train", "heads")}
    return json.dumps({**asked, **{name: member.value(name) for name in wanted}}, sort_keys=True)
