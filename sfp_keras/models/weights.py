"""Weights into a model from whichever file the user has."""

import warnings
import zipfile
import zlib
from pathlib import Path

import keras

from sfp_keras.errors import InputError
from sfp_keras.models.pytorch_weights import load_pytorch_weights


def load_weights(model: keras.Model, path: str | Path) -> None:
    """Set a model's weights from a file of PyTorch's or Keras' making.

    Args:
        model: a `keras.Model`; functional for safetensors files.
        path: `str` or `Path`. A `.safetensors` file with PyTorch's names
            (`load_pytorch_weights`), a `.weights.h5` file, or a `.keras` file of the same
            network.

    Raises:
        InputError: if the file is missing, of another kind, damaged, or of another network.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(f"weights file {path} does not exist (--weights)")
    if path.suffix == ".safetensors":
        load_pytorch_weights(model, path)
    elif path.name.endswith((".weights.h5", ".keras")):
        _load_keras_weights(model, path)
    else:
        raise InputError(
            f"weights file {path} is neither .safetensors, .weights.h5 nor .keras (--weights); "
            "convert a PyTorch state dict with safetensors.torch.save_file(state_dict, path)"
        )


def _load_keras_weights(model: keras.Model, path: Path) -> None:
    try:
        with warnings.catch_warnings(record=True) as notes:
            warnings.simplefilter("always")
            model.load_weights(path)
    except (OSError, ValueError, KeyError, zipfile.BadZipFile, zlib.error) as error:
        reason = " ".join(str(error).split())[:300] or type(error).__name__
        raise InputError(
            f"weights file {path} does not fit model {model.name!r} or is damaged ({reason}): "
            "build the network it was saved from (--model and its flags)"
        ) from None
    # Keras only warns of layers that a file leaves as they were; of optimizers we want nothing.
    if any("freshly-initialized" in str(note.message) for note in notes):
        raise InputError(
            f"weights file {path} lacks layers of model {model.name!r}: build the network it was "
            "saved from (--model and its flags)"
        )
