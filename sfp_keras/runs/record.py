"""experiment.json: with what a run was made, and what each phase took."""

import contextlib
import json
import os
import threading
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

from sfp_keras.errors import InputError
from sfp_keras.files import damaged, read_json, write_text
from sfp_keras.runs.record_form import SECTIONS, fault

FORMAT = 1
# Seconds of a phase that a kill may lose.
NOTE_EVERY = 30.0


class RunRecord:
    """The record of a run.

    Args:
        path: `Path` of experiment.json.
    """

    def __init__(self, path: Path):
        self.path = path
        self._changing = threading.Lock()

    def read(self) -> dict[str, Any]:
        """All of it; empty where there is none.

        Raises:
            InputError: if it is damaged, or of another version.
        """
        if not os.path.exists(self.path):
            return {}
        try:
            saved = read_json(self.path)
        except (OSError, ValueError) as error:
            raise damaged(self.path, error, self._mend()) from None
        if (wrong := fault(saved)) is not None:
            raise damaged(self.path, wrong, self._mend())
        if saved.get("format", FORMAT) != FORMAT:
            raise InputError(
                f"{self.path} has format {saved['format']}, this version reads {FORMAT}; choose "
                "another `run_dir`"
            )
        return dict(saved)

    def _mend(self) -> str:
        """What to do where the record is damaged: what was trained need not be lost with it."""
        model = self.path.with_name("model.keras")
        keep = f" (`model`={model} takes the network along)" if model.exists() else ""
        return f"choose another `run_dir`{keep}, or delete the folder"

    @property
    def results(self) -> dict[str, Any]:
        """Numbers of the whole run."""
        return dict(self.read().get("results", {}))

    def write(self, about: Mapping[str, Any]) -> None:
        """Replace everything but phases, seconds and results."""
        with self._changing:
            saved = self.read()
            kept = {section: saved.get(section, {}) for section in SECTIONS}
            self._replace({"format": FORMAT, **about, **kept})

    def take(self, other: "RunRecord") -> None:
        """Take phases, seconds and results of another record in place of those here."""
        saved = other.read()
        self._update(lambda here: here.update({name: saved[name] for name in SECTIONS}))

    def add_results(self, **results: Any) -> None:
        """Keep numbers of the whole run, such as the network's own accuracy."""
        self._update(lambda saved: saved["results"].update(results))

    def begin(
        self, phase: str, settings: Mapping[str, Any], read_by_some: Collection[str] = ()
    ) -> None:
        """Keep the settings that a phase is now run with.

        Those of single stages stay, and those that only some of its trainings read.
        """

        def change(saved: dict[str, Any]) -> None:
            phases = saved["phases"]
            before = phases.get(phase, {})
            kept = {name: before[name] for name in ("stages", *read_by_some) if name in before}
            phases[phase] = {**kept, **settings}

        self._update(change)

    @contextlib.contextmanager
    def timed(
        self, phase: str, settings: Mapping[str, Any], read_by_some: Collection[str] = ()
    ) -> Iterator[None]:
        """Keep a phase's settings at its begin, and its seconds on the way and at its end."""
        self.begin(phase, settings, read_by_some)
        noted, ended = time.monotonic(), threading.Event()

        def note() -> None:
            nonlocal noted
            now = time.monotonic()
            # A full disk must be reported as such, not replaced by this note's own failure.
            with contextlib.suppress(OSError, InputError):
                self._add_seconds(phase, now - noted)
                noted = now

        def note_on_the_way() -> None:
            while not ended.wait(NOTE_EVERY):
                note()

        # A kill leaves no time for a last note.
        notes = threading.Thread(target=note_on_the_way, daemon=True)
        notes.start()
        try:
            yield
        finally:
            ended.set()
            notes.join()
            note()

    def _add_seconds(self, phase: str, seconds: float) -> None:
        def change(saved: dict[str, Any]) -> None:
            spent = saved["seconds"]
            spent[phase] = round(spent.get(phase, 0.0) + seconds, 2)

        self._update(change)

    def add_heads(self, settings: Mapping[str, Mapping[str, str]]) -> None:
        """Keep the settings of single stages' heads, of a phase that has begun."""
        self._update(
            lambda saved: saved["phases"]["heads"].setdefault("stages", {}).update(settings)
        )

    @property
    def heads(self) -> dict[str, dict[str, str]]:
        """The settings of each stage whose head began to be trained."""
        return dict(self.read().get("phases", {}).get("heads", {}).get("stages", {}))

    def forget(self, phases: set[str], results: bool) -> None:
        """Remove phases, and the numbers of the whole run if asked."""

        def change(saved: dict[str, Any]) -> None:
            for section in ("phases", "seconds"):
                saved[section] = {k: v for k, v in saved[section].items() if k not in phases}
            if results:
                saved["results"] = {}

        self._update(change)

    def _update(self, change: Callable[[dict[str, Any]], object]) -> None:
        with self._changing:
            saved = self.read()
            for section in SECTIONS:
                saved.setdefault(section, {})
            change(saved)
            self._replace(saved)

    def _replace(self, saved: Mapping[str, Any]) -> None:
        write_text(self.path, json.dumps(saved, indent=2) + "\n")
