"""Networks dense, masked, and without their dead filters: bytes, and time for 1 and 100 images.

    python benchmarks/smaller_networks.py [--rounds=20] [--dead=0.3]

VGG-16 on 32x32 images and MobileNetV2 (alpha 0.5) on 64x64, with random weights and masks on all
links: each filter works for 5 of 100 labels, the share `--dead` of the filters of each stage for
none. `stripped` is the masked network of plain layers with zeros, `removed` the one without dead
filters; outputs of all three must agree. Then one convolution of 512 filters in groups, beside the
dense one. Calls are timed in turns in one run, compiled, the fastest counts. Takes some 3 minutes
on 2 cores.
"""

import argparse
import os
import time
import warnings

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")  # As the command does.

import keras
import numpy as np

from sfp_keras import (
    build_vgg,
    dead_filters,
    links,
    list_stages,
    mask_layers,
    network_report,
    remove_dead_filters,
    strip_masks,
)


def random_masks(model: keras.Model, dead: float) -> dict[str, np.ndarray]:
    """Masks of all links, from 5 random labels of 100 for each filter, or none."""
    rng = np.random.default_rng(0)
    labels = {}
    for stage in list_stages(model):
        chosen = rng.random((stage.filters, 100)).argsort(axis=1) < 5
        labels[stage.path] = chosen & (rng.random((stage.filters, 1)) >= dead)
    return {link.layer: link.mask(labels) for link in links(model)}


def timed(models: dict[str, keras.Model], rounds: int) -> dict[str, list[float]]:
    """Fastest milliseconds of calls with 1 and with 100 images, the models in turns."""
    best = {name: [np.inf, np.inf] for name in models}
    shape = next(iter(models.values())).input_shape[1:]
    for place, batch in enumerate((1, 100)):
        images = np.random.default_rng(1).random((batch, *shape), dtype=np.float32)
        for number in range(rounds + 1):
            for name, model in models.items():
                start = time.perf_counter()
                model.predict_on_batch(images)
                took = 1000 * (time.perf_counter() - start)
                if number:
                    best[name][place] = min(best[name][place], took)
    return best


def show(times: dict[str, list[float]], first: str) -> None:
    """Print milliseconds, and shares of the first."""
    for name, (one, many) in times.items():
        alone, together = one / times[first][0], many / times[first][1]
        print(f"| {name} | {one:.2f} ms | {alone:.2f} | {many:.1f} ms | {together:.2f} |")


def networks(model: keras.Model, dead: float, rounds: int) -> None:
    """Print what a network costs in its forms."""
    masked = mask_layers(model, random_masks(model, dead))
    stripped = strip_masks(masked)
    forms = {"dense": model, "masked": masked, "stripped": stripped}
    forms["removed"] = remove_dead_filters(stripped)
    images = np.random.default_rng(2).random((4, *model.input_shape[1:]), dtype=np.float32)
    answers = {name: form.predict_on_batch(images) for name, form in forms.items()}
    for name in ("stripped", "removed"):
        np.testing.assert_allclose(answers[name], answers["masked"], rtol=1e-3, atol=1e-4)
    print(f"\n{model.name}: {dead_filters(masked).number} dead filters\n")
    table = network_report(model).beside(masked=masked, removed=forms["removed"])
    columns = ["network", "parameters", "nonzero", "operations", "dense_bytes", "compact_bytes"]
    print(table[columns].to_string(index=False, float_format="{:,.0f}".format))
    print("\n| form | 1 image | share | 100 images | share |\n|---|--:|--:|--:|--:|")
    show(timed(forms, rounds), "dense")


def grouped(rounds: int) -> None:
    """Print the time of a convolution of 512 filters in groups."""
    for size in (4, 8):
        models = {}
        for groups in (1, 2, 4, 8):
            conv = keras.layers.Conv2D(512, 3, padding="same", groups=groups)
            inputs = keras.Input((size, size, 512))
            models[f"{groups} groups"] = keras.Model(inputs, conv(inputs))
        print(f"\n512 filters, 3x3, {size}x{size} positions\n")
        print("| form | 1 image | share | 100 images | share |\n|---|--:|--:|--:|--:|")
        show(timed(models, rounds), "1 groups")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--dead", type=float, default=0.3)
    options = parser.parse_args()
    warnings.filterwarnings("ignore", "mask: .* units have no free weight")
    print(f"{os.cpu_count()} cores, load before {os.getloadavg()[0]:.1f}")
    networks(build_vgg("vgg16", 100), options.dead, options.rounds)
    mobile = keras.applications.MobileNetV2(
        (64, 64, 3), alpha=0.5, weights=None, classes=100, classifier_activation=None
    )
    networks(mobile, options.dead, options.rounds)
    grouped(options.rounds)


if __name__ == "__main__":
    main()
