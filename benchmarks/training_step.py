"""A training step of VGG-16: ours against a bare Keras fit without augmentation.

    python benchmarks/training_step.py [--model=vgg16] [--images=1000] [--precision=mixed_bfloat16]

Ours flips and shifts every image, scales it, and updates by PyTorch's rule; the bare fit reads
scaled float arrays and uses Keras' own SGD. Same network, batch and number of steps, in turns.
Takes about 2 minutes on 2 cores.
"""

import argparse
import os
import tempfile

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")  # As the command does.

import keras
import numpy as np
from timing import fastest

from sfp_keras.checkpoints import TrainingCheckpoint
from sfp_keras.data import Augmentation, ImageSplit, parse_scaling, training_batches
from sfp_keras.models import build_vgg
from sfp_keras.settings import TrainingSettings
from sfp_keras.training import SGD, TrainingData, fit_with_resume


def compiled(options, optimizer):
    network = build_vgg(options.model, 10, dtype=options.precision)
    network.compile(
        optimizer,
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    optimizer.build(network.trainable_variables)
    return network


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default="vgg16")
    parser.add_argument("--images", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=4)
    parser.add_argument("--precision", default="mixed_bfloat16")
    options = parser.parse_args()
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (options.images, 32, 32, 3), np.uint8)
    labels = rng.integers(0, 10, options.images)
    split, scaling = ImageSplit(pixels, labels), parse_scaling("-1..1")
    steps = -(-options.images // 100)
    bare = compiled(options, keras.optimizers.SGD(0.01, 0.9, nesterov=True))
    ours = compiled(options, SGD(0.01, 0.9, 5e-4))
    scaled = scaling(pixels)
    done = 0

    def bare_fit():
        bare.fit(scaled, labels, batch_size=100, verbose=0)

    def our_fit():
        nonlocal done
        done += 1
        with tempfile.TemporaryDirectory() as folder:
            checkpoint = TrainingCheckpoint(f"{folder}/c.npz", every_seconds=1e9)
            checkpoint.save = lambda *arguments, **named: None  # Saved once in 20 s, not a step.
            fit_with_resume(
                ours,
                TrainingData(
                    lambda epoch: training_batches(
                        split, 100, done, scaling, Augmentation(flip=True, shift=4)
                    ),
                    steps,
                ),
                TrainingSettings(epochs=1),
                checkpoint,
            )

    ways = {"bare Keras fit, no augmentation": bare_fit, "ours, augmented, resumable": our_fit}
    best = {name: took / steps for name, took in fastest(ways, options.rounds).items()}
    reference = best["bare Keras fit, no augmentation"]
    print(f"{options.model}, batch 100, {options.precision}, fastest of {options.rounds} rounds\n")
    print("| way | ms a step | ratio |")
    print("|---|---|---|")
    for name, took in best.items():
        print(f"| {name} | {1000 * took:.0f} | {took / reference:.3f} |")


if __name__ == "__main__":
    main()
