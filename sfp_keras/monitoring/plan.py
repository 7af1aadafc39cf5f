"""Which epochs are measured, and which measurements' factors fit into the log."""

from collections.abc import Mapping, Sequence

MAX_MEASUREMENTS = 20
MAX_MB = 50.0


def measured_epochs(
    epochs: int, every: int | None = None, most: int = MAX_MEASUREMENTS
) -> list[int]:
    """Epochs at whose end filters are measured: evenly spaced, the last one among them.

    Args:
        epochs: `int`. Number of epochs; they are counted from 0.
        every: `int` or `None`. Epochs between measurements, however many these make. Defaults to
            `None`: as few epochs as `most` allows.
        most: `int`. Largest number of measurements where `every` is `None`. Defaults to `20`.

    Returns:
        Ascending list of epochs.
    """
    if epochs < 1 or most < 1:
        return []
    interval = every or -(-epochs // most)
    return list(range(epochs - 1, -1, -interval))[::-1]


def kept_factors(
    epochs: Sequence[int],
    once: Mapping[str, int],
    each: Mapping[str, int],
    budget: float,
) -> dict[str, list[int]]:
    """Share the bytes of a log among stages, the smallest first.

    Each stage gets an equal share of what is left, and what it does not need goes to the larger
    ones. What the shares leave over is handed out one measurement at a time, always to the stage
    that has fewest. Where not all of a stage's measurements fit, those kept are evenly spaced from
    the first to the last; of one, it is the last.

    Args:
        epochs: measured epochs, ascending.
        once: bytes each stage needs however many measurements are kept.
        each: bytes of one measurement of each stage.
        budget: bytes altogether.

    Returns:
        Dict from stage to the epochs whose factors are kept, ascending.
    """
    counts: dict[str, int] = {}
    order = sorted(each, key=lambda stage: once.get(stage, 0) + each[stage])
    for place, stage in enumerate(order):
        share = budget / (len(order) - place)
        count = min(len(epochs), max(0, int((share - once.get(stage, 0)) // max(1, each[stage]))))
        counts[stage] = count
        if count:
            budget -= once.get(stage, 0) + count * each[stage]

    def price(stage: str) -> int:
        return each[stage] + (0 if counts[stage] else once.get(stage, 0))

    while more := [s for s in order if counts[s] < len(epochs) and price(s) <= budget]:
        stage = min(more, key=counts.__getitem__)
        budget -= price(stage)
        counts[stage] += 1
    return {stage: _spaced(epochs, counts[stage]) for stage in each}


def _spaced(epochs: Sequence[int], count: int) -> list[int]:
    if count < 2:
        return list(epochs[-1:]) if count else []
    last = len(epochs) - 1
    return [epochs[i * last // (count - 1)] for i in range(count)]
