"""The devices and processes that a run is spread over, as `distribute` says."""

import contextlib
from collections.abc import Iterator

from sfp_keras.distribution import (
    Devices,
    distributed,
    shared_folder,
    start_processes,
)
from sfp_keras.errors import InputError
from sfp_keras.experiment import Experiment
from sfp_keras.reports import terminal
from sfp_keras.runs import CONTINUED_FROM

_MODES = ("train", "probe")


@contextlib.contextmanager
def on_all_devices(experiment: Experiment) -> Iterator[Experiment]:
    """Run what is inside on all devices, if `distribute` asks for it.

    Args:
        experiment: `Experiment`.

    Yields:
        The experiment as this process is to run it.

    Raises:
        InputError: if the processes cannot be joined, or another one failed before the work.
    """
    if experiment.run.distribute:
        start_processes(experiment.run.seed)
    with distributed(experiment.run.distribute) as devices:
        if devices.processes > 1 and experiment.run.mode not in _MODES:
            raise InputError(
                f"`mode`={experiment.run.mode} runs in one process: run `mode`=probe in "
                f"{devices.processes}, then this mode in one"
            )
        with shared_folder(devices, experiment.directory, CONTINUED_FROM) as folder:
            if experiment.run.distribute:
                _print_devices(devices)
            if folder != experiment.directory:
                experiment = experiment.changed(run_dir=str(folder))
            yield experiment


def _print_devices(devices: Devices) -> None:
    console = terminal()
    if devices.count == 1:
        console.print("note: --distribute changes nothing: there is one device")
    else:
        several = f" of {devices.processes} processes" if devices.processes > 1 else ""
        console.print(f"every batch is spread over {devices.count} devices{several}")
