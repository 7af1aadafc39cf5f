"""The members of a committee: run directories with trained networks of the same labels."""

import dataclasses
import glob
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from sfp_keras.errors import InputError
from sfp_keras.experiment import Experiment
from sfp_keras.files import meant
from sfp_keras.runs import RunFiles
from sfp_keras.runs.tables import COUNT, TEXT, read_table
from sfp_keras.workflows.inputs.arguments import about_setting

_LABELS = {"label": COUNT, "name": TEXT, "original_label": COUNT}


@dataclasses.dataclass(frozen=True, eq=False)
class Member:
    """A run whose network votes.

    Attributes:
        name: `str`. The end of its path, as long as it takes to tell it from the others.
        files: `RunFiles` of its run directory, which stays as it is.
        experiment: `Experiment` it was made with.
        saved: what its experiment.json says.
    """

    name: str
    files: RunFiles
    experiment: Experiment
    saved: Mapping[str, Any]

    @property
    def again(self) -> str:
        """The command that makes its network again where the run directory is now."""
        return self.experiment.changed(run_dir=str(self.files.path)).command()


def find_members(texts: Sequence[str]) -> list[Member]:
    """Find run directories, and refuse those that cannot vote together.

    Args:
        texts: paths of run directories, or patterns of them as a shell knows them; what else a
            pattern finds is left out.

    Returns:
        The members, each once.

    Raises:
        InputError: if there are fewer than two, one has no trained network, or they are of other
            labels.
    """
    with about_setting("members"):
        paths = _paths(texts)
        if len(paths) < 2:
            only = f", there is only {paths[0]}" if paths else ""
            raise InputError(
                f"a committee has two members or more{only}; name run directories, such as "
                "runs/a,runs/b or runs/*"
            )
        found = [_member(name, path) for name, path in zip(_names(paths), paths, strict=True)]
        _check_labels(found)
        _check_weights(found)
    return found


def _paths(texts: Sequence[str]) -> list[Path]:
    paths: dict[Path, Path] = {}
    for text in texts:
        path = Path(text)
        matches = [path]
        if glob.has_magic(text) and not path.exists():
            matches = [Path(one) for one in sorted(glob.glob(text))]
            matches = [one for one in matches if (one / "experiment.json").is_file()]
            if not matches:
                raise InputError(f"{text} matches no run directory")
        elif not path.is_dir():
            raise InputError(f"folder {text} does not exist{meant(text)}")
        for one in matches:
            paths.setdefault(one.resolve(), one)
    return list(paths.values())


def _names(paths: Sequence[Path]) -> list[str]:
    """The shortest ends of paths that differ."""
    parts = [path.resolve().parts for path in paths]
    ends = range(1, max(map(len, parts)) + 1)
    names = (["/".join(part[-length:]) for part in parts] for length in ends)
    return next(found for found in names if len(set(found)) == len(found))


def _member(name: str, path: Path) -> Member:
    files = RunFiles(path)
    saved = files.record.read()
    if "flags" not in saved:
        inside = sorted(path.glob("*/experiment.json"))
        mend = f"; name the runs in it, such as {path}/*" if inside else ""
        raise InputError(f"{path} is no run directory: it has no experiment.json{mend}")
    member = Member(name, files, Experiment.from_json(saved["flags"]), saved)
    if "train" not in saved["phases"] or not files.model.is_file():
        raise InputError(f"{path} has no trained network, model.keras; first run {member.again}")
    return member


def _check_labels(members: Sequence[Member]) -> None:
    """Refuse other labels, or the same ones in another order."""
    tables = [read_table(member.files.labels, _LABELS) for member in members]
    first = members[0].files.path
    for member, table in zip(members, tables, strict=True):
        path = member.files.path
        rule = "the members of a committee know the same labels in the same order"
        if len(table) != len(tables[0]):
            raise InputError(
                f"{path} is of {len(table)} labels, {first} of {len(tables[0])}: {rule}"
            )
        other = (table != tables[0]).any(axis=1)
        if other.any():
            label = int(other.to_numpy().argmax())
            one, two = (f"{t['name'][label]!r}" for t in (table, tables[0]))
            number = f" (number {table['original_label'][label]} of all)" if one == two else ""
            raise InputError(f"label {label} of {path} is {one}{number}, of {first} {two}: {rule}")


def _check_weights(members: Sequence[Member]) -> None:
    """Refuse one network twice: it is a vote of two."""
    seen: dict[str, Path] = {}
    for member in members:
        weights, path = member.saved["results"].get("weights"), member.files.path
        if weights in seen:
            raise InputError(f"{seen[weights]} and {path} hold the same network; leave one out")
        if weights is not None:
            seen[weights] = path
