"""A row of layers.csv from the saved arrays alone, step by step as the papers write it."""

import math

import numpy as np


def clusters_of(boolean: np.ndarray) -> list[list[int]]:
    free = [i for i in range(len(boolean)) if boolean[i, i]]
    found = []
    while free:
        cluster: list[int] = []
        for i in free:
            if all(boolean[i, j] and boolean[j, i] for j in cluster):
                cluster.append(i)
        free = [i for i in free if i not in cluster]
        found.append(cluster)
    return found


def filter_matrices(features: np.ndarray, kernel: np.ndarray) -> list[np.ndarray]:
    """M_f (K, K) for each filter, in double precision."""
    count = kernel.shape[1]
    return [features[:, :, f].astype(float) @ kernel[:, f].astype(float) for f in range(count)]


def clipped(matrix: np.ndarray, threshold: float) -> np.ndarray:
    return matrix / matrix.max() > threshold if matrix.max() > 0 else np.zeros(matrix.shape, bool)


def layer_row(features: np.ndarray, kernel: np.ndarray, threshold: float) -> dict[str, float]:
    labels, _, filters = features.shape
    noise, clusters, sizes, noise_clustered, dead, used = [], [], [], [], 0, set()
    for matrix in filter_matrices(features, kernel):
        dead += matrix.max() <= 0
        boolean = clipped(matrix, threshold)
        found = clusters_of(boolean)
        outside = boolean.copy()
        for cluster in found:
            outside[np.ix_(cluster, cluster)] = False
            used.update(cluster)
        noise.append(int(outside.sum()))
        clusters.append(len(found))
        sizes += [len(cluster) for cluster in found]
        if found:
            noise_clustered.append(noise[-1])
    n, n_c, c_s = np.mean(noise), np.mean(clusters), np.mean(sizes)
    signal = c_s * n_c * filters / labels
    internal = (c_s - 1) / (labels - 1) * signal
    external = n * filters / labels**2
    return {
        "filters": filters,
        "outputs_per_filter": kernel.shape[0],
        "fc_inputs": kernel.shape[0] * filters,
        "noise": n,
        "noise_clustered": np.mean(noise_clustered),
        "clusters": n_c,
        "cluster_size": c_s,
        "signal": signal,
        "noise_internal": internal,
        "noise_external": external,
        "snr_internal": signal / internal if internal else math.inf,
        "snr_external": signal / external if external else math.inf,
        "dead_filters": dead,
        "zero_signal_labels": labels - len(used),
    }
