"""The run directory that a process works in: nobody else does, and all results fit together."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self

from sfp_keras.errors import InputError
from sfp_keras.runs.identity import differences, same_images
from sfp_keras.runs.layout import RunFiles
from sfp_keras.runs.lock import locked, no_folder
from sfp_keras.runs.plan import RunPlan
from sfp_keras.runs.provenance import provenance

# Settings that make no difference where they lead to the same images.
_CHOOSE_IMAGES = ("test_fraction", "only_split")


class RunDirectory(RunFiles):
    """A run directory and what is to be done in it.

    Args:
        path: `str` or `Path`.
        plan: `RunPlan`.

    Example:
        >>> with RunDirectory(path, plan).opened(images) as run:
        ...     run.discard()
        ...     with run.timed("train"):
        ...         ...
    """

    def __init__(self, path: str | Path, plan: RunPlan):
        super().__init__(path)
        self.plan = plan

    def check_place(self) -> None:
        """Refuse a folder with files of the user's: in a run directory files are replaced.

        Raises:
            InputError: if the folder holds other files and no experiment, or the network itself.
        """
        for name, file in self.plan.network_files.items():
            if Path(file).resolve().is_relative_to(self.path.resolve()):
                raise InputError(
                    f"`{name}`={file} lies in the run directory {self.path}, whose files are "
                    "replaced; choose another `run_dir`"
                )
        if os.path.exists(self.record.path):
            return
        try:
            foreign = [name for name in sorted(os.listdir(self.path)) if not self.is_ours(name)]
        except FileNotFoundError:
            return
        except OSError as error:
            raise no_folder(self.path, error) from None
        if foreign:
            raise InputError(
                f"`run_dir`={self.path} holds other files, such as {foreign[0]}, and no "
                "experiment.json; choose an empty folder or a new one"
            )

    @contextlib.contextmanager
    def opened(self, images: str) -> Iterator[Self]:
        """Lock the folder, refuse another experiment's results, write the provenance.

        Args:
            images: `str`. A fingerprint of the images and labels.

        Raises:
            InputError: if another process holds the folder, or the folder holds results of
                other settings or other images, or other files.
        """
        self.check_place()
        with locked(self.path):
            self._check_same_experiment(images)
            self.delete_unfinished()
            about = {"flags": dict(self.plan.settings), "command": self.plan.command}
            self.record.write({**about, **provenance(), "data": images})
            yield self

    def _check_same_experiment(self, images: str) -> None:
        """Refuse finished results that were made with other settings or images."""
        saved = self.record.read()
        if not saved:
            return
        if not self.plan.trains and (self.training.exists() or self.checkpoints("train")):
            # Measuring all again would replace it: hours of work, for a mistyped folder perhaps.
            raise InputError(
                f"{self.path} holds a network that was trained there, and the one given comes "
                "trained; choose another `run_dir`"
            )
        same = same_images(saved.get("data", images), images)
        if not same and "train" not in self.plan.redone and self.has_results("train"):
            raise InputError(
                f"{self.path} holds results of other images{self._which_images(saved)}; choose "
                f"another `run_dir`, or {self.plan.redo_all}"
            )
        for phase in self.plan.phases:
            if phase in self.plan.redone:
                break
            before = saved["phases"].get(phase)
            if before is None or not self.has_results(phase):
                continue
            now = self.plan.phase(phase)
            for group in self.plan.read_by_some.get(phase, ()):
                if not before.keys() & set(group):
                    before = {**{name: now[name] for name in group if name in now}, **before}
            for name, old, new in differences(before, now, self.plan.defaults):
                if not (same and name in _CHOOSE_IMAGES):
                    redone = "afcc" if phase == "links" else phase
                    again = f"redo from there with `overwrite`={redone}"
                    if phase == "train" and not self.plan.trains:
                        again = self.plan.redo_all
                    raise InputError(
                        f"{self.path} holds another experiment: `{name}` was {old}, now {new}; "
                        f"choose another `run_dir`, or {again}"
                    )

    def _which_images(self, saved: dict[str, Any]) -> str:
        """Which images the results are of, where they were named otherwise."""
        before, now = saved.get("flags", {}), self.plan.settings
        named = [name for name in ("dataset", "data_dir") if before.get(name) is not None]
        if all(before[name] == now.get(name) for name in named):
            if now.get("data_dir") is None:
                given = now.get("dataset") == "arrays"  # By a program.
                order = ", or of these in another order, as batches come that are shuffled anew"
                return order if given else ""
            return f" than `data_dir`={now.get('data_dir')} has"
        given = " and ".join(f"`{name}`={before[name]}" for name in named)
        return f", those of {given}: give what the run was made with"

    def discard(self) -> None:
        """Delete the results of the phases that are redone."""
        for phase in reversed(self.plan.redone):
            self.delete_results(phase)
        if self.plan.redone:
            self.record.forget(set(self.plan.redone), results="train" in self.plan.redone)

    def forget_network(self) -> None:
        """Delete the network and what is known of it, of which nothing else was made yet."""
        self.delete_results("train")
        self.record.forget({"train"}, results=True)

    def begin(self, phase: str) -> None:
        """Record the settings a phase is now run with."""
        self.record.begin(phase, self.plan.phase(phase), self.plan.kept(phase))

    def timed(self, phase: str) -> contextlib.AbstractContextManager[None]:
        """Record a phase's settings at its begin, and its seconds on the way and at its end."""
        return self.record.timed(phase, self.plan.phase(phase), self.plan.kept(phase))

    @property
    def trained(self) -> bool:
        """Whether the network is there and was made by this run.

        Raises:
            InputError: if it was put there by other means.
        """
        if not self.model.exists():
            return False
        if "train" not in self.record.read().get("phases", {}):
            raise InputError(f"{self.model} was not made by this run; choose another `run_dir`")
        return True

    def finished_heads(self) -> dict[str, dict[str, str]]:
        """The settings of each stage whose head is finished, and is to stay."""
        if "heads" in self.plan.redone:
            return {}
        return {n: of for n, of in self.record.heads.items() if self.stage(n).head.exists()}

    def unfinished_heads(self) -> list[str]:
        """The stages whose heads began to be trained and are not finished."""
        return [name for name in self.record.heads if not self.stage(name).head.exists()]
