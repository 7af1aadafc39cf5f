"""Heads of five stages of VGG-16: ours, together from one cached pass, against one fit a stage.

    python benchmarks/heads.py [--images=1000] [--epochs=30] [--labels=100]

The straightforward way trains a Dense layer on each frozen stage with Keras' own fit, images going
through the network in every epoch. One epoch of each way is timed, in turns, and scaled to
`--epochs`; our single pass through the network counts once. Takes about 3 minutes on 2 cores.
"""

import argparse
import os
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")  # As the command does.

import keras
import numpy as np

from sfp_keras.models import build_vgg, default_stage_names
from sfp_keras.probing import HeadSettings, cache_features, cut_stages, train_heads


def seconds(action) -> float:
    start = time.perf_counter()
    action()
    return time.perf_counter() - start


def frozen_fit(network, stage, images, labels, count):
    """A Dense head on one frozen stage, trained through the network by Keras' own fit."""
    cut = cut_stages(network, [stage])
    inputs = keras.Input(images.shape[1:])
    x = keras.layers.Flatten()(cut(inputs, training=False)[0])
    model = keras.Model(inputs, keras.layers.Dense(count, use_bias=False)(x))
    for layer in model.layers[:-1]:
        layer.trainable = False
    model.compile(
        keras.optimizers.SGD(0.005, 0.975, nesterov=True),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    return lambda: model.fit(images, labels, batch_size=100, verbose=0)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=1000)
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument("--labels", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=2)
    options = parser.parse_args()
    rng = np.random.default_rng(0)
    images = rng.uniform(-1, 1, (options.images, 32, 32, 3)).astype(np.float32)
    labels = rng.integers(0, options.labels, options.images)
    network = build_vgg("vgg16", options.labels)
    stages = list(default_stage_names("vgg16"))
    cut = cut_stages(network, stages)
    batches = [(images[i : i + 100], labels[i : i + 100]) for i in range(0, len(images), 100)]

    def one_pass():
        return cache_features(cut, stages, batches, [], train_count=len(images), test_count=0)

    cache = one_pass()

    def cached_epoch():
        """Seconds of one epoch: the difference of two trainings, without compilation."""
        long, short = 6, 1
        took = [
            seconds(lambda n=n: train_heads(cache, options.labels, HeadSettings(epochs=n)))
            for n in (long, short)
        ]
        return (took[0] - took[1]) / (long - short)

    fits = [frozen_fit(network, stage, images, labels, options.labels) for stage in stages]
    for fit in fits:
        fit()
    best: dict[str, float] = {}
    for _ in range(options.rounds):
        for name, took in (
            ("pass", seconds(one_pass)),
            ("cached", cached_epoch()),
            ("frozen", sum(seconds(fit) for fit in fits)),
        ):
            best[name] = min(best.get(name, float("inf")), took)
    ours = best["pass"] + options.epochs * best["cached"]
    straightforward = options.epochs * best["frozen"]
    print(f"{options.images} images, {options.epochs} epochs, K={options.labels}, VGG-16\n")
    print("| way | seconds | times ours |")
    print("|---|---|---|")
    print(f"| ours: one pass, then all heads from the cache | {ours:.1f} | 1 |")
    ratio = straightforward / ours
    print(f"| one Keras fit a stage through the network | {straightforward:.1f} | {ratio:.1f} |")


if __name__ == "__main__":
    main()
