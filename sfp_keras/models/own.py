"""A user's own network, from a .keras file or a function that makes it."""

import zipfile
from pathlib import Path

import keras
import numpy as np

from sfp_keras.errors import InputError
from sfp_keras.importing import import_function, kind_and_line
from sfp_keras.models import enlarging, geometric  # noqa: F401  (layers of saved networks)
from sfp_keras.models.graph import require_functional
from sfp_keras.models.own_spec import check_own_spec, is_factory


def load_own_model(
    spec: str | keras.Model, image_size: int | tuple[int, int] | None = None
) -> keras.Model:
    """Load a network that is not one of the papers'.

    Example:

    ```
    load_own_model("runs/mine/model.keras")
    load_own_model("keras.applications:MobileNetV2")
    load_own_model("my_package.networks:small_net", image_size=96)
    ```

    Args:
        spec: `str`. The path of a `.keras` file, or `package.module:factory`, where `factory` is
            called without arguments and returns the `keras.Model`. The current folder is
            searched for the module too. Or the model itself.
        image_size: `int` or `(height, width)`. Size of the images, for a network whose input is
            open; the layers and weights stay the same objects. Defaults to the network's own.

    Returns:
        A functional or sequential `keras.Model`, which takes images as its graph does: what
        classes such as KerasHub's put before it when they predict is left out.

    Raises:
        InputError: if the spec, the file, the factory or the kind of model will not do; the
            message says which and the mend.
    """
    if isinstance(spec, str):
        check_own_spec(spec)
        model = _from_factory(spec) if is_factory(spec) else _from_file(Path(spec))
    else:
        model = spec
    model = _unprocessed(model)
    return model if image_size is None else _with_image_size(model, image_size)


def _unprocessed(model: keras.Model) -> keras.Model:
    """Return a model that predicts what its graph does: KerasHub's tasks scale images before."""
    form = require_functional(model)
    if type(model).predict_on_batch is keras.Model.predict_on_batch:
        return model
    return keras.Model(form.input, form.output, name=model.name)


def _from_file(path: Path) -> keras.Model:
    try:
        return keras.saving.load_model(path, compile=False)
    # Loading runs code of Keras and of custom classes, which may raise anything.
    except Exception as error:
        if _holds_code(path):
            raise InputError(
                f"`model`: file {path} holds the code of a Lambda layer, which is not run: code in "
                "a file may do anything. For own classes or Lambda layers write a function that "
                "builds the network from code that you can read and gives it the weights alone "
                "(load_weights of a .weights.h5 file), and say `model`=package.module:function"
            ) from error
        # What Keras knows of the file follows, in hundreds of characters.
        reason = kind_and_line(error).partition(" Full object config")[0]
        raise InputError(
            f"`model`: file {path} cannot be loaded ({reason}): if it uses your own "
            "classes or Lambda layers, write a function that imports them and loads it, and say "
            "`model`=package.module:function"
        ) from error


def _holds_code(path: Path) -> bool:
    """Whether a file's network has functions stored as byte code."""
    try:
        with zipfile.ZipFile(path) as archive:
            return b'"__lambda__"' in archive.read("config.json")
    except (OSError, zipfile.BadZipFile, RuntimeError, NotImplementedError):
        return False  # Damaged, or packed in a way that is not known.


def _from_factory(spec: str) -> keras.Model:
    factory = import_function(spec, "model")
    try:
        model = factory()
    except Exception as error:
        raise InputError(
            f"{spec} raised {kind_and_line(error)} (`model`): it is called without arguments and "
            "must return a keras.Model"
        ) from error
    if not isinstance(model, keras.Model):
        raise InputError(f"{spec} returned a {type(model).__name__}, not a keras.Model (`model`)")
    return model


def _with_image_size(model: keras.Model, image_size: int | tuple[int, int]) -> keras.Model:
    size = tuple(np.broadcast_to(image_size, 2).tolist())
    form = require_functional(model)
    image = form.inputs[0]
    if len(image.shape) != 4:
        raise InputError(
            f"model {model.name!r} takes inputs of shape {image.shape[1:]}, which are no images of "
            "(height, width, channels): leave `image_size` out"
        )
    own = image.shape[1:3]
    if own == size:
        return model
    if any(a is not None and a != b for a, b in zip(own, size, strict=True)):
        raise InputError(
            f"model {model.name!r} takes images of {own[0]}x{own[1]} pixels, not "
            f"{size[0]}x{size[1]}: leave `image_size` out, or build the model for that size"
        )
    resized = keras.Input((*size, image.shape[3]), dtype=image.dtype, name=image.name)
    outputs = keras.models.clone_model(
        form,
        input_tensors=keras.tree.pack_sequence_as(form.input, [resized]),
        clone_function=lambda layer: layer,
    ).outputs
    return keras.Model(resized, outputs[0] if len(outputs) == 1 else outputs, name=model.name)
