"""Which layer each module of a PyTorch file belongs to."""

from pathlib import Path

import keras
import numpy as np
import pytest
from keras import layers
from safetensors.numpy import save_file

from sfp_keras.errors import InputError
from sfp_keras.models import load_pytorch_weights


def _two_convolutions(first: str = "first", second: str = "second") -> keras.Model:
    inputs = keras.Input((4, 4, 3))
    hidden = layers.Conv2D(3, 1, use_bias=False, name=first)(inputs)
    hidden = layers.Conv2D(3, 1, use_bias=False, name=second)(hidden)
    hidden = layers.Conv2D(5, 1, use_bias=False, name="last")(hidden)
    return keras.Model(inputs, hidden)


def _three(tmp_path: Path, *names: str) -> Path:
    shapes = [(3, 3, 1, 1), (3, 3, 1, 1), (5, 3, 1, 1)]
    tensors = {
        f"{name}.weight": np.full(shape, i, np.float32)
        for i, (name, shape) in enumerate(zip(names, shapes, strict=True))
    }
    save_file(tensors, tmp_path / "a.safetensors")
    return tmp_path / "a.safetensors"


def _values(model: keras.Model) -> list[float]:
    return [float(np.mean(weight)) for weight in model.get_weights()]


@pytest.mark.parametrize(
    ("names", "layer_names"),
    [
        # Numbers say the order of equal shapes, and shapes the place of the third.
        (("conv2", "conv10", "a"), ("first", "second")),
        (("z.0", "z.1.conv", "b"), ("first", "second")),
        # Superscripts are no numbers.
        (("c¹.1", "c¹.2", "c²"), ("first", "second")),
        # The layers' own names.
        (("stem", "body", "last"), ("stem", "body")),
        (("enc.z", "enc.a", "last"), ("enc_z", "enc_a")),
    ],
)
def test_modules_find_their_layers(
    tmp_path: Path, names: tuple[str, ...], layer_names: tuple[str, str]
) -> None:
    model = _two_convolutions(*layer_names)
    load_pytorch_weights(model, _three(tmp_path, *names))
    assert _values(model) == [0, 1, 2]


@pytest.mark.parametrize(
    "names",
    [("stem", "body", "head"), ("b.0", "a.0", "c"), ("conv", "conv2", "x"), ("²", "¹", "x")],
)
def test_equal_shapes_without_numbers_are_refused(tmp_path: Path, names: tuple[str, ...]) -> None:
    model = _two_convolutions()
    before = model.get_weights()
    with pytest.raises(InputError, match="have the same shapes, and no number"):
        load_pytorch_weights(model, _three(tmp_path, *names))
    np.testing.assert_equal(model.get_weights(), before)
