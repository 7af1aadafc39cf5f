"""VGG-16 with filters removed, or cut earlier: latency of the whole network.

    python benchmarks/pruned_vgg.py [--removed=150] [--batch=20] [--rounds=40]

A linear head on layer 13 or on layer 10, with all 512 filters of that layer, without some of them,
and without as many of each of layers 8 to 10 (random weights; the removed filters put out zeros,
so that outputs must agree). Images are 32x32, K=100. Calls are timed in turns, compiled, the
fastest of the rounds counts; seconds of the processor count only this process, so that they are
steadier on a busy machine. Takes about a minute on 2 cores.
"""

import argparse
import math
import os
import time
from collections.abc import Sequence

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")  # As the command does.

import keras
import numpy as np

from sfp_keras import build_vgg, prune_filters


def cut_with_head(network: keras.Model, stage: str) -> keras.Model:
    """The network up to a stage with a linear head."""
    x = keras.layers.Flatten(name="flatten_stage")(network.get_layer(f"{stage}_pool").output)
    head = keras.layers.Dense(100, use_bias=False, name="head")
    return keras.Model(network.inputs[0], head(x), name=f"vgg16_{stage}")


def silence(network: keras.Model, stage: str, filters: Sequence[int]) -> None:
    """Make filters put out zeros: batch norm's scale and offset become zero."""
    norm = network.get_layer(f"{stage}_norm")
    gamma, beta, *statistics = norm.get_weights()
    gamma[filters] = beta[filters] = 0
    norm.set_weights([gamma, beta, *statistics])


def products(model: keras.Model) -> int:
    """Multiplications of all convolutions and dense layers for one image."""
    layers = [layer for layer in model.layers if hasattr(layer, "kernel")]
    positions = [math.prod(layer.output.shape[1:-1]) for layer in layers]
    return sum(math.prod(x.kernel.shape) * p for x, p in zip(layers, positions, strict=True))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--removed", type=int, default=150)
    parser.add_argument("--batch", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=40)
    options = parser.parse_args()
    network = build_vgg("vgg16", 100)
    removed = np.random.default_rng(0).permutation(512)[: options.removed]
    for stage in ("layer8", "layer9", "layer10", "layer13"):
        silence(network, stage, removed)
    text = f"{options.removed} of 512"
    models = {}
    for last in ("layer13", "layer10"):
        whole = cut_with_head(network, last)
        models[last, "none"] = whole
        models[last, f"{text} in {last}"] = prune_filters(whole, last, removed)
    for stage in ("layer8", "layer9", "layer10"):
        whole = prune_filters(whole, stage, removed)
    models["layer10", f"{text} in each of layers 8 to 10"] = whole

    images = np.random.default_rng(1).random((options.batch, 32, 32, 3), dtype=np.float32)
    load = os.getloadavg()[0]
    for (last, what), model in models.items():
        found = model.predict_on_batch(images)
        expected = models[last, "none"].predict_on_batch(images)
        np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-5, err_msg=what)
    best: dict[tuple[str, str], np.ndarray] = {}
    for _ in range(options.rounds):
        for key, model in models.items():
            start = np.array([time.perf_counter(), time.process_time()])
            model.predict_on_batch(images)
            took = np.array([time.perf_counter(), time.process_time()]) - start
            best[key] = np.minimum(best.get(key, took), took)

    print(
        f"{keras.backend.backend()}, {os.cpu_count()} cores, load before the run {load:.1f}; "
        f"batches of {options.batch}\n"
    )
    first = models["layer13", "none"]
    reference = best["layer13", "none"]
    print(
        "| head on | filters removed | seconds | share | of processor | of products | of weights |"
    )
    print("|---|---|--:|--:|--:|--:|--:|")
    for key, model in models.items():
        wall, processor = best[key] / reference
        print(
            f"| {key[0]} | {key[1]} | {best[key][0]:.3f} | {wall:.2f} | {processor:.2f} | "
            f"{products(model) / products(first):.2f} | "
            f"{model.count_params() / first.count_params():.2f} |"
        )


if __name__ == "__main__":
    main()
