"""Where the time of each phase goes, and how far each part is from what the machine can do.

    python benchmarks/where_time_goes.py [--images=1000] [--labels=100] [--precision=float32]

VGG-16 on random images of CIFAR's size. Each part of a phase is run alone, in turns, fastest of
the rounds; the shares are of the phase's own time. What the machine can do is measured beside: a
large matrix product, and a copy in memory. Takes about 6 minutes on 2 cores.
"""

import argparse
import os
import tempfile
import time
from collections.abc import Callable

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")  # As the command does.

import keras
import numpy as np
from timing import fastest, head_products

from sfp_keras.data import Augmentation, ImageSplit, parse_scaling, training_batches
from sfp_keras.filters import (
    filter_decisions,
    find_clusters,
    label_statistics,
    layer_statistics,
)
from sfp_keras.models import build_vgg, default_stage_names
from sfp_keras.probing import HeadSettings, cache_features, cut_stages, measure_fields, train_heads
from sfp_keras.training import SGD

BATCH = 100
STAGES = list(default_stage_names("vgg16"))
Parts = dict[str, Callable[[], object]]


def show(title: str, unit: str, whole: str, took: dict[str, float], scale: float) -> None:
    """Print a phase: its time, and each part's time and share."""
    print(f"\n| {title} | {unit} | share |\n|---|--:|--:|")
    for name, seconds in took.items():
        print(f"| {name} | {1000 * seconds * scale:.2f} | {seconds / took[whole]:.0%} |")


def machine() -> dict[str, float]:
    """Arithmetic (GFLOP/s) and memory (GB/s) that NumPy and Keras' backend reach here."""
    n = 2048
    a = np.random.default_rng(0).normal(size=(n, n)).astype(np.float32)
    big = np.ones(2**27, np.float32)
    there = np.ones_like(big)
    x = keras.ops.convert_to_tensor(a)
    half = keras.ops.cast(x, "bfloat16")
    took = fastest(
        {
            "numpy": lambda: a @ a,
            "backend": lambda: keras.ops.convert_to_numpy(keras.ops.matmul(x, x)),
            "bfloat16": lambda: keras.ops.convert_to_numpy(
                keras.ops.cast(keras.ops.matmul(half, half), "float32")
            ),
            "copy": lambda: np.copyto(there, big),
        },
        4,
    )
    flop = 2 * n**3 / 1e9
    return {
        "matrix product, NumPy (GFLOP/s)": flop / took["numpy"],
        "matrix product, backend (GFLOP/s)": flop / took["backend"],
        "the same in bfloat16 (GFLOP/s)": flop / took["bfloat16"],
        "copy in memory, read and written (GB/s)": 2 * big.nbytes / 1e9 / took["copy"],
    }


def forward_gflop(network: keras.Model) -> float:
    """Of one image: two operations a multiplication of every convolution and Dense."""
    total = 0
    for layer in network.layers:
        if isinstance(layer, keras.layers.Conv2D):
            _, height, width, _ = layer.output.shape
            total += 2 * height * width * int(np.prod(layer.kernel.shape))
        elif isinstance(layer, keras.layers.Dense):
            total += 2 * int(np.prod(layer.kernel.shape))
    return total / 1e9


def training(options: argparse.Namespace, split: ImageSplit) -> None:
    """Phase 1, a step."""
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    network, plain = (
        build_vgg("vgg16", options.labels, dtype=options.precision, batch_norm=batch_norm)
        for batch_norm in (True, False)
    )
    for model in (network, plain):
        model.compile(SGD(0.01, 0.9, 5e-4), loss)
        model.optimizer.build(model.trainable_variables)
    scaling, augmentation = parse_scaling("-1..1"), Augmentation(flip=True, shift=4)
    steps = len(split) // BATCH

    def batches(augmented: Augmentation | None):
        stream = training_batches(split, BATCH, 0, scaling, augmented)
        return [next(stream) for _ in range(steps)]

    ready = batches(augmentation)
    took = fastest(
        {
            "step as in a training": lambda: network.fit(
                training_batches(split, BATCH, 0, scaling, augmentation),
                steps_per_epoch=steps,
                shuffle=False,
                verbose=0,
            ),
            "forward, backward, update alone": lambda: [
                network.train_on_batch(*batch) for batch in ready
            ],
            "the same of the network without batch norm": lambda: [
                plain.train_on_batch(*batch) for batch in ready
            ],
            "forward alone": lambda: [network.predict_on_batch(x) for x, _ in ready],
            "order, flip, shift, scale": lambda: batches(augmentation),
            "order, scale": lambda: batches(None),
        },
        options.rounds,
    )
    title = f"Training, a step of {BATCH} images, {options.precision}"
    show(title, "ms", "step as in a training", took, 1 / steps)
    gflop = 3 * forward_gflop(network) * BATCH * steps
    alone = took["forward, backward, update alone"]
    print(f"\n{gflop / steps:.0f} GFLOP a step: {gflop / alone:.0f} GFLOP/s.")


