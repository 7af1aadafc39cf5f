"""Heads and analysis at ImageNet's size: 1,000 labels, the six stages of EfficientNet-B0.

    python benchmarks/thousand_labels.py [--epochs=3] [--on_disk]

Features of 40,000 training and 10,000 test images are generated (a pattern for each label, and
noise), all heads are trained together, and fields, clusters and statistics of every stage follow.
Prints seconds and the peak memory of the process. Takes some minutes on 2 cores.
"""

import argparse
import os
import resource
import tempfile
import time
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")  # As the command does.

import numpy as np

from sfp_keras import FilterFields, find_clusters, label_statistics, layer_statistics
from sfp_keras.distribution import aligned_empty
from sfp_keras.probing import FeatureCache, HeadSettings, train_heads

# Positions and filters of each stage after its average pooling of 7x7.
STAGES = {
    "stage1": (256, 32),
    "stage3": (64, 24),
    "stage4": (16, 40),
    "stage5": (4, 80),
    "stage7": (1, 192),
    "stage9": (1, 1280),
}
LABELS, TRAIN, TEST = 1000, 40_000, 10_000


def peak_gib() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


def generated(folder: Path | None) -> FeatureCache:
    """Features of one label have one pattern; later stages less noise."""
    rng = np.random.default_rng(0)
    labels = rng.permutation(np.arange(TRAIN + TEST) % LABELS)
    arrays = {}
    for depth, (name, (positions, filters)) in enumerate(STAGES.items()):
        size = positions * filters
        pattern = rng.gamma(0.5, size=(LABELS, size)).astype(np.float32)
        shape = (TRAIN + TEST, size)
        if folder is None:
            array = aligned_empty(shape, np.dtype(np.float16))  # As a pass does.
        else:
            array = np.lib.format.open_memmap(
                folder / f"{name}.npy", mode="w+", dtype=np.float16, shape=shape
            )
        for begin in range(0, len(labels), 1000):
            part = slice(begin, begin + 1000)
            noise = rng.gamma(0.5, size=(1000, size)).astype(np.float32)
            array[part] = pattern[labels[part]] + (6 - depth) * noise
        arrays[name] = array
    shapes = {name: (positions,) for name, (positions, _) in STAGES.items()}
    return FeatureCache(arrays, labels, TRAIN, shapes, folder is not None)


def fields_of(cache: FeatureCache, name: str, kernel: np.ndarray) -> FilterFields:
    """Mean test features of each label, and the head."""
    positions, filters = STAGES[name]
    labels = cache.labels[TRAIN:]
    sums = np.zeros((LABELS, positions * filters), np.float32)
    for begin in range(0, TEST, 1000):
        rows = np.asarray(cache.arrays[name][TRAIN + begin : TRAIN + begin + 1000], np.float32)
        np.add.at(sums, labels[begin : begin + 1000], rows)
    counts = np.bincount(labels, minlength=LABELS)
    features = (sums / counts[:, None]).reshape(LABELS, positions, filters)
    return FilterFields(features, kernel, counts, (positions,))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--on_disk", action="store_true", help="features in files, not in memory")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        cache = generated(Path(folder) if options.on_disk else None)
        size = sum(array.nbytes for array in cache.arrays.values()) / 2**30
        place = "in files" if options.on_disk else "in memory"
        print(f"features: {size:.2f} GiB {place}; process {peak_gib():.2f} GiB", flush=True)
        start = time.perf_counter()
        heads = train_heads(cache, LABELS, HeadSettings(epochs=options.epochs))
        seconds = (time.perf_counter() - start) / options.epochs
        print(
            f"heads: {seconds:.1f} s an epoch; process at most {peak_gib():.2f} GiB\n", flush=True
        )
        print("| stage | accuracy | seconds of analysis | noise | N_c | C_s |")
        print("|---|--:|--:|--:|--:|--:|")
        for name, head in heads.items():
            start = time.perf_counter()
            fields = fields_of(cache, name, head.kernel)
            clusters = find_clusters(fields)
            found = layer_statistics(clusters)
            label_statistics(clusters, fields)
            print(
                f"| {name} | {head.history[-1]['test_accuracy']:.3f} | "
                f"{time.perf_counter() - start:.1f} | {found.noise:.0f} | {found.clusters:.2f} | "
                f"{found.cluster_size:.2f} |",
                flush=True,
            )
        print(f"\npeak memory of the process: {peak_gib():.2f} GiB")


if __name__ == "__main__":
    main()
