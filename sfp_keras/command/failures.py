"""What went wrong in one line, where it is no fault of the program's: memory, disk, output."""

import contextlib
import errno
import os
import re
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

from absl import flags

from sfp_keras.command.wording import as_flags
from sfp_keras.console import OUTPUT
from sfp_keras.errors import InputError
from sfp_keras.files import CANNOT_WRITE
from sfp_keras.text import one_line

_MEMORY = re.compile(
    r"RESOURCE_EXHAUSTED|out of memory|OOM when allocating|(?:unable|failed) to allocate"
    r"|cannot allocate memory|bad_alloc|STATUS_ALLOC_FAILED|Dst tensor is not initialized",
    re.IGNORECASE,
)
# TensorFlow says "exhausted" of disks as well.
_DISK = re.compile(r"no space left|disk quota", re.IGNORECASE)
_LONGEST = 200


def failure(error: BaseException, run_dir: Path | None) -> tuple[str, int] | None:
    """Say in one line what went wrong.

    Args:
        error: what ended the work.
        run_dir: `Path` of the run directory, where it is known.

    Returns:
        The line and the exit code; `None` where the error is a fault of the program's.
    """
    if isinstance(error, OSError) and error.filename == OUTPUT:
        return _output_line(error)
    if (memory := _memory_line(error)) is not None:
        return (
            f"error: not enough memory ({memory}); make --image_size, --batch_size, "
            "--head_batch_size or --inference_batch_size smaller, or probe fewer --stages",
            1,
        )
    if isinstance(error, flags.Error):
        return f"error: {as_flags(str(error))}", 2
    if isinstance(error, InputError):
        # What a file says may have lines of its own.
        return f"error: {as_flags(one_line(str(error)))}", 2
    if isinstance(error, OSError) and (run_dir or error.filename):
        return _file_failure(error, run_dir)
    return None


def output_failure() -> tuple[str, int] | None:
    """The line and exit code where what was printed has no place to go; else `None`."""
    try:
        if sys.stdout is not None:
            sys.stdout.flush()
    except OSError as error:
        return _output_line(error)
    return None


def _output_line(error: OSError) -> tuple[str, int]:
    # Python writes what is left once more at its end.
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    if error.errno == errno.EPIPE:
        line = "stopped; nobody reads the output, and the same command goes on from here"
        return line, 128 + signal.SIGPIPE
    return (
        f"error: cannot write {OUTPUT}: {error.strerror}; make room or send it to another place, "
        "then run the same command to go on",
        1,
    )


def _file_failure(error: OSError, run_dir: Path | None) -> tuple[str, int] | None:
    place = one_line(os.fsdecode(error.filename or run_dir or ""))
    if error.errno in CANNOT_WRITE:
        return (
            f"error: cannot write {place}: {error.strerror}; make room or choose another "
            "--run_dir, then run the same command to go on",
            1,
        )
    inside = run_dir is not None and Path(place).absolute().is_relative_to(run_dir.absolute())
    if not inside:
        return None
    # A folder where a file should be, say, or a file that was deleted meanwhile.
    return (
        f"error: cannot use {place}: {error.strerror or error}; move it away or choose another "
        "--run_dir, then run the same command to go on",
        1,
    )


def _memory_line(error: BaseException) -> str | None:
    """What says that memory was short, in the error or what led to it; else `None`."""
    for one in _led_to(error):
        text = str(one)
        if isinstance(one, OSError) and one.errno != errno.ENOMEM:
            continue
        if isinstance(one, MemoryError | OSError):
            return _shortened(text) or "no more was given"
        found = _MEMORY.search(text)
        if found and not isinstance(one, InputError) and not _DISK.search(text):
            start = text.rfind("\n", 0, found.start()) + 1
            return _shortened(text[start:])
    return None


def _led_to(error: BaseException) -> Iterator[BaseException]:
    """An error, and those in whose handling it was raised."""
    seen: set[int] = set()
    one: BaseException | None = error
    while one is not None and id(one) not in seen:
        seen.add(id(one))
        yield one
        one = one.__cause__ or one.__context__


def _shortened(text: str) -> str:
    # TensorFlow puts the place in its graph first, in double braces.
    lines = re.sub(r"\{\{.*?\}\}", "", text).splitlines()
    line = next((line.strip() for line in lines if line.strip()), "")
    return line if len(line) <= _LONGEST else f"{line[:_LONGEST]}..."
