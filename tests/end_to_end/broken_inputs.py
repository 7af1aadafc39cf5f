"""Data and networks that are wrong in one way each."""

import os
import pickle
from pathlib import Path

import numpy as np


class Malicious:
    """Writes a file when it is unpickled."""

    def __init__(self, trace: Path):
        self.trace = trace

    def __reduce__(self) -> tuple:
        return os.system, (f"touch {self.trace}",)


def cifar10(folder: Path, broken: str = "") -> Path:
    """Ten images in the publisher's format, one thing about it broken."""
    inner = folder / "cifar-10-batches-py"
    inner.mkdir(parents=True)
    data = np.zeros((10, 3072), np.uint8)
    for name in [*(f"data_batch_{i}" for i in range(1, 6)), "test_batch"]:
        (inner / name).write_bytes(pickle.dumps({b"data": data, b"labels": list(range(10))}))
    names = {b"label_names": [f"class{i}".encode() for i in range(10)]}
    (inner / "batches.meta").write_bytes(pickle.dumps(names))
    third = inner / "data_batch_3"
    if broken == "truncated":
        third.write_bytes(third.read_bytes()[:500])
    elif broken == "incomplete":
        third.unlink()
    elif broken == "malicious":
        third.write_bytes(pickle.dumps({b"data": Malicious(folder / "executed")}))
    elif broken == "other format":
        third.write_bytes(pickle.dumps({b"images": data}))
    return folder


def subclassed() -> object:
    """A factory whose network has no graph to cut."""
    import keras

    class Mine(keras.Model):
        def call(self, x: object) -> object:
            return x

    return Mine()


def diverged() -> object:
    """The first layer of a narrow vgg6, after a training that went wrong."""
    import keras

    first = keras.layers.Conv2D(8, 3, padding="same", name="layer1_conv")
    network = keras.Sequential([keras.Input((32, 32, 3)), first])
    first.kernel.assign(np.full((3, 3, 3, 8), np.nan))
    return network
