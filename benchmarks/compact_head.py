"""Heads with masked weights: bytes on disk and latency as Dense, MaskedDense and CompactDense.

    python benchmarks/compact_head.py [--rounds=30]

Two heads: 5% of 2,048x100 weights kept (layer 10 of VGG-16) and 1.5% of 1,280x1,000
(EfficientNet-B0), at random. The same kept weights in all forms, whose outputs must agree. Calls
are timed in turns, compiled, the fastest of the rounds counts. Takes about 20 seconds on 2 cores.
"""

import argparse
import os
import tempfile
import time
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")  # As the command does.

import keras
import numpy as np

from sfp_keras import CompactDense, MaskedDense

BATCHES = (1, 100, 1000)


def as_model(layer, inputs: int) -> keras.Model:
    return keras.Sequential([keras.Input((inputs,)), layer])


def heads(inputs: int, units: int, kept: float) -> dict[str, keras.Model]:
    """The same head in three forms; the plain one stores the zeros."""
    rng = np.random.default_rng(0)
    mask = rng.random((inputs, units)) < kept
    masked = MaskedDense(units, mask, use_bias=False)
    models = {"Dense": as_model(keras.layers.Dense(units, use_bias=False), inputs)}
    models["MaskedDense"] = as_model(masked, inputs)
    models["CompactDense"] = as_model(CompactDense.from_masked(masked), inputs)
    models["Dense"].set_weights(models["MaskedDense"].get_weights())
    return models


def bytes_of(model: keras.Model, ending: str) -> int:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"head{ending}"
        if ending == ".keras":
            model.save(path)
        else:
            model.save_weights(path)
        return path.stat().st_size


def compiled(model: keras.Model):
    """The model's compiled prediction of one batch, without the loop around it."""
    if keras.backend.backend() != "tensorflow":
        return lambda x: keras.ops.convert_to_numpy(model.predict_on_batch(x))
    import tensorflow as tf

    function = tf.function(lambda x: model(x, training=False))
    return lambda x: function(tf.convert_to_tensor(x)).numpy()


def compare(inputs: int, units: int, kept: float, rounds: int) -> None:
    models = heads(inputs, units, kept)
    calls = {name: compiled(model) for name, model in models.items()}
    seconds: dict[tuple[str, int], float] = {}
    for batch in BATCHES:
        x = np.random.default_rng(1).random((batch, inputs), dtype=np.float32)
        expected = calls["Dense"](x)
        for call in calls.values():
            np.testing.assert_allclose(call(x), expected, rtol=1e-4, atol=1e-4)
        for _ in range(rounds):
            for name, call in calls.items():
                start = time.perf_counter()
                call(x)
                took = time.perf_counter() - start
                seconds[name, batch] = min(seconds.get((name, batch), took), took)
    sizes = {
        (name, ending): bytes_of(model, ending)
        for name, model in models.items()
        for ending in (".keras", ".weights.h5")
    }
    print(f"\n{inputs}x{units}, {kept:.1%} kept: share of Dense (and Dense itself)\n")
    print("| form | .keras | .weights.h5 |" + "".join(f" batch {b} |" for b in BATCHES))
    print("|---|--:|--:|" + "--:|" * len(BATCHES))
    for name in models:
        first = name == "Dense"
        cells = []
        for ending in (".keras", ".weights.h5"):
            size, whole = sizes[name, ending], sizes["Dense", ending]
            cells.append(f"{size:,} bytes" if first else f"{size / whole:.3f}")
        for batch in BATCHES:
            took, whole = seconds[name, batch], seconds["Dense", batch]
            cells.append(f"{1e3 * took:.2f} ms" if first else f"{took / whole:.2f}")
        print(f"| {name} | {' | '.join(cells)} |")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=30)
    rounds = parser.parse_args().rounds
    load = os.getloadavg()[0]
    print(f"{keras.backend.backend()}, {os.cpu_count()} cores, load before the run {load:.1f}")
    compare(2048, 100, 0.05, rounds)
    compare(1280, 1000, 0.015, rounds)


if __name__ == "__main__":
    main()
