"""Weights into a model from whichever file the user has."""

import re
import warnings
import zipfile
import zlib
from pathlib import Path

import keras

from sfp_keras.errors import InputError
from sfp_keras.files import meant, of_applications
from sfp_keras.models.own import load_own_model
from sfp_keras.models.weights.applications import load_applications_weights
from sfp_keras.models.weights.pytorch import load_pytorch_weights


def load_weights(model: keras.Model, path: str | Path) -> None:
    """Set a model's weights from a file of PyTorch's or Keras' making.

    Args:
        model: a `keras.Model`; functional for safetensors files.
        path: `str` or `Path`. A `.safetensors` file with PyTorch's names
            (`load_pytorch_weights`), a `.weights.h5` file, a `.keras` file of the same network,
            or `"imagenet"` or an `.h5` file of keras.applications' EfficientNetB0
            (`load_applications_weights`).

    Raises:
        InputError: if the file is missing, of another kind, damaged, or of another network.
    """
    if of_applications(path):
        load_applications_weights(model, path)
        return
    path = Path(path)
    if not path.is_file():
        raise InputError(f"`weights`: file {path} does not exist{meant(path)}")
    if path.suffix == ".safetensors":
        load_pytorch_weights(model, path)
    elif path.name.endswith((".weights.h5", ".keras")):
        _load_keras_weights(model, path)
    else:
        raise InputError(
            f"weights file {path} is neither .safetensors, .weights.h5 nor .keras; "
            "convert a PyTorch state dict with safetensors.torch.save_file(state_dict, path)"
        )


def load_initial_weights(model: keras.Model, source: str | Path) -> list[str]:
    """Set the weights a training starts from, as far as there are any: transfer learning.

    The output layer is always left as it is, for its labels are other ones.

    Args:
        model: `keras.Model` of `build_network`.
        source: `"imagenet"`, or an `.h5` file, of keras.applications' EfficientNetB0
            (`load_applications_weights`); a `.safetensors` file with PyTorch's names; a
            `.weights.h5` file of the same network but for its output; or a `.keras` file, whose
            layers are taken where name and shapes agree.

    Returns:
        Names of the layers that keep their initial weights.

    Raises:
        InputError: if the weights cannot be had or do not fit.
    """
    path = Path(source)
    if of_applications(source):
        load_applications_weights(model, source, output=False)
    elif not path.is_file():
        raise InputError(f"`initial_weights`: file {path} does not exist{meant(path)}")
    elif path.suffix == ".safetensors":
        load_pytorch_weights(model, path, output=False)
    elif path.suffix == ".keras":
        return _copy_by_name(model, load_own_model(str(path)))
    elif path.name.endswith(".weights.h5"):
        _load_all_but_output(model, path)
    else:
        raise InputError(
            f"`initial_weights`={source} are neither imagenet, .safetensors, .keras, .weights.h5 "
            "nor an .h5 file of keras.applications"
        )
    return ["output"]


def _load_all_but_output(model: keras.Model, path: Path) -> None:
    output = model.get_layer("output")
    kept = output.get_weights()
    # Keras finds layers in such a file by their order, so all but the last must be the same.
    with warnings.catch_warnings(record=True) as notes:
        warnings.simplefilter("always")
        try:
            model.load_weights(path, skip_mismatch=True)
        except (OSError, ValueError, KeyError) as error:
            reason = " ".join(str(error).split())[:200] or type(error).__name__
            raise InputError(f"weights file {path} cannot be read ({reason})") from None
    output.set_weights(kept)
    noted = " ".join(str(note.message) for note in notes)
    failed = re.search(r"A total of (\d+) objects could not be loaded", noted)
    if failed and (failed[1] != "1" or "name=output," not in noted):
        raise InputError(
            f"weights file {path} is of another network than {model.name!r}; save the network as "
            "a .keras file, whose layers are found by name"
        )


def _copy_by_name(model: keras.Model, source: keras.Model) -> list[str]:
    theirs = {layer.name: layer.get_weights() for layer in source.layers}
    left = []
    for layer in model.layers:
        if not layer.weights:
            continue
        arrays = theirs.get(layer.name, [])
        shapes = [tuple(weight.shape) for weight in layer.weights]
        if layer.name != "output" and [array.shape for array in arrays] == shapes:
            layer.set_weights(arrays)
        else:
            left.append(layer.name)
    if len(left) == sum(bool(layer.weights) for layer in model.layers):
        raise InputError(
            f"`initial_weights`: no layer of {source.name!r} fits model {model.name!r} by name and "
            "shapes"
        )
    return left


def _load_keras_weights(model: keras.Model, path: Path) -> None:
    try:
        with warnings.catch_warnings(record=True) as notes:
            warnings.simplefilter("always")
            model.load_weights(path)
    except (OSError, ValueError, KeyError, zipfile.BadZipFile, zlib.error) as error:
        reason = " ".join(str(error).split())[:300] or type(error).__name__
        raise InputError(
            f"weights file {path} does not fit model {model.name!r} or is damaged ({reason}): "
            "build the network it was saved from (`model` and its options)"
        ) from None
    # Keras only warns of layers that a file leaves as they were; of optimizers we want nothing.
    if any("freshly-initialized" in str(note.message) for note in notes):
        raise InputError(
            f"weights file {path} lacks layers of model {model.name!r}: build the network it was "
            "saved from (`model` and its options)"
        )
