"""Clusters and noise from features and kernel: ours against the papers' procedure as written.

    python benchmarks/clusters.py [--filters=1280] [--labels=1000] [--literal_filters=16]

Every row is one process of its own, so that its peak memory is its own. Both sides start from
features (K, P, F) and kernel (P, F, K) and end with the clusters and noise of every filter. The
literal procedure treats one filter after the other, so it is timed on a few filters spread over
the layer and scaled to all; its clusters must equal ours. Takes about 20 seconds on 2 cores.
"""

import argparse
import json
import resource
import subprocess
import sys
import time

import numpy as np

from sfp_keras.filters import FilterFields, find_clusters, layer_statistics

Factors = tuple[np.ndarray, np.ndarray]


def rank_one(rng: np.random.Generator, labels: int, filters: int, tail: float) -> Factors:
    """One position: features with a heavy tail, a head that favours the labels they favour."""
    drive = rng.normal(size=(filters, labels))
    features = np.exp(tail * drive)
    kernel = drive + rng.normal(size=drive.shape)
    return features.T[:, None], kernel[None]


def last_stage(rng: np.random.Generator, labels: int, filters: int) -> Factors:
    return rank_one(rng, labels, filters, tail=1.1)


def early_stage(rng: np.random.Generator, labels: int, filters: int) -> Factors:
    return rank_one(rng, labels, filters, tail=0.3)


def all_ones(rng: np.random.Generator, labels: int, filters: int) -> Factors:
    return np.ones((labels, 1, filters)), np.ones((1, filters, labels))


def identity(rng: np.random.Generator, labels: int, filters: int) -> Factors:
    """Only the diagonal is above the threshold: M[i, j] = 1 - 0.8 (i - j)^2, of rank three."""
    i = np.arange(labels) - labels // 2
    features = np.stack([1 - 0.8 * i**2, 1.6 * i, np.full(labels, -0.8)], axis=1)
    kernel = np.stack([np.ones(labels), i, i**2])
    return np.repeat(features[:, :, None], filters, 2), np.repeat(kernel[:, None], filters, 1)


def half_full(rng: np.random.Generator, labels: int, filters: int) -> Factors:
    """All labels on the diagonal, 40% of all elements ones: M[i, j] = cos(a_i - a_j)."""
    angles = rng.uniform(0, 2 * np.pi, (filters, labels))
    waves = np.stack([np.cos(angles), np.sin(angles)])
    return waves.transpose(2, 0, 1), waves


STRUCTURES = {f.__name__: f for f in (last_stage, early_stage, half_full, identity, all_ones)}


def literal_filter(features: np.ndarray, kernel: np.ndarray) -> tuple[list[list[int]], int]:
    """Clusters and noise of one filter, walking the diagonal until no label is free."""
    matrix = features @ kernel
    maximum = matrix.max()
    boolean = matrix / maximum > np.float32(0.3) if maximum > 0 else np.zeros_like(matrix, bool)
    free = [label for label in range(len(boolean)) if boolean[label, label]]
    clusters = []
    while free:
        cluster: list[int] = []
        for label in free:
            if all(boolean[label, member] and boolean[member, label] for member in cluster):
                cluster.append(label)
        free = [label for label in free if label not in cluster]
        clusters.append(cluster)
    outside = boolean.copy()
    for cluster in clusters:
        outside[np.ix_(cluster, cluster)] = False
    return clusters, int(outside.sum())


def peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def measure(structure: str, labels: int, filters: int, literal_filters: int) -> dict[str, float]:
    """Time both sides on one structure, in this process."""
    features, kernel = (
        factor.astype(np.float32)
        for factor in STRUCTURES[structure](np.random.default_rng(0), labels, filters)
    )
    fields = FilterFields(features, kernel, np.ones(labels, int), (features.shape[1],))
    before = peak_mb()
    start = time.perf_counter()
    clusters = find_clusters(fields)
    noise = clusters.noise
    ours = time.perf_counter() - start
    peak = peak_mb()

    chosen = np.linspace(0, filters - 1, min(literal_filters, filters)).astype(int)
    start = time.perf_counter()
    found = [
        literal_filter(np.ascontiguousarray(features[:, :, f]), np.ascontiguousarray(kernel[:, f]))
        for f in chosen
    ]
    literal = (time.perf_counter() - start) * filters / chosen.size
    for index, (members, count) in zip(chosen, found, strict=True):
        if members != clusters.members(index) or count != noise[index]:
            raise SystemExit(f"{structure}: filter {index} differs from the literal procedure")
    layer = layer_statistics(clusters)
    return {
        "positions": fields.num_positions,
        "noise": layer.noise,
        "clusters": layer.clusters,
        "cluster_size": layer.cluster_size,
        "ours": ours,
        "literal": literal,
        "peak": peak,
        "before": before,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--filters", type=int, default=1280)
    parser.add_argument("--labels", type=int, default=1000)
    parser.add_argument("--literal_filters", type=int, default=16)
    parser.add_argument("--structure", choices=STRUCTURES, help="measure one and print JSON")
    flags = parser.parse_args()
    sizes = (flags.labels, flags.filters, flags.literal_filters)
    if flags.structure:
        print(json.dumps(measure(flags.structure, *sizes)))
        return
    print(f"{flags.filters} filters, K={flags.labels}, threshold 0.3; one run, a process a row.")
    print(f"The literal procedure is timed on {flags.literal_filters} filters and scaled.\n")
    print(
        "| structure | P | noise | clusters a filter | cluster size | ours, s | literal, s | "
        "ratio | peak memory of process, MB | before the call, MB |"
    )
    print("|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|")
    for name in STRUCTURES:
        command = [sys.executable, __file__, f"--structure={name}"]
        names = ("labels", "filters", "literal_filters")
        command += [f"--{flag}={size}" for flag, size in zip(names, sizes, strict=True)]
        row = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
        print(
            f"| {name.replace('_', ' ')} | {row['positions']} | {row['noise']:.1f} | "
            f"{row['clusters']:.2f} | {row['cluster_size']:.2f} | {row['ours']:.2f} | "
            f"{row['literal']:.1f} | {row['literal'] / row['ours']:.1f} | {row['peak']:.0f} | "
            f"{row['before']:.0f} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
