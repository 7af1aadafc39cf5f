"""Images a second on a GPU: ours on Keras' JAX backend against the same network in PyTorch.

    python benchmarks/gpu.py [--models=vgg16,efficientnetb0] [--batch_size=100] [--steps=100]

Ours trains as the command does with `--backend=jax --precision=mixed_bfloat16`: uint8 images on the
device, flipped, shifted and scaled in the compiled step (EfficientNet-B0's also turned and sheared,
at 224x224; where the command enlarges smaller images, that comes on top), PyTorch's SGD rule.
PyTorch has the same layers, channels last, bfloat16 autocast and `torch.compile`, and images that
are ready on the device. EfficientNet-B0 is torchvision's. Every row is a process of its own; a
package that is not there leaves its rows out. Needs no TensorFlow. Takes some minutes, most of them
for compilation.
"""

import argparse
import functools
import importlib.util
import json
import subprocess
import sys
import time
from collections.abc import Callable

import numpy as np
from resident_training import resident_training
from timing import fastest

from sfp_keras.backend import start_backend

SIDES = {"vgg16": 32, "efficientnetb0": 224}
LABELS = 100
# Multiplications of an image's forward pass, times two; a training step has three times as many.
GFLOP = {"vgg16": 0.66, "efficientnetb0": 0.78}


def images_a_second(ways: dict[str, Callable[[], object]], options: argparse.Namespace) -> dict:
    """Of each way, in its fastest round after one that compiles."""
    took = fastest(ways, options.rounds)
    return {name: options.steps * options.batch_size / seconds for name, seconds in took.items()}


