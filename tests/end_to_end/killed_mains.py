"""main.py for many command lines, each killed by SIGKILL when a file is put in place.

Each line of standard input is JSON: the end of the file's path, n, "before" or "after", and the
flags. The command dies before or after such a file is put in place for the n-th time. Its output
follows, then a line `exit code <code>`. Each command is a process of its own, forked from this
one: to start Python with Keras and TensorFlow takes longer than a small command.

Checkpoints are written after every epoch and every batch of a pass here, so that a rerun really
goes on from one.
"""

import json
import os
import signal
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from absl import app  # noqa: E402

import main  # noqa: E402
from sfp_keras.backend import start_backend  # noqa: E402
from sfp_keras.checkpoints import PassCheckpoint, TrainingCheckpoint  # noqa: E402


def run_until_killed(ending: str, number: int, moment: str, flags: list[str]) -> None:
    signal.alarm(600)  # Should it wait for ever.
    TrainingCheckpoint.__init__.__defaults__ = ("", 0.0)
    PassCheckpoint.due = True  # type: ignore[assignment]
    replace = os.replace
    seen = 0

    def replace_or_die(source: str, target: str | Path) -> None:
        nonlocal seen
        counts = str(target).endswith(ending) or ending in Path(target).name
        seen += counts
        die = counts and seen == number
        if die and moment == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        replace(source, target)
        if die:
            os.kill(os.getpid(), signal.SIGKILL)

    os.replace = replace_or_die  # type: ignore[assignment]
    app.run(main.main, ["main.py", *flags])


start_backend()

for line in sys.stdin:
    asked = json.loads(line)
    if (child := os.fork()) == 0:
        run_until_killed(*asked)
    _, status = os.waitpid(child, 0)
    print(f"exit code {os.waitstatus_to_exitcode(status)}", flush=True)
