"""Heads on a training set whose features exceed the memory: the pass, a kill in it, the training.

    python benchmarks/large_set.py [--gib=4] [--memory_gib=1] [--labels=100] [--folder=/tmp]

Images are made from their numbers, a small network puts out two stages, and the features of all
images, `--gib` of them, go to files in `--folder`. Each part runs in a process of its own, which
the system refuses more than `--memory_gib` of private memory beyond what its libraries take
(RLIMIT_DATA); what it held at most is printed, pages of files included. One pass is undisturbed,
one is killed (SIGKILL) near its end and started again; their files are compared. Then rows are
read in a training's order, and heads train for an epoch, while the system is made to forget the
files every second, as if memory held none of them; each also with rows gathered from the mapped
files as NumPy does. Takes about ten minutes on 2 cores, and twice `--gib` of disk for that time.
"""

import argparse
import contextlib
import hashlib
import json
import os
import resource
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")  # As the command does.

BATCH = 100
# Steps of a training that are not timed, seconds of reading, the part of the images before a kill.
WARMUP, READ_SECONDS, SHARE = 20, 20.0, 0.8
# Numbers an image of the two stages.
SIZES = {"conv1": 16 * 16 * 32, "conv2": 8 * 8 * 64}


def status(field: str) -> int:
    """MiB that the system names in a line of the process's status."""
    lines = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return int(lines[field].split()[0]) // 1024


def make_pass(folder: Path, images: int, labels: int, kill_at: int, read: list[int]):
    """The features of all images, a tenth of them for testing; `read` gets the first read."""
    import keras
    import numpy as np

    from sfp_keras.data import ImageSplit, LazyImages, parse_scaling
    from sfp_keras.probing import cache_features
    from sfp_keras.workflows.inputs.batches import reported_batches

    class Made(LazyImages):
        def __init__(self, first: int, count: int):
            self.first, self.shape = first, (count, 32, 32, 3)

        def read(self, indices):
            read.append(self.first + int(indices[0]))
            if read[-1] == kill_at:
                os.kill(os.getpid(), signal.SIGKILL)
            rng = np.random.default_rng(read[-1])
            return rng.integers(0, 256, (len(indices), 32, 32, 3), np.uint8)

    keras.utils.set_random_seed(0)
    inputs = keras.Input((32, 32, 3))
    first = keras.layers.Conv2D(32, 3, 2, "same", activation="relu", name="conv1")(inputs)
    second = keras.layers.Conv2D(64, 3, 2, "same", activation="relu", name="conv2")(first)
    cut = keras.Model(inputs, [first, second])
    test = images // 10
    splits = [
        ImageSplit(Made(begin, count), np.arange(count, dtype=np.int64) % labels)
        for begin, count in ((0, images - test), (images - test, test))
    ]
    passes = [
        reported_batches(phase, split, BATCH, parse_scaling("0..1"))
        for phase, split in zip(("features", "test features"), splits, strict=True)
    ]
    counts = {"train_count": images - test, "test_count": test}
    return cache_features(cut, list(SIZES), *passes, **counts, budget=0, folder=folder)


def forget(folder: Path) -> None:
    """Have the system forget what it holds of files."""
    for path in folder.glob("*.npy"):
        handle = os.open(path, os.O_RDONLY)
        os.posix_fadvise(handle, 0, 0, os.POSIX_FADV_DONTNEED)
        os.close(handle)


