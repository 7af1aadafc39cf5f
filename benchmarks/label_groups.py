"""Whether labels divide filters into groups, so that a grouped convolution could hold a link.

    python benchmarks/label_groups.py RUN_DIR [--split=train] [--thresholds=0.3,0.5,0.7,0.9]

RUN_DIR has the fields of neighbouring stages (`--mode=probe`). AFCC keeps a kernel between two
filters that share a label. A grouped convolution of g groups of one size keeps 1/g of all kernels,
those inside its blocks. Filters are put into groups, on both sides in turns, so that most kept
kernels lie in the blocks: from the groups that spectral clustering finds, and from 5 random ones;
the best counts. Beside it the same for the mask with its entries shuffled, in which there is
nothing to find. Takes some seconds a link.
"""

import argparse
from pathlib import Path

import numpy as np
from scipy.optimize import linear_sum_assignment

from sfp_keras import FilterFields, find_clusters, link_mask


def assigned(scores: np.ndarray) -> np.ndarray:
    """Put rows into groups of equal size by their scores, (rows, groups), whose sum is largest."""
    rows, groups = scores.shape
    slots = np.repeat(np.arange(groups), -(-rows // groups))
    _, found = linear_sum_assignment(-scores[:, slots])
    return np.eye(groups)[slots[found]]


def in_blocks(kept: np.ndarray, groups: int, rng: np.random.Generator) -> float:
    """The largest share of kept kernels found inside the blocks of a number of groups."""
    kept = kept.astype(float)
    right = np.linalg.svd(kept - kept.mean(), full_matrices=False)[2]
    best = 0.0
    for start in range(6):
        scores = rng.random((kept.shape[1], groups))
        if start == 0:
            axes = right[: max(1, groups // 2)]
            scores = np.concatenate([axes, -axes])[:groups].T
        target = assigned(scores)
        before = -1.0
        while True:
            source = assigned(kept @ target)
            target = assigned(kept.T @ source)
            inside = float(np.einsum("ag,ab,bg->", source, kept, target))
            if inside <= before:
                break
            before = inside
        best = max(best, before / kept.sum())
    return best


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("run_dir", type=Path)
    parser.add_argument("--split", default="train")
    parser.add_argument("--thresholds", default="0.3,0.5,0.7,0.9")
    options = parser.parse_args()
    folders = sorted(
        (one.parents[1] for one in options.run_dir.glob(f"stages/*/{options.split}/fields.npz")),
        key=lambda one: int("".join(filter(str.isdigit, one.name)) or 0),
    )
    fields = {}
    for folder in folders:
        with (
            np.load(folder / options.split / "fields.npz") as found,
            np.load(folder / "head.npz") as head,
        ):
            fields[folder.name] = FilterFields(
                found["features"],
                head["kernel"],
                found["label_counts"],
                tuple(head["position_shape"]),
            )
    print("| link | threshold | kernels kept | labels a filter | g | in blocks | shuffled | 1/g |")
    print("|---|--:|--:|--:|--:|--:|--:|--:|")
    rng = np.random.default_rng(0)
    for threshold in map(float, options.thresholds.split(",")):
        clusters = {name: find_clusters(one, threshold) for name, one in fields.items()}
        for source, target in zip(list(clusters)[:-1], list(clusters)[1:], strict=True):
            kept = link_mask(clusters[source], clusters[target])
            labels = clusters[source].in_cluster.sum(axis=1).mean()
            shuffled = rng.permuted(kept.reshape(-1)).reshape(kept.shape)
            for groups in (2, 4, 8):
                if any(size % groups for size in kept.shape):
                    continue
                found, chance = (in_blocks(one, groups, rng) for one in (kept, shuffled))
                print(
                    f"| {source} to {target} | {threshold:g} | {kept.mean():.0%} | {labels:.1f} | "
                    f"{groups} | {found:.0%} | {chance:.0%} | {1 / groups:.0%} |",
                    flush=True,
                )


if __name__ == "__main__":
    main()
