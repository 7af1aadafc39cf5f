"""MobileNetV2 pruned by its labels: trained on class folders, masked, made smaller, exported.

    python benchmarks/prune_mobilenet.py FOLDER [--classes=8] [--size=64] [--epochs=25]
        [--alpha=0.35] [--threshold=0.5] [--fine_tuning=5] [--head_epochs=30] [--narrow=0.3]

FOLDER has train/ and test/ with a folder of images a class; the classes with most images are taken.
The network of keras.applications begins with random weights, so that nothing is downloaded. Links
are masked at the threshold, the network is fine-tuned under the masks, and filters are removed in
two ways: those that change nothing, and, fine-tuned again, the share `--narrow` of the filters of
each expansion that have fewest kernels left. Exports that are not installed are left out (`pip
install ai-edge-litert tf2onnx onnx onnxruntime`). Takes some 10 minutes on 2 cores.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
import warnings
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")  # As the command does.

import keras
import numpy as np
from exported_heads import run_litert, run_onnx

from sfp_keras import (
    dead_filters,
    find_clusters,
    links,
    mask_layers,
    network_report,
    probe,
    prune_filters,
    remove_dead_filters,
    strip_masks,
)

LOSS = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
# A process that cannot import this package loads the file.
ELSEWHERE = """
import sys
sys.modules["sfp_keras"] = None
import keras, numpy as np
images, expected = np.load(sys.argv[2]), np.load(sys.argv[3])
found = keras.models.load_model(sys.argv[1]).predict(images, verbose=0)
print(np.abs(found - expected).max())
"""


def images_of(folder: Path, names: list[str], size: int) -> tuple[np.ndarray, np.ndarray]:
    """All images of some classes, and their labels."""
    batches = keras.utils.image_dataset_from_directory(
        folder, class_names=names, labels="inferred", image_size=(size, size), verbose=False
    )
    x, y = zip(*batches.as_numpy_iterator(), strict=True)
    return np.concatenate(x) / 127.5 - 1, np.concatenate(y)


def trained(model: keras.Model, data: tuple, epochs: int, lr: float) -> keras.Model:
    """The model after some epochs."""
    steps = epochs * -(-len(data[0]) // 32)
    schedule = keras.optimizers.schedules.CosineDecay(lr, steps)
    model.compile(keras.optimizers.Adam(schedule), LOSS, metrics=["accuracy"])
    model.fit(*data, epochs=epochs, verbose=0)
    return model


def fine_tuned(model: keras.Model, train: tuple, test: tuple, epochs: int) -> None:
    """Train one epoch, and then further ones."""
    for number in filter(None, (1, epochs - 1)):
        trained(model, train, number, 1e-3)
        print(f"{number} more epochs, accuracy {accuracy(model, test):.3f}", flush=True)


def accuracy(model: keras.Model, data: tuple) -> float:
    """Share of the images classified correctly."""
    found = model.predict(data[0], verbose=0).argmax(axis=1)
    return float((found == data[1]).mean())


def milliseconds(models: dict[str, keras.Model], size: int) -> dict[str, list[float]]:
    """Fastest of 15 calls with one image and with 100, the models in turns."""
    best: dict[str, list[float]] = {name: [np.inf, np.inf] for name in models}
    for place, batch in enumerate((1, 100)):
        images = np.zeros((batch, size, size, 3), np.float32)
        for repeat in range(16):
            for name, model in models.items():
                start = time.perf_counter()
                model.predict_on_batch(images)
                if repeat:
                    took = 1000 * (time.perf_counter() - start)
                    best[name][place] = min(best[name][place], took)
    return best


def exported(model: keras.Model, images: np.ndarray, folder: Path) -> None:
    """Print the bytes of each format, and how far its outputs are off."""
    expected = model.predict(images, verbose=0)
    files = {one: folder / f"model.{one}" for one in ("keras", "tflite", "onnx")}
    model.save(files["keras"], include_optimizer=False)
    arrays = [folder / "images.npy", folder / "expected.npy"]
    for path, array in zip(arrays, (images, expected), strict=True):
        np.save(path, array)
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    command = [sys.executable, "-c", ELSEWHERE, str(files["keras"]), *map(str, arrays)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    off = {"keras": float(done.stdout.split()[-1])}
    for name, run, options in (
        ("tflite", run_litert, {"format": "litert"}),
        ("onnx", run_onnx, {"format": "onnx"}),
    ):
        try:
            model.export(files[name], verbose=False, **options)
            off[name] = float(np.abs(run(files[name], images) - expected).max())
        except ImportError as error:
            print(f"{name}: not installed ({error})")
    for name, difference in off.items():
        print(f"{name}: {files[name].stat().st_size:,} bytes, outputs off by {difference:.1g}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    for name, default in (("classes", 8), ("size", 64), ("epochs", 25), ("fine_tuning", 5)):
        parser.add_argument(f"--{name}", type=int, default=default)
    for name, default in (("alpha", 0.35), ("threshold", 0.5), ("narrow", 0.3)):
        parser.add_argument(f"--{name}", type=float, default=default)
    parser.add_argument("--head_epochs", type=int, default=30)
    options = parser.parse_args()
    warnings.filterwarnings("ignore", "mask: .* units have no free weight")
    keras.utils.set_random_seed(0)
    folders = [one for one in (options.folder / "train").iterdir() if one.is_dir()]
    folders.sort(key=lambda one: (-len(list(one.iterdir())), one.name))
    names = sorted(one.name for one in folders[: options.classes])
    train, test = (
        images_of(options.folder / split, names, options.size) for split in ("train", "test")
    )
    print(f"{len(names)} classes, {len(train[0])} images to train on, {len(test[0])} to test on")
    model = keras.applications.MobileNetV2(
        (options.size, options.size, 3),
        alpha=options.alpha,
        weights=None,
        classes=len(names),
        classifier_activation=None,
    )
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.momentum = 0.9  # Few images give few steps.
    trained(model, train, options.epochs, 2e-3)
    print(f"accuracy {accuracy(model, test):.3f}", flush=True)

    found = links(model)
    stages = list(dict.fromkeys(s for link in found for s in (*link.sources, link.target) if s))
    result = probe(
        model,
        train,
        test,
        stages=stages,
        pool="global_avg",
        split="train",
        epochs=options.head_epochs,
        quiet=True,
    )
    print(f"{len(found)} links, {len(stages)} stages probed", flush=True)
    clusters = {name: find_clusters(one, options.threshold) for name, one in result.fields.items()}
    masks = {link.layer: link.mask(clusters) for link in found}
    kept = [mask.mean() for mask in masks.values()]
    print(f"kernels kept: {np.mean(kept):.2f} of a link, {min(kept):.2f} to {max(kept):.2f}")
    masked = mask_layers(model, masks)
    print(f"masked, accuracy {accuracy(masked, test):.3f}", flush=True)
    fine_tuned(masked, train, test, options.fine_tuning)
    print(f"filters that change nothing: {dead_filters(masked).number}", flush=True)
    removed = remove_dead_filters(masked)
    images = test[0][:32]
    off = np.abs(removed.predict(images, verbose=0) - masked.predict(images, verbose=0)).max()
    print(f"without them outputs are off by {off:.1g}")

    narrow = removed
    for link in found:
        if link.layer.endswith("_expand"):
            counts = narrow.get_layer(link.layer).mask.sum(axis=(0, 1, 2))
            fewest = np.argsort(counts, kind="stable")[: int(options.narrow * counts.size)]
            narrow = prune_filters(narrow, link.target, fewest)
    print(f"narrower, accuracy {accuracy(narrow, test):.3f}", flush=True)
    fine_tuned(narrow, train, test, options.fine_tuning)
    networks = {
        "dense": model,
        "masked": masked,
        "removed": strip_masks(removed),
        "narrower": strip_masks(narrow),
    }
    table = network_report(model).beside(**dict(list(networks.items())[1:]))
    columns = ["parameters", "nonzero", "operations", "dense_bytes", "compact_bytes"]
    table["network"] = list(networks)
    print(table.set_index("network")[columns].to_string(float_format="{:,.0f}".format))
    times = milliseconds(networks, options.size)
    for name, (one, many) in times.items():
        shares = f"{one / times['dense'][0]:.2f} and {many / times['dense'][1]:.2f} of dense"
        print(f"{name}: {one:.2f} ms an image alone, {many:.1f} ms for 100; {shares}")
    with tempfile.TemporaryDirectory() as folder:
        for name in ("dense", "removed", "narrower"):
            print(f"\n{name}")
            exported(networks[name], images, Path(folder))


if __name__ == "__main__":
    main()
