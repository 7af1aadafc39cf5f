"""An epoch of all heads from the cache, against the bare matrix products, on each backend.

    python benchmarks/heads_products.py [--images=2000] [--labels=100] [--backends=tensorflow,jax]

Random features of VGG-16's five stages (16,384 to 512 inputs). The products are, for every batch
and head, the logits and the kernel's gradient in float32, compiled on the same backend, and
nothing else: no order, softmax, update or metric. Beside it three heads of every stage, which read
each batch once. Takes about 3 minutes on 2 cores.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")  # As the command does.

import keras
import numpy as np
from timing import fastest, head_products

from sfp_keras.probing import FeatureCache, HeadSettings, HeadVariant, train_head_variants

INPUTS = {"layer2": 16384, "layer4": 8192, "layer7": 4096, "layer10": 2048, "layer13": 512}
BATCH = 100


def compiled_products(arrays: list[np.ndarray], labels: int) -> Callable[[], object]:
    """Logits and gradients of all heads, an epoch, on Keras' backend."""
    kernels = [np.zeros((array.shape[1], labels), np.float32) for array in arrays]
    error = np.full((BATCH, labels), 0.01, np.float32)
    batches = [[array[i : i + BATCH] for array in arrays] for i in range(0, len(arrays[0]), BATCH)]
    if keras.backend.backend() == "jax":
        import jax

        batches, kernels, error = jax.device_put((batches, kernels, error))

        @jax.jit
        def step(rows, kernels, error):
            return [(x @ w, x.T @ error[: x.shape[0]]) for x, w in zip(rows, kernels, strict=True)]

        return lambda: [jax.block_until_ready(step(rows, kernels, error)) for rows in batches]
    import tensorflow as tf

    batches, kernels = tf.nest.map_structure(tf.constant, (batches, kernels))

    @tf.function
    def run(rows):
        return [
            (x @ w, tf.matmul(x, error[: x.shape[0]], transpose_a=True))
            for x, w in zip(rows, kernels, strict=True)
        ]

    return lambda: [run(rows) for rows in batches]


def measure(options: argparse.Namespace) -> dict[str, float]:
    """Seconds of an epoch, on the backend of this process."""
    rng = np.random.default_rng(0)
    features = {
        name: rng.random((options.images, size), np.float32) for name, size in INPUTS.items()
    }
    cache = FeatureCache(
        {name: array.astype(np.float16) for name, array in features.items()},
        np.arange(options.images) % options.labels,
        options.images,
        dict.fromkeys(INPUTS, (1,)),
        False,
    )
    # Without compilation: the difference of a long and a short training.
    long, short = 6, 1

    def train(heads: int, epochs: int) -> None:
        variants = [HeadVariant(seed) for seed in range(heads)]
        train_head_variants(cache, variants, options.labels, HeadSettings(epochs=epochs))

    took = fastest(
        {
            "NumPy": lambda: head_products(list(features.values()), options.labels, BATCH),
            "products": compiled_products(list(features.values()), options.labels),
            "long": lambda: train(1, long),
            "short": lambda: train(1, short),
            "three, long": lambda: train(3, long),
            "three, short": lambda: train(3, short),
        },
        options.rounds,
    )
    return {
        "NumPy": took["NumPy"],
        "products": took["products"],
        "ours": (took["long"] - took["short"]) / (long - short),
        "three": (took["three, long"] - took["three, short"]) / (long - short),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=2000)
    parser.add_argument("--labels", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--backends", default="tensorflow,jax")
    parser.add_argument("--here", action="store_true", help="measure this backend, print JSON")
    options = parser.parse_args()
    if options.here:
        print(json.dumps(measure(options)))
        return
    print(
        f"{options.images} images, K={options.labels}, batches of {BATCH}, float16 cache; "
        "milliseconds an image\n"
    )
    print(
        "| backend | its products | NumPy's | an epoch of ours | ratio | to NumPy's "
        "| three heads a stage, to one |"
    )
    print("|---|--:|--:|--:|--:|--:|--:|")
    for backend in options.backends.split(","):
        start = time.perf_counter()
        done = subprocess.run(
            [sys.executable, __file__, *sys.argv[1:], "--here"],
            env={**os.environ, "KERAS_BACKEND": backend},
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        )
        row = json.loads(done.stdout.splitlines()[-1])
        each = 1000 / options.images
        numbers = " | ".join(f"{row[n] * each:.3f}" for n in ("products", "NumPy", "ours"))
        ratios = " | ".join(f"{row['ours'] / row[n]:.2f}" for n in ("products", "NumPy"))
        three = row["three"] / row["ours"]
        print(f"| {backend} | {numbers} | {ratios} | {three:.2f} |", flush=True)
        print(f"{backend}: {time.perf_counter() - start:.0f} s", file=sys.stderr)


if __name__ == "__main__":
    main()
