"""A saved model loads after `import sfp_keras`, before or after that of Keras."""

import importlib
import os
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np

from sfp_keras import saved_classes
from sfp_keras.layers import MaskedDense, compact_dense
from sfp_keras.models.enlarging import Enlarge
from sfp_keras.settings import RecipeSettings, TrainingSettings
from sfp_keras.training import compile_classifier


def network():
    inputs = keras.Input((4, 4, 3))
    x = keras.layers.Flatten()(Enlarge((8, 8))(inputs))
    mask = np.arange(192 * 3).reshape(192, 3) % 2 == 0
    return keras.Model(inputs, MaskedDense(3, mask, name="masked")(x))


def test_a_saved_model_loads_with_keras_imported_after(tmp_path):
    network().save(tmp_path / "model.keras")
    code = (
        "import sfp_keras, keras, sys\n"
        "assert 'sfp_keras.layers' not in sys.modules\n"
        f"model = keras.saving.load_model({str(tmp_path / 'model.keras')!r})\n"
        "assert isinstance(model.get_layer('masked'), sfp_keras.MaskedDense)\n"
    )
    # A backend that is imported sooner than TensorFlow.
    absent = str(Path(__file__).with_name("without_tensorflow"))
    path = os.pathsep.join([absent, os.environ.get("PYTHONPATH", "")])
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "KERAS_BACKEND": "numpy", "PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_a_saved_model_loads_with_keras_imported_before(monkeypatch):
    known = keras.saving.get_custom_objects()
    for name in ("MaskedDense", "Enlarge"):
        monkeypatch.delitem(known, f"sfp_keras>{name}")
    config = keras.saving.serialize_keras_object(network())
    saved_classes.register_saved_classes()
    again = keras.saving.deserialize_keras_object(config)
    assert type(again.get_layer("masked")) is MaskedDense
    np.testing.assert_array_equal(again.get_layer("masked").mask.sum(axis=0), [96, 96, 96])


def test_every_registered_class_has_a_stand_in():
    for name, room in saved_classes.ROOM_OF.items():
        found = getattr(importlib.import_module(room), name)
        assert keras.saving.get_registered_name(found) == f"sfp_keras>{name}"
        assert keras.saving.get_registered_object(f"sfp_keras>{name}") is found
    assert compact_dense.CompactDense.__name__ in saved_classes.ROOM_OF
    registered = {
        name.removeprefix("sfp_keras>")
        for name in keras.saving.get_custom_objects()
        if name.startswith("sfp_keras>")
    }
    assert registered == set(saved_classes.ROOM_OF)


def test_a_network_with_its_training_is_trained_on_after_loading(tmp_path):
    x, y = np.ones((4, 3), "float32"), np.array([0, 1, 1, 0])
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
    smoothed = TrainingSettings(recipe=RecipeSettings(label_smoothing=0.1))
    compile_classifier(model, smoothed)
    model.fit(x, y, verbose=0)
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    assert again.loss.label_smoothing == 0.1
    assert again.evaluate(x, y, verbose=0) == model.evaluate(x, y, verbose=0)
    again.fit(x, y, verbose=0)
