"""The settings that only cost or save time: precision, batches, steps a call, cache format, passes.

    python benchmarks/settings.py [--images=1000] [--labels=100]

VGG-16 on random images of CIFAR's size; each row's fastest round, in turns, over the row with what
is the default. Takes about 8 minutes on 2 cores.
"""

import argparse
import itertools
import os
from collections.abc import Callable

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")  # As the command does.

import keras
import numpy as np
from timing import fastest

from sfp_keras.models import build_vgg, default_stage_names
from sfp_keras.probing import HeadSettings, cache_features, cut_stages, train_heads
from sfp_keras.training import SGD

STAGES = list(default_stage_names("vgg16"))


def compare(title: str, ways: dict[str, Callable[[], object]], rounds: int) -> None:
    """Print seconds and ratios; the first way is the default."""
    best = fastest(ways, rounds)
    reference = next(iter(best.values()))
    print(f"\n| {title} | seconds | ratio |\n|---|--:|--:|")
    for name, took in best.items():
        print(f"| {name} | {took:.2f} | {took / reference:.2f} |", flush=True)


def batches(images: np.ndarray, labels: np.ndarray, size: int) -> list:
    return [(images[i : i + size], labels[i : i + size]) for i in range(0, len(images), size)]


def trained(precision: str, steps: int, images: np.ndarray, labels: np.ndarray, count: int):
    network = build_vgg("vgg16", count, dtype=precision)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    network.compile(SGD(0.01, 0.9, 5e-4), loss, steps_per_execution=steps)
    network.optimizer.build(network.trainable_variables)
    ready = batches(images, labels, 100)
    # As the command feeds it; arrays given to fit cost a core in some processes.

    def fit() -> None:
        endless = (batch for batch in itertools.cycle(ready))
        network.fit(endless, steps_per_epoch=len(ready), shuffle=False, verbose=0)

    return fit


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=1000)
    parser.add_argument("--labels", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    rng = np.random.default_rng(0)
    images = rng.uniform(-1, 1, (options.images, 32, 32, 3)).astype(np.float32)
    labels = np.arange(options.images) % options.labels
    whole = images, labels, options.labels

    compare(
        f"training {options.images} images, steps of 100",
        {
            "--precision=float32": trained("float32", 1, *whole),
            "--precision=mixed_bfloat16": trained("mixed_bfloat16", 1, *whole),
            "float32, five steps a call of Keras": trained("float32", 5, *whole),
        },
        options.rounds,
    )
    network = build_vgg("vgg16", options.labels)
    cut = cut_stages(network, STAGES)

    def passed(size: int, **more):
        return cache_features(
            cut,
            STAGES,
            batches(images, labels, size),
            [],
            train_count=len(images),
            test_count=0,
            **more,
        )

    compare(
        f"a pass of {options.images} images, --inference_batch_size",
        {f"{size}": lambda size=size: passed(size) for size in (100, 25, 50, 200, 500)},
        options.rounds,
    )
    single = {name: cut_stages(network, [name]) for name in STAGES}

    def one_by_one() -> None:
        for name, model in single.items():
            cache_features(
                model,
                [name],
                batches(images, labels, 100),
                [],
                train_count=len(images),
                test_count=0,
            )

    compare(
        "features of five stages",
        {"one pass for all": lambda: passed(100), "a pass a stage": one_by_one},
        options.rounds,
    )
    caches = {dtype: passed(100, dtype=dtype) for dtype in ("float16", "float32")}
    settings = HeadSettings(epochs=5)
    heads = {}

    def fit(dtype: str) -> None:
        heads[dtype] = train_heads(caches[dtype], options.labels, settings)

    compare(
        "heads of five stages, 5 epochs, --cache_dtype",
        {dtype: lambda dtype=dtype: fit(dtype) for dtype in caches},
        options.rounds,
    )
    print(
        "\n| float16 against float32 features | largest difference of a head's weights |\n|---|--:|"
    )
    for name in STAGES:
        ours, exact = (heads[dtype][name].kernel for dtype in ("float16", "float32"))
        print(f"| {name} | {abs(ours - exact).max() / abs(exact).max():.1e} of the largest |")


if __name__ == "__main__":
    main()
