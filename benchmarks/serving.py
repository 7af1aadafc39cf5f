"""A TensorBoard on a log, for as long as a block runs."""

import contextlib
import json
import re
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def serving(logdir: Path) -> Iterator[tuple[subprocess.Popen, str]]:
    """Start TensorBoard with its fast loader; yields its process and `http://.../`."""
    command = [sys.executable, "-m", "tensorboard.main", "--logdir", str(logdir)]
    command += ["--host", "127.0.0.1", "--port", "0", "--load_fast", "true"]
    with tempfile.TemporaryDirectory() as folder:
        messages = Path(folder) / "messages"
        with messages.open("wb") as output:
            process = subprocess.Popen(command, stdout=output, stderr=output)
        try:
            base = _address(process, messages)
            time.sleep(5)  # The log is read in the background.
            yield process, base
        finally:
            process.terminate()
            process.wait(timeout=30)


def last_measurement(base: str) -> str:
    """The first stage of the only run at its last step, as routes of the tab are asked for it.

    Args:
        base: `str`. `http://.../`, as `serving` yields it.
    """
    with urllib.request.urlopen(f"{base}data/plugin/clusters/runs") as answer:
        (run,) = json.load(answer)["runs"]
    stage = run["stages"][0]
    return f"run={run['run']}&stage={stage['stage']}&step={stage['steps'][-1]}"


def _address(process: subprocess.Popen, messages: Path) -> str:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        found = re.search(r"http://127\.0\.0\.1:\d+/", messages.read_text())
        if found:
            return found.group()
        time.sleep(0.1)
    raise RuntimeError(f"TensorBoard did not start: {messages.read_text()}")
