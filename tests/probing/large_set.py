"""A killed pass, its rest, and heads trained, in a process that may take little memory.

python large_set.py <folder>

The system refuses LIMIT bytes of private memory beyond what the process has when its libraries are
loaded (RLIMIT_DATA). At last prints the bytes by which all that it held, pages of files included,
was ever above that; and a digest of the files.
"""

import dataclasses
import os
import resource
import signal
import sys
from pathlib import Path
from types import SimpleNamespace

import keras
import numpy as np

from sfp_keras.checkpoints import PassCheckpoint
from sfp_keras.probing import HeadSettings, cache_features, train_heads

ROWS, WIDTH, LIMIT = 10_000, 8192, 80 << 20
PassCheckpoint.EVERY_SECONDS = 0.0
folder, kill_at = Path(sys.argv[1]), -1


def of_process(field: str) -> int:
    lines = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return int(lines[field].split()[0]) * 1024


def batches(first: int):
    print(first, flush=True)
    for row in range(first, ROWS, 100):
        if row == kill_at:
            os.kill(os.getpid(), signal.SIGKILL)
        yield np.full((100, 1), row, np.float32), np.arange(row, row + 100) % 2


NOISE = np.random.default_rng(0).normal(size=(100, WIDTH)).astype(np.float32)


def outputs(images: np.ndarray) -> np.ndarray:
    return NOISE[: len(images)] + images / ROWS


def pass_over(train, count: int, **arguments):
    cut = SimpleNamespace(
        outputs=[keras.KerasTensor((None, WIDTH))], predict_on_batch=outputs
    )  # fmt: skip
    counts = {"train_count": count, "test_count": 0}
    return cache_features(cut, ["layer1"], train, [], **counts, budget=LIMIT, folder=folder)


settings = HeadSettings(epochs=1, batch_size=100)
if (child := os.fork()) == 0:
    kill_at = ROWS // 2
    pass_over(batches, ROWS)
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL
# All that is loaded late is loaded now.
few = [(np.zeros((10, 1), np.float32), np.arange(10) % 2)]
train_heads(dataclasses.replace(pass_over(few, 10), on_disk=True), 2, settings)
Path("/proc/self/clear_refs").write_text("5")
before = of_process("VmRSS")
limit = of_process("VmData") + LIMIT
resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))

cache = pass_over(batches, ROWS)
array = cache.arrays["layer1"]
assert cache.on_disk
assert array.nbytes > 1.9 * LIMIT
train_heads(cache, 2, settings)
print(of_process("VmHWM") - before)
for row in range(0, ROWS, 100):
    wanted = outputs(np.full((100, 1), row, np.float32)).astype(np.float16)
    assert (array[row : row + 100] == wanted).all()
    assert (cache.labels[row : row + 100] == np.arange(100) % 2).all()
