"""Masked weights after many steps: how many are not exactly zero, by optimiser and arithmetic.

    KERAS_BACKEND=jax python benchmarks/exact_zeros.py [--steps=1000]

A MaskedDense of 256x32, 10% kept, behind another layer, on random data, with momentum, L2, weight
decay and averaged weights (EMA). A plain Dense that was zeroed once beside it shows that the
optimiser does move such weights. Takes about a minute on 2 cores.
"""

import argparse
import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")  # As the command does.

import keras
import numpy as np
from keras import ops

from sfp_keras import MaskedDense

INPUTS, HIDDEN, UNITS, BATCH = 64, 256, 32, 64

OPTIMIZERS = {
    "SGD, Nesterov 0.9": lambda: keras.optimizers.SGD(0.05, momentum=0.9, nesterov=True),
    "SGD, Nesterov 0.9, EMA": lambda: keras.optimizers.SGD(
        0.05, momentum=0.9, nesterov=True, use_ema=True, ema_momentum=0.9
    ),
    "Adam": lambda: keras.optimizers.Adam(1e-3),
    "AdamW, decay 0.01": lambda: keras.optimizers.AdamW(1e-3, weight_decay=0.01),
    "AdamW, decay 0.01, EMA": lambda: keras.optimizers.AdamW(
        1e-3, weight_decay=0.01, use_ema=True, ema_momentum=0.9
    ),
}


def nonzero_off_mask(layer, mask: np.ndarray) -> int:
    return int(np.count_nonzero(ops.convert_to_numpy(layer.kernel)[~mask]))


def after_steps(optimizer, policy: str, mask: np.ndarray, steps: int, masked: bool) -> int:
    """Weights off the mask that are not zero after `steps` steps."""
    keras.utils.set_random_seed(0)
    arguments = {"kernel_regularizer": keras.regularizers.L2(1e-3), "dtype": policy}
    head = (
        MaskedDense(UNITS, mask, **arguments) if masked else keras.layers.Dense(UNITS, **arguments)
    )
    model = keras.Sequential(
        [
            keras.Input((INPUTS,)),
            keras.layers.Dense(HIDDEN, activation="relu", dtype=policy),
            head,
        ]
    )
    if not masked:
        head.kernel.assign(ops.convert_to_numpy(head.kernel) * mask)
    model.compile(optimizer, keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    rng = np.random.default_rng(1)
    x = rng.normal(size=(steps * BATCH, INPUTS)).astype(np.float32)
    model.fit(x, rng.integers(0, UNITS, len(x)), batch_size=BATCH, epochs=1, verbose=0)
    assert int(ops.convert_to_numpy(model.optimizer.iterations)) == steps
    return nonzero_off_mask(head, mask)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=1000)
    options = parser.parse_args()
    mask = np.random.default_rng(0).random((HIDDEN, UNITS)) < 0.1
    print(
        f"{keras.backend.backend()}: of {int((~mask).sum()):,} masked weights not exactly zero "
        f"after {options.steps:,} steps\n"
    )
    print("| optimiser | arithmetic | MaskedDense | Dense zeroed once |")
    print("|---|---|--:|--:|")
    for name, make in OPTIMIZERS.items():
        for policy in ("float32", "mixed_bfloat16"):
            counts = [
                after_steps(make(), policy, mask, options.steps, masked) for masked in (True, False)
            ]
            print(f"| {name} | {policy} | {counts[0]:,} | {counts[1]:,} |", flush=True)


if __name__ == "__main__":
    main()
