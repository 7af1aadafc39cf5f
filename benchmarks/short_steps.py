"""Where the time goes in training steps that compute next to nothing, on Keras' JAX backend.

    python benchmarks/short_steps.py [--steps=256] [--batch_size=10]

A VGG-16 of two filters a layer stands for a step that is short on its device, as
VGG-16's is on a GPU. Times a step alone and as one of 64 in a call, and the seconds that Python
spends in each package's functions while steps are called one by one. Takes about a minute.
"""

import argparse
import cProfile
import itertools
import pstats
from collections import Counter
from pathlib import Path

import numpy as np
from resident_training import resident_training
from timing import fastest

from sfp_keras.backend import start_backend

PACKAGES = ("keras", "jax", "jaxlib", "numpy", "sfp_keras")
LABELS = 10


def trainings(options: argparse.Namespace) -> dict:
    """The same steps, alone and up to 64 in a call, as functions without arguments."""
    import keras

    from sfp_keras.data import Augmentation, ImageSplit
    from sfp_keras.models import build_vgg

    keras.utils.set_random_seed(0)
    rng = np.random.default_rng(0)
    count = options.steps * options.batch_size
    images = rng.integers(0, 256, (count, 32, 32, 3), np.uint8)
    split = ImageSplit(images, np.arange(count) % LABELS)
    filters = dict.fromkeys(range(1, 14), 2)
    network = build_vgg("vgg16", LABELS, filters=filters, fc_widths=(2, 2))
    _, train = resident_training(
        network,
        split,
        "-1..1",
        Augmentation(flip=True, shift=4),
        options.batch_size,
        options.steps,
    )
    return {"one by one": lambda: train(False), "64 in a call": lambda: train(True)}


def seconds_by_package(function) -> Counter:
    """Seconds spent inside the functions of each package while `function` runs once."""
    profile = cProfile.Profile()
    profile.runcall(function)
    seconds = Counter()
    for (file, _, _), (_, _, own, _, _) in pstats.Stats(profile).stats.items():
        parts = Path(file).parts
        package = next((name for name in PACKAGES if name in parts), "the rest, builtins too")
        seconds[package] += own
    return seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=256)
    parser.add_argument("--batch_size", type=int, default=10)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    start_backend("jax")
    ways = trainings(options)
    best = fastest(ways, options.rounds)
    print(f"{options.steps} steps of {options.batch_size} images, fastest of {options.rounds}\n")
    print("| steps | ms a step | ratio |")
    print("|---|--:|--:|")
    for name, took in best.items():
        print(f"| {name} | {1000 * took / options.steps:.2f} | {took / best['one by one']:.2f} |")
    found = {name: seconds_by_package(way) for name, way in ways.items()}
    print("\nSeconds inside the functions of each package, with the profiler's own time:\n")
    print("| functions of | " + " | ".join(found) + " |")
    print("|---|" + "--:|" * len(found))
    for package in sorted(set(itertools.chain(*found.values()))):
        cells = (f"{seconds[package]:.2f}" for seconds in found.values())
        print(f"| {package} | " + " | ".join(cells) + " |")


if __name__ == "__main__":
    main()
