"""One folder for several processes: process 0 works in it, the others in copies of their own.

Every process runs the same program. The others find finished what is finished in the folder, and
what they write disturbs nobody.
"""

import contextlib
import io
import logging
import os
import tarfile
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from sfp_keras.distribution.one_device import Devices


@contextlib.contextmanager
def shared_folder(devices: Devices, folder: Path, names: Sequence[str]) -> Iterator[Path]:
    """The folder this process works in.

    A process other than 0 prints nothing meanwhile; errors are still reported. Where a process
    fails before `devices.all_agree`, the others learn it there instead of waiting for it.

    Args:
        devices: `Devices`.
        folder: `Path` of process 0.
        names: files and folders in it that the others need; missing ones are left out.

    Yields:
        `folder`, or a temporary copy of it in a process other than 0.
    """
    if devices.processes == 1:
        yield folder
        return
    with contextlib.ExitStack() as stack:
        stack.enter_context(_report_failure(devices))
        if devices.process > 0:
            folder = stack.enter_context(_silent_temporary_folder())
        _copy(devices, folder, names)
        yield folder


@contextlib.contextmanager
def _report_failure(devices: Devices) -> Iterator[None]:
    try:
        yield
    except Exception:
        if not devices.met:
            devices.all_agree(None)
        raise


@contextlib.contextmanager
def _silent_temporary_folder() -> Iterator[Path]:
    logging.getLogger("sfp_keras").setLevel(logging.WARNING)
    with (
        tempfile.TemporaryDirectory(prefix="sfp-keras-") as folder,
        open(os.devnull, "w") as nothing,
        contextlib.redirect_stdout(nothing),
    ):
        yield Path(folder)


def _copy(devices: Devices, folder: Path, names: Sequence[str]) -> None:
    """Give the other processes what process 0's folder holds."""
    file = io.BytesIO()
    if devices.process == 0:
        with tarfile.open(fileobj=file, mode="w") as archive:
            for name in names:
                if (folder / name).exists():
                    archive.add(folder / name, name)
    data = devices.broadcast(file.getvalue())
    if devices.process > 0:
        with tarfile.open(fileobj=io.BytesIO(data)) as archive:
            archive.extractall(folder, filter="data")