@contextlib.contextmanager
def forgetting(folder: Path) -> Iterator[None]:
    """Have the system forget the files now and every second, as if memory held none of them."""
    done = threading.Event()

    def keep_forgetting() -> None:
        while not done.wait(1.0):
            forget(folder)

    forget(folder)
    thread = threading.Thread(target=keep_forgetting)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def part(options: argparse.Namespace) -> None:
    """One part, in this process; prints its measurements as JSON."""
    import keras
    import numpy as np

    from sfp_keras.data import epoch_order
    from sfp_keras.probing import FeatureCache, HeadSettings, RowReader, heads, train_heads

    class Mapped:
        def __init__(self, array: np.ndarray):
            self.array = array

        def expect(self, rows: np.ndarray) -> None:
            return

        def __call__(self, rows: np.ndarray) -> np.ndarray:
            return self.array[rows]

    class Timed(keras.callbacks.Callback):
        steps, begin, end = 0, 0.0, 0.0

        def on_train_batch_end(self, batch, logs=None):
            self.steps += 1
            if self.steps == WARMUP:
                self.begin = time.perf_counter()
            self.end = time.perf_counter()

    folder, name = Path(options.folder), options.part
    way = Mapped if name.endswith("mapped") else RowReader
    # Libraries load much of themselves late.
    few = FeatureCache({"few": np.ones((9, 9))}, np.zeros(9, np.int64), 9, {"few": ()}, True)
    train_heads(few, 2, HeadSettings(epochs=1))
    Path("/proc/self/clear_refs").write_text("5")
    base = status("VmRSS")
    limit = (status("VmData") << 20) + int(options.memory_gib * 2**30)
    resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
    start = time.perf_counter()
    read: list[int] = []
    cache = make_pass(folder, options.images, options.labels, options.kill_at, read)
    found = {"seconds": time.perf_counter() - start, "first": min(read, default=0)}
    if name.startswith("read"):
        readers = [way(array) for array in cache.arrays.values()]
        order, done = epoch_order(0, 0, cache.train_count), 0
        with forgetting(folder):
            start = time.perf_counter()
            while done < len(order) and time.perf_counter() - start < READ_SECONDS:
                for reader in readers:
                    reader.expect(order[done + 4 * BATCH : done + 5 * BATCH])
                for reader in readers:
                    reader(order[done : done + BATCH])
                done += BATCH
        found = {"seconds": time.perf_counter() - start, "done": done}
    elif name.startswith("train"):
        heads.RowReader = way
        timed, settings = Timed(), HeadSettings(epochs=1)
        with forgetting(folder):
            train_heads(cache, options.labels, settings, callbacks=[timed])
        found = {"seconds": timed.end - timed.begin, "done": timed.steps - WARMUP}
    print(json.dumps({**found, "peak": status("VmHWM") - base}))


def run(name: str, options: argparse.Namespace, folder: Path, kill_at: int = -1) -> dict:
    """A part in a process of its own, or an empty dict where it was killed."""
    flags = [f"--{key}={getattr(options, key)}" for key in ("images", "labels", "memory_gib")]
    command = [sys.executable, __file__, f"--part={name}", f"--folder={folder}", *flags]
    done = subprocess.run([*command, f"--kill_at={kill_at}"], stdout=subprocess.PIPE, text=True)
    lines = done.stdout.splitlines()
    killed = done.returncode == -signal.SIGKILL
    for line in lines if killed else lines[:-1]:
        print(f"    {line}", flush=True)
    if killed and kill_at >= 0:
        return {}
    if done.returncode:
        sys.exit(f"{name} failed")
    return json.loads(lines[-1])


def digest(folder: Path) -> str:
    whole = hashlib.sha256()
    for path in sorted(folder.glob("*.npy")):
        with open(path, "rb") as file:
            whole.update(hashlib.file_digest(file, "sha256").digest())
    return whole.hexdigest()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--gib", type=float, default=4.0)
    parser.add_argument("--memory_gib", type=float, default=1.0)
    parser.add_argument("--labels", type=int, default=100)
    parser.add_argument("--folder", default=None, help="where the files go for that time")
    parser.add_argument("--part", help=argparse.SUPPRESS)
    parser.add_argument("--images", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--kill_at", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.part:
        part(options)
        return
    width = 2 * sum(SIZES.values())
    options.images = int(options.gib * 2**30 / width) // BATCH * BATCH
    count = f"{options.images:,} images, {options.gib:g} GiB of features"
    print(f"{count}, {options.memory_gib:g} GiB of memory\n", flush=True)
    rows = []
    with tempfile.TemporaryDirectory(dir=options.folder) as top:
        whole, killed = Path(top) / "whole", Path(top) / "killed"
        undisturbed = run("pass", options, whole)
        rate = options.images / undisturbed["seconds"]
        rows.append(("the pass", f"{rate:,.0f} images/s", undisturbed))
        kill_at = int(SHARE * options.images) // BATCH * BATCH
        run("pass", options, killed, kill_at)
        rest = run("pass", options, killed)
        same = "the same" if digest(whole) == digest(killed) else "OTHER"
        what = f"{kill_at - rest['first']:,} images again; {same} files"
        rows.append((f"the rest of one killed after {SHARE:.0%}", what, rest))
        for path in killed.iterdir():
            path.unlink()
        for name, way, unit in (
            ("read", "rows at random, nothing else", "images/s"),
            ("read mapped", "the same from mapped files", "images/s"),
            ("train", "an epoch of heads", "steps/s"),
            ("train mapped", "the same from mapped files", "steps/s"),
        ):
            found = run(name, options, whole)
            rows.append((way, f"{found['done'] / found['seconds']:,.1f} {unit}", found))
    print("\n| part | seconds | | most memory beyond the libraries' |")
    print("|---|--:|---|--:|")
    for name, what, found in rows:
        print(f"| {name} | {found['seconds']:.0f} | {what} | {found['peak']:,} MiB |")


if __name__ == "__main__":
    main()
