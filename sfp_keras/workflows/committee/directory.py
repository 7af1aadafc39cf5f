"""Every path of a committee's folder, and which committee it is of."""

import contextlib
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from sfp_keras.errors import InputError
from sfp_keras.file_names import file_name
from sfp_keras.files import damaged, load_npz, read_json, save_npz, write_text
from sfp_keras.runs import locked

# The file that makes a folder a committee's.
RECORD = "committee.json"
FORMAT = 1


def holds_committee(folder: Path) -> bool:
    """Whether a folder is that of a committee, and not of one run."""
    return (folder / RECORD).exists()


class CommitteeDirectory:
    """A committee's folder.

    Args:
        path: `Path`.
    """

    def __init__(self, path: Path):
        self.path = path
        self.record = path / RECORD
        self.members = path / "members.csv"
        self.votes = path / "votes.csv"
        self.agreement = path / "agreement.csv"
        self.figures = path / "figures"
        self.report = path / "report.html"
        self.images = path / "cache" / "images"

    @contextlib.contextmanager
    def opened(self, members: Sequence[str], command: str) -> Iterator[None]:
        """Hold the folder for a committee.

        Args:
            members: paths of the run directories.
            command: `str`.

        Raises:
            InputError: if it holds something else, or another process has it.
        """
        self.check_place(members)
        with locked(self.path):
            before = self.read() if self.record.exists() else {}
            now = {"format": FORMAT, "command": command, "members": list(members)}
            self.write({**before, **now})
            yield

    def check_place(self, members: Sequence[str]) -> None:
        """Refuse a folder with other files, or with another committee.

        Args:
            members: paths of the run directories.
        """
        try:
            there = sorted(os.listdir(self.path))
        except OSError:
            return  # It is made, or refused, when it is locked.
        if RECORD not in there:
            foreign = [name for name in there if not name.startswith((".lock", f".{RECORD}."))]
            if foreign:
                what = "a run directory" if "experiment.json" in foreign else "no committee"
                raise InputError(
                    f"`run_dir`={self.path} is {what}: it holds {foreign[0]} and no {RECORD}; "
                    "choose an empty folder or a new one"
                )
        elif _places(self.read()["members"]) != _places(members):
            raise InputError(
                f"{self.path} holds the votes of other members; choose another `run_dir`"
            )

    def read(self) -> dict[str, Any]:
        """What committee.json says.

        Raises:
            InputError: if it is damaged or of another version.
        """
        try:
            saved = read_json(self.record)
            if saved["format"] != FORMAT:
                raise ValueError(f"it has format {saved['format']}, this version reads {FORMAT}")
            if not all(isinstance(path, str) for path in saved["members"]):
                raise ValueError("members are no paths")
            if not isinstance(saved["command"], str):
                raise ValueError("command is no text")
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise damaged(self.record, error, "delete it and run the committee again") from None
        return dict(saved)

    def write(self, content: Mapping[str, Any]) -> None:
        """Write committee.json."""
        write_text(self.record, json.dumps(content, indent=2) + "\n")

    def read_probabilities(self, member: str, made_of: str) -> np.ndarray | None:
        """The kept probabilities (n, K) of a member, if they are of this network and these images.

        Args:
            member: `str`. Its name.
            made_of: `str`. Digest of the network and the images.
        """
        path = self._probabilities(member)
        if not path.exists():
            return None
        kept = load_npz(path, "probabilities", "made_of")
        return kept["probabilities"] if str(kept["made_of"]) == made_of else None

    def keep_probabilities(self, member: str, made_of: str, probabilities: np.ndarray) -> None:
        """Keep the probabilities (n, K) of a member."""
        path = self._probabilities(member)
        path.parent.mkdir(exist_ok=True)
        save_npz(path, probabilities=probabilities, made_of=np.array(made_of))

    def _probabilities(self, member: str) -> Path:
        return self.path / "probabilities" / f"{file_name(member)}.npz"


def _places(members: Sequence[str]) -> list[Path]:
    return sorted(Path(member).resolve() for member in members)
