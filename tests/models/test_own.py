"""A user's own network: files, factories, image sizes, and one clear line for each mistake."""

import sys

import keras
import numpy as np
import pytest
from keras import layers

from sfp_keras.errors import InputError
from sfp_keras.models import load_own_model


def small(shape=(8, 8, 3)):
    inputs = keras.Input(shape)
    x = layers.Conv2D(4, 3, padding="same", name="conv")(inputs)
    return keras.Model(inputs, layers.Dense(2)(layers.GlobalAveragePooling2D()(x)))


class Scaling(keras.Model):
    """A model that scales images itself where it predicts, as KerasHub's tasks do."""

    def predict_on_batch(self, x):
        return super().predict_on_batch(x / 255)


def scaling():
    plain = small()
    return Scaling(plain.input, plain.output, name="scaling")


class Doubling(layers.Layer):
    def call(self, inputs):
        return inputs * 2.0


@pytest.fixture
def module(tmp_path, monkeypatch):
    """Write a module of factories into the current folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    (tmp_path / "my_networks.py").write_text(
        """
import keras

SIZE = 8

def plain():
    return keras.Sequential([keras.Input((SIZE, SIZE, 3)), keras.layers.Flatten()])

def raising():
    raise RuntimeError("no licence\\nsecond line")

def needing(size):
    return None

def number():
    return 3

def subclassed():
    class Net(keras.Model):
        def call(self, inputs):
            return inputs
    return Net()

class Zoo:
    open = staticmethod(lambda: keras.Sequential([
        keras.Input((None, None, 3)), keras.layers.Conv2D(2, 3),
        keras.layers.GlobalAveragePooling2D()]))
"""
    )
    (tmp_path / "broken_networks.py").write_text("import a_module_that_is_missing")
    yield "my_networks"
    for name in ("my_networks", "broken_networks"):
        sys.modules.pop(name, None)


def test_a_keras_file(tmp_path):
    model = small()
    model.save(tmp_path / "net.keras")
    images = np.random.default_rng(0).random((2, 8, 8, 3), "float32")
    loaded = load_own_model(str(tmp_path / "net.keras"))
    np.testing.assert_array_equal(loaded.predict_on_batch(images), model.predict_on_batch(images))


def test_a_factory_in_the_current_folder(module):
    assert load_own_model(f"{module}:plain").output_shape == (None, 192)


def test_what_a_class_does_before_its_graph_is_left_out(monkeypatch):
    model = scaling()
    monkeypatch.setattr(sys.modules[__name__], "made", lambda: model, raising=False)
    loaded = load_own_model(f"{__name__}:made")
    assert loaded.name == "scaling"
    assert loaded.get_layer("conv") is model.get_layer("conv")
    images = np.random.default_rng(0).random((2, 8, 8, 3), "float32")
    expected = keras.ops.convert_to_numpy(model(images))
    np.testing.assert_allclose(loaded.predict_on_batch(images), expected, rtol=1e-5, atol=1e-6)


def test_a_network_of_keras_applications(module, tmp_path):
    (tmp_path / "my_networks.py").write_text(
        "import keras\n"
        "def mobile():\n"
        "    return keras.applications.MobileNetV2((32, 32, 3), weights=None, classes=3)\n"
    )
    assert load_own_model("my_networks:mobile").output_shape == (None, 3)


def test_image_size_closes_an_open_input_and_keeps_the_weights(module):
    model = load_own_model(f"{module}:Zoo.open", image_size=16)
    assert model.input_shape == (None, 16, 16, 3)
    assert load_own_model(f"{module}:Zoo.open", image_size=(16, 12)).input_shape[1:3] == (16, 12)
    original = small((None, None, 3))
    from sfp_keras.models import own

    sized = own._with_image_size(original, 10)
    assert sized.get_layer("conv") is original.get_layer("conv")
    images = np.random.default_rng(0).random((2, 10, 10, 3), "float32")
    np.testing.assert_array_equal(sized.predict_on_batch(images), original.predict_on_batch(images))


def test_image_size_of_a_closed_input(module):
    assert load_own_model(f"{module}:plain", image_size=8).input_shape == (None, 8, 8, 3)
    with pytest.raises(InputError, match=r"8x8 pixels, not 9x9.*`image_size`"):
        load_own_model(f"{module}:plain", image_size=9)


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ("{module}:none", "no 'none'"),
        ("{module}:SIZE", "not a function"),
        ("{module}:raising", "raised RuntimeError: no licence .*keras.Model"),
        ("{module}:needing", "raised TypeError.*without arguments"),
        ("{module}:number", "returned a int"),
        ("{module}:subclassed", "subclassed.*functional API"),
        ("no_such_package.networks:net", "'no_such_package' is not found.*PYTHONPATH"),
        ("broken_networks:net", "importing broken_networks raised ModuleNotFoundError"),
        ("resnet", "others by a .keras file or as package.module:factory"),
        ("none.keras", "none.keras does not exist"),
    ],
)
def test_mistakes_in_the_spec(module, spec, words):
    with pytest.raises(InputError, match=words) as error:
        load_own_model(spec.format(module=module))
    assert "\n" not in str(error.value)


def test_files_that_are_no_keras_files(tmp_path):
    for name in ("text.keras", "net.h5"):
        (tmp_path / name).write_text("not a model")
        with pytest.raises(InputError, match=f"{name} is not a Keras 3 model file"):
            load_own_model(str(tmp_path / name))
    np.savez(tmp_path / "arrays.npz", a=np.zeros(2))
    (tmp_path / "arrays.npz").rename(tmp_path / "arrays.keras")
    with pytest.raises(InputError, match=r"arrays\.keras is not a Keras 3 model file"):
        load_own_model(str(tmp_path / "arrays.keras"))


def test_a_damaged_file(tmp_path):
    path = tmp_path / "net.keras"
    small().save(path)
    content = bytearray(path.read_bytes())
    content[content.index(b'"class_name"')] = 0
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"net\.keras cannot be loaded"):
        load_own_model(str(path))


def test_unknown_classes_and_lambdas_name_the_mend(tmp_path):
    inputs = keras.Input((4, 4, 3))
    for name, layer in (("own", Doubling()), ("lambda", layers.Lambda(lambda x: x + 1))):
        path = tmp_path / f"{name}.keras"
        keras.Model(inputs, layers.Flatten()(layer(inputs))).save(path)
        with pytest.raises(
            InputError, match=r"own classes or Lambda.*package\.module:function"
        ) as error:
            load_own_model(str(path))
        # Keras' own advice would run what the file holds.
        assert "safe_mode" not in str(error.value)


def test_an_image_size_may_be_numpys():
    for size in (np.int64(8), np.array([8, 8]), (8, 8)):
        assert load_own_model(open_size(), image_size=size).input_shape == (None, 8, 8, 3)


def open_size():
    return small((None, None, 3))