def probing(options: argparse.Namespace, split: ImageSplit) -> None:
    """Phases 2 and 3: the pass, heads, fields."""
    network = build_vgg("vgg16", options.labels)
    cut = cut_stages(network, STAGES)
    scaling = parse_scaling("-1..1")
    images, labels = scaling(split.images), split.labels
    batches = [(images[i : i + BATCH], labels[i : i + BATCH]) for i in range(0, len(images), BATCH)]
    count = len(images)

    def keep(dtype: str, **more):
        return cache_features(
            cut, STAGES, batches, [], train_count=count, test_count=0, dtype=dtype, **more
        )

    with tempfile.TemporaryDirectory() as folder:
        took = fastest(
            {
                "pass of five stages into a float16 cache": lambda: keep("float16"),
                "into a float32 cache": lambda: keep("float32"),
                "into float16 files": lambda: keep(
                    "float16", budget=0, folder=folder, description=str(time.perf_counter())
                ),
                "network alone": lambda: [cut.predict_on_batch(x) for x, _ in batches],
                "scale": lambda: scaling(split.images),
            },
            options.rounds,
        )
    show(f"Features, {count} images", "ms", "pass of five stages into a float16 cache", took, 1)
    print(f"\n{forward_gflop(network) * count / took['network alone']:.0f} GFLOP/s.")

    cache = keep("float16")
    epochs = 4
    rows = [array.astype(np.float32) for array in cache.arrays.values()]
    order = np.random.default_rng(0).permutation(count)

    def heads(number: int):
        return train_heads(cache, options.labels, HeadSettings(epochs=number))

    took = fastest(
        {
            "long": lambda: heads(1 + epochs),
            "short": lambda: heads(1),
            "products of all heads alone (NumPy)": lambda: head_products(
                rows, options.labels, BATCH
            ),
            "rows of each batch gathered alone (NumPy)": lambda: [
                array[order[begin : begin + BATCH]]
                for array in cache.arrays.values()
                for begin in range(0, count, BATCH)
            ],
        },
        options.rounds,
    )
    epoch = {"an epoch of all heads": (took.pop("long") - took.pop("short")) / epochs, **took}
    show(f"Heads, an epoch of {count} images", "ms", "an epoch of all heads", epoch, 1)

    trained = {name: head.kernel for name, head in heads(1).items()}
    took = fastest(
        {
            "fields of all filters of five stages": lambda: measure_fields(cut, trained, batches),
            "network alone": lambda: [cut.predict_on_batch(x) for x, _ in batches],
        },
        options.rounds,
    )
    show(f"Fields, {count} images", "ms", "fields of all filters of five stages", took, 1)
    analysis(options, cut, trained, batches, cache)


def analysis(options: argparse.Namespace, cut, trained, batches, cache) -> None:
    """What follows from the fields of layer 10."""
    fields = measure_fields(cut, trained, batches)["layer10"].fields
    matrices = fields.matrices(slice(None))
    clusters = find_clusters(fields)
    took = fastest(
        {
            "clusters and statistics of layer 10": lambda: layer_statistics(find_clusters(fields)),
            "clusters": lambda: find_clusters(fields),
            "matrices of all filters alone": lambda: fields.matrices(slice(None)),
            "threshold alone": lambda: matrices > 0.3 * fields.maxima()[:, None, None],
            "labels' signal and noise": lambda: label_statistics(clusters, fields),
        },
        options.rounds,
    )
    show(
        f"Analysis, {fields.num_filters} filters, K = {options.labels}",
        "ms",
        "clusters and statistics of layer 10",
        took,
        1,
    )
    count = min(len(cache.labels), 1000)
    inputs = cache.arrays["layer10"][:count].astype(np.float32)
    inputs = inputs.reshape(count, *trained["layer10"].shape[:2])
    took = fastest(
        {
            "decisions of all filters": lambda: filter_decisions(
                inputs, cache.labels[:count], trained["layer10"]
            )
        },
        1,
    )
    show(f"Decisions, layer 10, {count} images", "ms", "decisions of all filters", took, 1)
    products = 2 * count * inputs[0].size * options.labels / 1e9
    print(f"\n{products / took['decisions of all filters']:.0f} GFLOP/s.")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=1000)
    parser.add_argument("--labels", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--precision", default="float32")
    options = parser.parse_args()
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (options.images, 32, 32, 3), np.uint8)
    split = ImageSplit(pixels, np.arange(options.images) % options.labels)
    print("| machine | |\n|---|--:|")
    for name, value in machine().items():
        print(f"| {name} | {value:.0f} |")
    training(options, split)
    probing(options, split)


if __name__ == "__main__":
    main()
