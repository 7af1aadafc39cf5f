"""One member of a sweep as a process of its own."""

import contextlib
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from typing import IO, Any

from sfp_keras.experiment import Experiment

# How long a member may take to stop by itself, as after Ctrl-C, which reaches it too; after that
# it is asked, and last made to.
_BY_ITSELF, _ASKED = 2.0, 60.0


def run_member(program: Sequence[str], member: Experiment, claim: int) -> tuple[int, str]:
    """Run the command of one member, with this process' standard output.

    Args:
        program: what stands before the flags of a command.
        member: `Experiment`.
        claim: `int`. Descriptor of the locked file of the member. The process holds it too, so
            that the member stays taken where only the sweep is killed.

    Returns:
        The exit code, and the text of an error, empty where there is none.

    Raises:
        KeyboardInterrupt: if the sweep or the member was stopped; the member's process has ended.
    """
    process = subprocess.Popen(
        [*program, *member.arguments()],
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
        pass_fds=(claim,),
    )
    errors: list[str] = []
    listener = threading.Thread(target=_listen, args=(process.stderr, errors), daemon=True)
    listener.start()
    try:
        code = process.wait()
    except KeyboardInterrupt:
        _stop(process)
        raise
    finally:
        listener.join(_BY_ITSELF)
    if code in (130, -signal.SIGINT):
        raise KeyboardInterrupt
    return code, errors[-1] if errors else ""


def _listen(stream: IO[str], errors: list[str]) -> None:
    """Pass on a member's standard error, but for lines that the sweep writes itself."""
    with stream:
        for line in stream:
            if line.startswith("error: "):
                errors.append(line.removeprefix("error: ").rstrip())
            elif line.strip() and not line.startswith("stopped; "):
                sys.stderr.write(line)


def _stop(process: subprocess.Popen[str]) -> None:
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(_BY_ITSELF)
        return
    # In the background of a script SIGINT is ignored, by what such a process starts as well.
    deaf = signal.getsignal(signal.SIGINT) == signal.SIG_IGN
    process.send_signal(signal.SIGTERM if deaf else signal.SIGINT)
    try:
        process.wait(_ASKED)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


@contextlib.contextmanager
def stopped_by_signals() -> Iterator[None]:
    """Let what ends a process, such as `kill`, end the members too: as Ctrl-C does."""

    def interrupt(number: int, frame: Any) -> None:
        raise KeyboardInterrupt

    before = {
        number: signal.signal(number, interrupt) for number in (signal.SIGTERM, signal.SIGHUP)
    }
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
