"""Training and inference with oneDNN's convolutions and with TensorFlow's own.

    python benchmarks/onednn.py [--rounds=3]

TensorFlow takes oneDNN's by itself only on processors with AVX512_VNNI or later; the command asks
for them on all. A process for each way and network, in turns; the fastest round counts. Takes
about 6 minutes on 2 cores.
"""

import argparse
import os
import subprocess
import sys
import time

# Side of an image in pixels, images a step.
NETWORKS = {
    "vgg16": (32, 100),
    "vgg6": (32, 100),
    "efficientnetb0": (224, 20),
    "cct7_3x1": (32, 50),
    "lenet5": (32, 100),
}


def measure(name: str, rounds: int) -> None:
    """Print seconds of a training step and of a prediction, the fastest of some."""
    from sfp_keras.backend import start_backend

    start_backend("tensorflow")
    import keras
    import numpy as np

    from sfp_keras import build_network

    side, batch = NETWORKS[name]
    rng = np.random.default_rng(0)
    images = rng.normal(size=(batch, side, side, 3)).astype(np.float32)
    labels = rng.integers(0, 10, batch)
    network = build_network(name, 10, input_shape=(side, side, 3))
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    network.compile(keras.optimizers.SGD(1e-4), loss)

    def fastest(step) -> float:
        times = []
        for _ in range(rounds + 1):
            start = time.perf_counter()
            step()
            times.append(time.perf_counter() - start)
        return min(times[1:])

    trained = fastest(lambda: network.train_on_batch(images, labels))
    print(trained, fastest(lambda: network.predict_on_batch(images)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--network", choices=NETWORKS, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.network:
        measure(options.network, options.rounds)
        return
    print("| images a second | training, oneDNN's | TensorFlow's | ratio | inference | | ratio |")
    print("|---|--:|--:|--:|--:|--:|--:|")
    for name, (_, batch) in NETWORKS.items():
        rates = []
        for asked in ("1", "0"):
            done = subprocess.run(
                [sys.executable, __file__, f"--network={name}", f"--rounds={options.rounds}"],
                env={**os.environ, "TF_ENABLE_ONEDNN_OPTS": asked},
                capture_output=True,
                text=True,
                check=True,
            )
            rates.append([batch / float(seconds) for seconds in done.stdout.split()])
        cells = [
            f"{ours:.4g} | {theirs:.4g} | {ours / theirs:.2f}"
            for ours, theirs in zip(*rates, strict=True)
        ]
        print(f"| {name} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
