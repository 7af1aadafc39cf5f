"""A pruned network outside this package: Keras' files, SavedModel, LiteRT and ONNX."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import keras
import numpy as np
import pytest
from keras import layers

from benchmarks.exported_heads import run_litert, run_onnx
from sfp_keras import mask_layers, remove_dead_filters, strip_masks

IMAGES = np.random.default_rng(0).normal(size=(4, 8, 8, 3)).astype(np.float32)
ELSEWHERE = """
import sys
sys.modules["sfp_keras"] = None
import keras, numpy as np, tensorflow as tf
images, expected = np.load("images.npy"), np.load("expected.npy")
saved = tf.saved_model.load("saved")
for answers in (keras.models.load_model("model.keras"), saved.serve):
    np.testing.assert_allclose(answers(images), expected, rtol=1e-4, atol=1e-5)
"""


@pytest.fixture(scope="module")
def pruned():
    keras.utils.set_random_seed(0)
    inputs = keras.Input((8, 8, 3))
    x = layers.Conv2D(8, 3, padding="same", activation="relu", name="stem")(inputs)
    y = layers.BatchNormalization()(layers.Conv2D(8, 3, padding="same", name="inside")(x))
    x = layers.DepthwiseConv2D(3)(layers.ReLU()(layers.Add()([x, y])))
    x = layers.Dense(5, name="head")(layers.GlobalAveragePooling2D()(x))
    kept = np.random.default_rng(0).random((8, 8)) < 0.5
    kept[2] = False
    masked = mask_layers(keras.Model(inputs, x), {"inside": kept, "head": kept[:, :5]})
    smaller = remove_dead_filters(strip_masks(masked))
    assert smaller.get_layer("stem").filters == 7
    np.testing.assert_allclose(
        smaller.predict(IMAGES, verbose=0), masked.predict(IMAGES, verbose=0), atol=1e-5
    )
    return smaller


def test_its_file_names_no_class_of_this_package(pruned, tmp_path):
    pruned.save(tmp_path / "model.keras")
    with zipfile.ZipFile(tmp_path / "model.keras") as file:
        assert b"sfp_keras" not in file.read("config.json")
    again = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(
        again.predict(IMAGES, verbose=0), pruned.predict(IMAGES, verbose=0)
    )


@pytest.mark.slow
@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="a SavedModel is TensorFlow's")
def test_it_loads_where_this_package_is_not_installed(pruned, tmp_path):
    pruned.save(tmp_path / "model.keras")
    pruned.export(tmp_path / "saved", verbose=False)
    np.save(tmp_path / "images.npy", IMAGES)
    np.save(tmp_path / "expected.npy", pruned.predict(IMAGES, verbose=0))
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        [sys.executable, "-c", ELSEWHERE],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("form", "modules", "run"),
    [
        ("litert", ["ai_edge_litert"], run_litert),
        ("onnx", ["tf2onnx", "onnxruntime"], run_onnx),
    ],
)
@pytest.mark.filterwarnings("ignore")  # Other packages' own.
def test_runtimes_give_its_outputs(pruned, tmp_path, form, modules, run):
    for module in modules:
        pytest.importorskip(module, reason=f"{module} is not installed")
    path = Path(tmp_path) / f"model.{'tflite' if form == 'litert' else form}"
    pruned.export(path, format=form, verbose=False)
    np.testing.assert_allclose(run(path, IMAGES), pruned.predict(IMAGES, verbose=0), atol=1e-5)
