"""What the heads will take, said before the work; refused where it cannot fit."""

import os
from collections.abc import Sequence

import keras
from rich.console import Console

from sfp_keras.errors import InputError
from sfp_keras.experiment import Experiment
from sfp_keras.probing.features import cache_bytes, head_inputs


def check_memory(
    experiment: Experiment, cut: keras.Model, names: Sequence[str], rows: int, num_labels: int
) -> None:
    """Print the estimate of features and heads, and refuse heads that fit no memory.

    Raises:
        InputError: if the heads with momentum and gradients exceed the machine's memory.
    """
    inputs = head_inputs(cut, names)
    features = cache_bytes(inputs, rows, experiment.cache_dtype)
    # Weights, momentum and gradient of every head, in float32.
    heads = 3 * 4 * sum(inputs.values()) * num_labels
    in_memory = features <= experiment.cache_gib * 2**30
    place = "in memory" if in_memory else f"on disk, above --cache_gib={experiment.cache_gib:g}"
    Console().print(
        f"features of {rows:,} images: {_size(features)} as {experiment.cache_dtype} ({place}); "
        f"heads: {_size(heads)}",
        highlight=False,
    )
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    # Resident features are copied to the device, stage by stage.
    needed = heads + (features + max(inputs.values()) * rows * 2 if in_memory else 0)
    if needed > 0.9 * memory:
        largest = max(inputs, key=lambda name: inputs[name])
        raise InputError(
            f"heads and features need {_size(needed)}, this machine has {_size(memory)}: probe "
            f"fewer --stages (largest: {largest}, {inputs[largest]:,} inputs), --pool them, or "
            "lower --cache_gib"
        )


def _size(count: int) -> str:
    if count < 2**20:
        return f"{count / 2**10:.0f} KiB"
    return f"{count / 2**20:.0f} MiB" if count < 2**30 else f"{count / 2**30:.1f} GiB"
