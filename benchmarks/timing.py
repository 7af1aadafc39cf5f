"""How all benchmarks time: in turns, so that others' work on the machine falls on every way."""

import time
from collections.abc import Callable, Mapping


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
