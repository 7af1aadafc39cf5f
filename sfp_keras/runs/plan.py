"""What is to be done in a run directory, as plain data."""

import dataclasses
import functools
import hashlib
import json
import os
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from sfp_keras.files import file_digest
from sfp_keras.runs.identity import CONTENT

NETWORK_FILES = ("model", "weights", "initial_weights")


@dataclasses.dataclass(frozen=True)
class RunPlan:
    """The settings of a run by name, as JSON types.

    Attributes:
        settings: all of them.
        phases: dict from each phase whose results are used, in their order, to the settings
            that its result depends on beside those of the phases before it.
        defaults: value of each setting where it is not given.
        command: what makes the run again.
        trains: whether the run trains its network, and does not take one that comes trained.
        redone: the phases whose results are made again, in their order.
        newer: the settings that work which was begun without them had at their defaults.
        read_by_some: dict from a phase to groups of settings that only some of its trainings read:
            where none did so far, a group was not recorded, and says nothing of what is finished.
    """

    settings: Mapping[str, Any]
    phases: Mapping[str, Mapping[str, Any]]
    defaults: Mapping[str, Any]
    command: str
    trains: bool = True
    redone: Sequence[str] = ()
    newer: Collection[str] = ()
    read_by_some: Mapping[str, Sequence[Collection[str]]] = dataclasses.field(default_factory=dict)

    @property
    def network_files(self) -> dict[str, str]:
        """The settings that name an existing file the network is read from."""
        values = {name: self.settings.get(name) for name in NETWORK_FILES}
        return {name: value for name, value in values.items() if value and os.path.isfile(value)}

    @property
    def redo_all(self) -> str:
        """How everything is made again, in words."""
        if self.trains:
            return "redo all with `overwrite`=train"
        return "measure all again with `overwrite`=all (the network stays as it is)"

    def phase(self, name: str) -> Mapping[str, Any]:
        """A phase's settings, with digests of the network files in place of their paths."""
        return self._phases_by_content.get(name, {})

    def kept(self, phase: str) -> set[str]:
        """The settings of a phase that stay recorded where no training reads them now."""
        return {name for group in self.read_by_some.get(phase, ()) for name in group}

    @functools.cached_property
    def _phases_by_content(self) -> dict[str, dict[str, Any]]:
        files = self.network_files
        return {
            phase: {
                **{name: value for name, value in settings.items() if name not in files},
                **{
                    f"{name}{CONTENT}": file_digest(Path(files[name]))
                    for name in ("weights", "model", "initial_weights")
                    if name in files and name in settings
                },
            }
            for phase, settings in self.phases.items()
        }

    def digest(self, phase: str, more: object = None) -> str:
        """A digest of the settings that unfinished work of a phase depends on.

        Args:
            phase: `str`. The first phase, or any later one.
            more: what else it depends on, JSON types.
        """
        settings: dict[str, object] = {"train": self._as_begun("train")}
        if phase != "train":
            settings |= {"heads": self._as_begun("heads"), "more": more}
        return hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()

    def _as_begun(self, phase: str) -> dict[str, Any]:
        """A phase's settings without newer ones at their defaults."""
        return {
            name: value
            for name, value in self.phase(phase).items()
            if name not in self.newer or value != self.defaults[name]
        }
