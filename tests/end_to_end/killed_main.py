"""main.py, but killed by SIGKILL around the n-th time a file of some name is put in place.

python killed_main.py <end of the path> <n> before|after <flags>

Checkpoints are written after every epoch and every batch of a pass here, so that a rerun really
goes on from one.
"""

import os
import signal
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from absl import app  # noqa: E402

import main  # noqa: E402
from sfp_keras.checkpoints import PassCheckpoint, TrainingCheckpoint  # noqa: E402

ending, number, moment = sys.argv[1], int(sys.argv[2]), sys.argv[3]
del sys.argv[1:4]
TrainingCheckpoint.__init__.__defaults__ = ("", 0.0)
PassCheckpoint.due = True  # type: ignore[assignment]
replace = os.replace
seen = 0


def replace_or_die(source: str, target: str | Path) -> None:
    global seen
    counts = str(target).endswith(ending) or ending in Path(target).name
    seen += counts
    die = counts and seen == number
    if die and moment == "before":
        os.kill(os.getpid(), signal.SIGKILL)
    replace(source, target)
    if die:
        os.kill(os.getpid(), signal.SIGKILL)


os.replace = replace_or_die  # type: ignore[assignment]
app.run(main.main)
