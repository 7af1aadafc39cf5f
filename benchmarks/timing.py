"""What benchmarks share: how they time, and the bare products of heads.

Ways are timed in turns, so that others' work on the machine falls on every one.
"""

import time
from collections.abc import Callable, Mapping, Sequence

import numpy as np


def fastest(ways: Mapping[str, Callable[[], object]], rounds: int) -> dict[str, float]:
    """Seconds of each way in its fastest round, after one that is not counted.

    Args:
        ways: functions, run one after another in each round.
        rounds: `int`.
    """
    best = dict.fromkeys(ways, float("inf"))
    for turn in range(rounds + 1):
        for name, way in ways.items():
            start = time.perf_counter()
            way()
            if turn:
                best[name] = min(best[name], time.perf_counter() - start)
    return best


def head_products(arrays: Sequence[np.ndarray], labels: int, batch: int) -> None:
    """Logits and kernels' gradients of bias-free heads, an epoch in NumPy, and nothing else.

    Args:
        arrays: features (rows, inputs) float32 of each stage.
        labels: `int`, K.
        batch: `int`, rows a step.
    """
    error = np.full((batch, labels), 0.01, np.float32)
    for array in arrays:
        kernel = np.zeros((array.shape[1], labels), np.float32)
        for begin in range(0, len(array), batch):
            rows = array[begin : begin + batch]
            _ = rows @ kernel
            _ = rows.T @ error[: len(rows)]
