"""experiment.json: with what a run was made, and what each phase took."""

import contextlib
import json
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from sfp_keras.files import write_text

FORMAT = 1
_SECTIONS = ("phases", "seconds", "results")


class RunRecord:
    """The record of a run.

    Args:
        path: `Path` of experiment.json.
    """

    def __init__(self, path: Path):
        self.path = path

    def read(self) -> dict[str, Any]:
        """All of it; empty where there is none or it is damaged."""
        try:
            saved = json.loads(self.path.read_text())
        except (OSError, ValueError):
            return {}
        whole = isinstance(saved, dict) and all(isinstance(saved.get(s), dict) for s in _SECTIONS)
        return saved if whole else {}

    @property
    def results(self) -> dict[str, Any]:
        """Numbers of the whole run."""
        return dict(self.read().get("results", {}))

    def write(self, about: Mapping[str, Any]) -> None:
        """Replace everything but phases, seconds and results."""
        saved = self.read()
        kept = {section: saved.get(section, {}) for section in _SECTIONS}
        self._replace({"format": FORMAT, **about, **kept})

    def add_results(self, **results: Any) -> None:
        """Keep numbers of the whole run, such as the network's own accuracy."""
        self._update(lambda saved: saved["results"].update(results))

    def begin(self, phase: str, settings: Mapping[str, Any]) -> None:
        """Keep the settings that a phase is now run with; those of single stages stay."""

        def change(saved: dict[str, Any]) -> None:
            phases = saved["phases"]
            of_stages = {k: v for k, v in phases.get(phase, {}).items() if k == "stages"}
            phases[phase] = {**settings, **of_stages}

        self._update(change)

    @contextlib.contextmanager
    def timed(self, phase: str, settings: Mapping[str, Any]) -> Iterator[None]:
        """Keep a phase's settings at its begin and its seconds at its end, however it ends."""
        self.begin(phase, settings)
        start = time.monotonic()
        try:
            yield
        finally:
            # A full disk must be reported as such, not replaced by this note's own failure.
            with contextlib.suppress(OSError):
                self._add_seconds(phase, time.monotonic() - start)

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
        saved = self.read()
        for section in _SECTIONS:
            saved.setdefault(section, {})
        change(saved)
        self._replace(saved)

    def _replace(self, saved: Mapping[str, Any]) -> None:
        write_text(self.path, json.dumps(saved, indent=2) + "\n")