def ours(model: str, options: argparse.Namespace, several: bool = True) -> dict[str, float]:
    """The network as the command trains it, `several` steps a call or one, and its inference."""
    start_backend("jax")
    import keras

    from sfp_keras import RandomGeometry
    from sfp_keras.data import Augmentation, ImageSplit
    from sfp_keras.models import build_efficientnet, build_vgg
    from sfp_keras.training import resident_rows

    if model == "vgg16":
        network = build_vgg(model, LABELS, dtype=options.precision)
        scaling, augmentation = "-1..1", Augmentation(flip=True, shift=4)
    else:
        front = [
            keras.layers.Rescaling(1 / 127.5, -1, dtype="float32"),
            RandomGeometry(dtype="float32"),
        ]
        network = build_efficientnet(LABELS, dtype=options.precision, front=front)
        scaling, augmentation = "0..255", None
    rng = np.random.default_rng(0)
    count, side = options.batch_size * options.steps, SIDES[model]
    # As many as a memory of 1 GiB holds, again and again.
    count = min(count, 2**30 // (3 * side**2) // options.batch_size * options.batch_size)
    split = ImageSplit(
        rng.integers(0, 256, (count, side, side, 3), np.uint8),
        np.arange(count) % LABELS,
    )
    resident, train = resident_training(
        network, split, scaling, augmentation, options.batch_size, options.steps
    )
    rows = list(resident_rows(split.labels, 0, options.batch_size))

    def infer() -> None:
        steps = (rows[i % len(rows)] for i in range(options.steps))
        resident.predict(steps, steps=options.steps, verbose=0)

    ways = {"training": lambda: train(several), "inference": infer}
    return images_a_second(ways, options)


def torch_network(model: str):
    """The same layers in PyTorch."""
    from torch import nn

    if model == "efficientnetb0":
        from torchvision.models import efficientnet_b0

        return efficientnet_b0(num_classes=LABELS)
    layers: list[nn.Module] = []
    channels = 3
    for width in (64, 64, 0, 128, 128, 0, 256, 256, 256, 0, 512, 512, 512, 0, 512, 512, 512, 0):
        if width == 0:
            layers.append(nn.MaxPool2d(2))
            continue
        layers += [nn.Conv2d(channels, width, 3, padding=1), nn.BatchNorm2d(width), nn.ReLU()]
        channels = width
    head = [nn.Linear(512, 4096), nn.Linear(4096, 4096), nn.Linear(4096, LABELS, bias=False)]
    return nn.Sequential(*layers, nn.Flatten(), *head)


def pytorch(model: str, options: argparse.Namespace) -> dict[str, float]:
    """Channels last, autocast, compiled; the images are on the device."""
    import torch

    device = "cuda" if torch.cuda.is_available() else "cpu"
    torch.backends.cudnn.benchmark = True
    # As ours: by default PyTorch rounds convolutions to TensorFloat-32.
    torch.backends.cudnn.allow_tf32 = False
    network = torch_network(model).to(device, memory_format=torch.channels_last)
    shape = (options.batch_size, 3, SIDES[model], SIDES[model])
    images = [
        torch.rand(shape, device=device).to(memory_format=torch.channels_last) for _ in range(4)
    ]
    labels = torch.arange(options.batch_size, device=device) % LABELS
    optimizer = torch.optim.SGD(network.parameters(), 0.01, 0.9, weight_decay=5e-4, nesterov=True)
    loss = torch.nn.CrossEntropyLoss()
    mixed = torch.autocast(device, torch.bfloat16, enabled=options.precision == "mixed_bfloat16")
    forward = network if options.no_compile else torch.compile(network)

    def train() -> None:
        network.train()
        for step in range(options.steps):
            optimizer.zero_grad(set_to_none=True)
            with mixed:
                error = loss(forward(images[step % len(images)]), labels)
            error.backward()
            optimizer.step()
        error.item()

    def infer() -> None:
        network.eval()
        with torch.inference_mode(), mixed:
            for step in range(options.steps):
                logits = forward(images[step % len(images)])
        logits.float().sum().item()

    return images_a_second({"training": train, "inference": infer}, options)


def bound(options: argparse.Namespace) -> dict[str, float]:
    """TFLOP/s of a large matrix product in bfloat16, in JAX."""
    import jax
    import jax.numpy as jnp

    side = 8192 if jax.default_backend() != "cpu" else 1024
    x = jax.random.normal(jax.random.key(0), (side, side), jnp.bfloat16)
    product = jax.jit(lambda a: a @ a)
    product(x).block_until_ready()
    start = time.perf_counter()
    for _ in range(10):
        y = product(x)
    y.block_until_ready()
    return {"tflops": 10 * 2 * side**3 / 1e12 / (time.perf_counter() - start)}


WAYS = {
    "ours, Keras on JAX": ours,
    "ours, a step a call": functools.partial(ours, several=False),
    "PyTorch": pytorch,
}


def row_of(name: str, model: str, argv: list[str]) -> dict[str, float] | None:
    """Measured in a process of its own."""
    command = [sys.executable, __file__, *argv, f"--row={name}", f"--models={model}"]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        print(f"{name}, {model}: failed, see above", file=sys.stderr)
        return None
    return json.loads(done.stdout.splitlines()[-1])


def device_name() -> str:
    """Of the first accelerator, or the processor."""
    code = "import jax; print(jax.devices()[0].device_kind)"
    done = subprocess.run(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, check=True
    )
    return done.stdout.strip()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--models", default="vgg16,efficientnetb0")
    parser.add_argument("--batch_size", type=int, default=100)
    parser.add_argument("--steps", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--precision", default="mixed_bfloat16")
    parser.add_argument("--no_compile", action="store_true", help="PyTorch without torch.compile")
    parser.add_argument("--row", help="measure one and print JSON")
    options = parser.parse_args()
    models = options.models.split(",")
    if not options.row and set(models) - set(SIDES):
        parser.error(f"--models: choose of {', '.join(SIDES)}")
    if options.row:
        way = {**WAYS, "bound": lambda _, options: bound(options)}[options.row]
        print(json.dumps(way(options.models, options)))
        return
    most = row_of("bound", "", sys.argv[1:])
    peak = most["tflops"] if most else float("nan")
    print(f"{device_name()}, batch {options.batch_size}, {options.precision}; a large bfloat16")
    print(f"matrix product in JAX: {peak:.1f} TFLOP/s\n")
    print("| network | way | training, images/s | of the product | inference, images/s |")
    print("|---|---|--:|--:|--:|")
    for model in models:
        packages = {"PyTorch": "torch" if model == "vgg16" else "torchvision"}
        for name in WAYS:
            if name in packages and importlib.util.find_spec(packages[name]) is None:
                print(f"| {model} | {name} | {packages[name]} is not installed | | |")
                continue
            row = row_of(name, model, sys.argv[1:])
            if row is None:
                print(f"| {model} | {name} | failed | | |")
                continue
            share = row["training"] * 3 * GFLOP[model] / 1e3 / peak
            print(
                f"| {model} | {name} | {row['training']:.0f} | {share:.0%} | "
                f"{row['inference']:.0f} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
