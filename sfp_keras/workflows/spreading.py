"""--distribute: what a run is spread over, and how several processes share its directory.

Every process runs the same workflow. Process 0 does so in the run directory; the others in a copy
of it that only they see, so that each of them finds finished what is, and writes beside nobody.
"""

import contextlib
import dataclasses
import io
import logging
import os
import tarfile
import tempfile
from collections.abc import Iterator
from pathlib import Path

from sfp_keras.distribution import Devices, current_devices, distributed
from sfp_keras.errors import InputError
from sfp_keras.experiment import Experiment
from sfp_keras.processes import start_processes
from sfp_keras.reports import terminal
from sfp_keras.run_directory import RunDirectory

# What a run goes on from.
_KEPT = (
    *("experiment.json", "model.keras", "training.csv", "labels.csv", "layers.csv"),
    *("stages", "checkpoint"),
)
_MODES = ("train", "probe")


@contextlib.contextmanager
def spread(experiment: Experiment) -> Iterator[Experiment]:
    """Run what is inside on all devices, if --distribute asks for it.

    Args:
        experiment: `Experiment`.

    Yields:
        The experiment as this process is to run it.

    Raises:
        InputError: if the processes cannot be joined, or another one failed before the work.
    """
    if experiment.distribute:
        start_processes(experiment.seed)
    with distributed(experiment.distribute) as devices, contextlib.ExitStack() as stack:
        if devices.processes > 1:
            if experiment.mode not in _MODES:
                raise InputError(
                    f"--mode={experiment.mode} runs in one process: run --mode=probe in "
                    f"{devices.processes}, then this mode in one"
                )
            stack.enter_context(_met(devices))
            if devices.process > 0:
                experiment = stack.enter_context(_follower(experiment))
            _copy_run(devices, experiment.directory)
        if experiment.distribute:
            console = terminal()
            if devices.count == 1:
                console.print("note: --distribute changes nothing: there is one device")
            else:
                several = f" of {devices.processes} processes" if devices.processes > 1 else ""
                console.print(f"every batch is spread over {devices.count} devices{several}")
            if devices.own_draws and experiment.efficientnet and experiment.trains:
                console.print(
                    "note: every device draws rotations and dropout for itself, so this training "
                    "is another than one device's, as with another --seed; --backend=jax draws the "
                    "same"
                )
        yield experiment


@contextlib.contextmanager
def opened(experiment: Experiment, data: str) -> Iterator[RunDirectory]:
    """`RunDirectory.opened`, once every process has come that far with the same images."""
    with RunDirectory(experiment).opened(data) as run:
        if not current_devices().all_agree(data):
            raise InputError(
                "another process could not begin, as its own message says, or --data_dir has other "
                "images there"
            )
        yield run


@contextlib.contextmanager
def _met(devices: Devices) -> Iterator[None]:
    """Tell the others where this process fails before they met, for they would wait for it."""
    try:
        yield
    except Exception:
        if not devices.met:
            devices.all_agree(None)
        raise


@contextlib.contextmanager
def _follower(experiment: Experiment) -> Iterator[Experiment]:
    """The experiment in a directory of its own, silently; errors are still told."""
    logging.getLogger("sfp_keras").setLevel(logging.WARNING)
    with (
        tempfile.TemporaryDirectory(prefix="sfp-keras-") as folder,
        open(os.devnull, "w") as nothing,
        contextlib.redirect_stdout(nothing),
    ):
        yield dataclasses.replace(experiment, run_dir=folder)


def _copy_run(devices: Devices, folder: Path) -> None:
    """Give the other processes what process 0's directory holds."""
    file = io.BytesIO()
    if devices.process == 0:
        with tarfile.open(fileobj=file, mode="w") as archive:
            for name in _KEPT:
                if (folder / name).exists():
                    archive.add(folder / name, name)
    data = devices.from_first(file.getvalue())
    if devices.process > 0:
        with tarfile.open(fileobj=io.BytesIO(data)) as archive:
            archive.extractall(folder, filter="data")
