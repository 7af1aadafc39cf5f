"""A training step by TensorFlow's operations, from its own profiler.

    python benchmarks/operations.py [--model=vgg16] [--precision=mixed_bfloat16]

Operations run on several threads at once, so that their sum is more than the step. Takes about half
a minute on 2 cores.
"""

import argparse
import collections
import os
import tempfile
import time
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")  # As the command does.

import keras
import numpy as np
import tensorflow as tf
from tensorflow.tsl.profiler.protobuf import xplane_pb2

from sfp_keras.models import build_vgg
from sfp_keras.training import SGD


def operations(folder: Path) -> collections.Counter:
    """Seconds of each kind of operation in a profile, over all threads."""
    (path,) = folder.rglob("*.xplane.pb")
    space = xplane_pb2.XSpace.FromString(path.read_bytes())
    took: collections.Counter = collections.Counter()
    for plane in space.planes:
        if not plane.name.startswith("/host:CPU"):
            continue
        for line in plane.lines:
            for event in line.events:
                # `<node>:<operation>`; what has no colon encloses operations.
                name = plane.event_metadata[event.metadata_id].name
                if ":" in name and "/" in name:
                    took[name.rpartition(":")[2]] += event.duration_ps / 1e12
    return took


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default="vgg16")
    parser.add_argument("--precision", default="mixed_bfloat16")
    parser.add_argument("--steps", type=int, default=8)
    options = parser.parse_args()
    network = build_vgg(options.model, 100, dtype=options.precision)
    network.compile(
        SGD(0.01, 0.9, 5e-4), keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    )
    images = np.random.default_rng(0).uniform(-1, 1, (100, 32, 32, 3)).astype(np.float32)
    labels = np.arange(100)
    for _ in range(3):
        network.train_on_batch(images, labels)
    with tempfile.TemporaryDirectory() as folder:
        tf.profiler.experimental.start(folder)
        start = time.perf_counter()
        for _ in range(options.steps):
            network.train_on_batch(images, labels)
        step = (time.perf_counter() - start) / options.steps
        tf.profiler.experimental.stop()
        took = operations(Path(folder))
    total = sum(took.values())
    print(f"{options.model}, batch 100, {options.precision}: {1000 * step:.0f} ms a step\n")
    print("| operation | ms a step, all threads | share |\n|---|--:|--:|")
    for name, seconds in took.most_common(12):
        print(f"| {name} | {1000 * seconds / options.steps:.0f} | {seconds / total:.0%} |")
    print(f"| all | {1000 * total / options.steps:.0f} | |")


if __name__ == "__main__":
    main()
