"""Bytes of masked heads in files of Keras, LiteRT and ONNX, and how far their outputs are off.

    pip install ai-edge-litert tf2onnx onnx onnxruntime
    python benchmarks/exported_heads.py [model.keras ...]

Takes about a minute on 2 cores. A .keras file that is named is exported as it is, and with
compact heads.
"""

import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import keras
import numpy as np

from sfp_keras import CompactDense, GatheredDense, MaskedDense, compact_head

# Inputs, labels and the share of weights kept: of VGG-16 and EfficientNet-B0.
HEADS = ((2048, 100, 0.05), (1280, 1000, 0.015))


def heads(inputs: int, labels: int, share: float) -> Iterator[tuple[str, keras.Model]]:
    """The same head as each of the four layers."""
    mask = np.random.default_rng(0).random((inputs, labels)) < share
    masked = MaskedDense(labels, mask, use_bias=False)
    yield "MaskedDense", alone(inputs, masked)
    dense = keras.layers.Dense(labels, use_bias=False)
    model = alone(inputs, dense)
    dense.set_weights(masked.get_weights())
    yield "Dense", model
    for kind in (CompactDense, GatheredDense):
        yield kind.__name__, alone(inputs, kind.from_masked(masked))


def alone(inputs: int, layer: keras.layers.Layer) -> keras.Model:
    """A model of one layer."""
    return keras.Sequential([keras.Input((inputs,)), layer])


def run_onnx(path: Path, images: np.ndarray) -> np.ndarray:
    """Outputs of a file in ONNX Runtime."""
    import onnxruntime

    session = onnxruntime.InferenceSession(str(path))
    return np.asarray(session.run(None, {session.get_inputs()[0].name: images})[0])


def run_litert(path: Path, images: np.ndarray) -> np.ndarray:
    """Outputs of a file in LiteRT."""
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(str(path))
    entry = interpreter.get_input_details()[0]["index"]
    interpreter.resize_tensor_input(entry, images.shape)
    interpreter.allocate_tensors()
    interpreter.set_tensor(entry, images)
    interpreter.invoke()
    return np.asarray(interpreter.get_tensor(interpreter.get_output_details()[0]["index"]))


def measure(name: str, model: keras.Model, folder: Path) -> None:
    """Print a line of the bytes of each format, and the largest difference of the outputs."""
    shape = model.input_shape[1:]
    images = np.random.default_rng(1).normal(size=(4, *shape)).astype(np.float32)
    expected = model.predict(images, verbose=0)
    files = {one: folder / f"model.{one}" for one in ("keras", "tflite", "onnx")}
    model.save(files["keras"])
    model.export(files["tflite"], format="litert", verbose=False)
    model.export(files["onnx"], format="onnx", verbose=False)
    found = run_litert(files["tflite"], images), run_onnx(files["onnx"], images)
    off = max(float(np.abs(outputs - expected).max()) for outputs in found)
    sizes = "".join(f"{file.stat().st_size:>14,}" for file in files.values())
    print(f"{name:<30}{sizes}  off by {off:.1g}, outputs up to {np.abs(expected).max():.2g}")


def main() -> None:
    """Measure the heads, and the models named."""
    print(f"{'':<30}{'keras':>14}{'litert':>14}{'onnx':>14}")
    with tempfile.TemporaryDirectory() as folder:
        for inputs, labels, share in HEADS:
            for name, model in heads(inputs, labels, share):
                measure(f"{inputs} x {labels} {name}", model, Path(folder))
        for path in sys.argv[1:]:
            model = keras.saving.load_model(path, compile=False)
            measure(Path(path).name, model, Path(folder))
            measure("  compact", compact_head(model), Path(folder))
            measure("  compact, gathered", compact_head(model, gather=True), Path(folder))


if __name__ == "__main__":
    main()
