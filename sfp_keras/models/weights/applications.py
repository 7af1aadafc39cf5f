"""Weights of keras.applications' EfficientNet-B0 into ours."""

import os
import re
from pathlib import Path

import keras
import numpy as np

from sfp_keras.errors import InputError, first_line
from sfp_keras.reachability import first_unreachable_host

_PARTS = {
    "expand_conv": "expand",
    "expand_bn": "expand_norm",
    "dwconv": "depthwise",
    "bn": "depthwise_norm",
    "se_reduce": "excite_reduce",
    "se_expand": "excite_expand",
    "project_conv": "project",
    "project_bn": "project_norm",
}
_OUTSIDE = {
    "stem_conv": "stage1_conv",
    "stem_bn": "stage1_conv_norm",
    "top_conv": "stage9_conv",
    "top_bn": "stage9_conv_norm",
    "predictions": "output",
}
_HOST = "https://storage.googleapis.com"


def load_applications_weights(
    model: keras.Model, source: str | Path | keras.Model = "imagenet", *, output: bool = True
) -> None:
    """Set the weights of `build_efficientnet` to those of keras.applications' EfficientNetB0.

    The model should have `padding="same"`. Blocks and a stage 9 that it has not are left out.
    keras.applications scales images inside its network; ours takes `(x / 255 - mean) / std` with
    ImageNet's mean 0.485, 0.456, 0.406 and deviation 0.229, 0.224, 0.225.

    Args:
        model: `keras.Model` of `build_efficientnet`.
        source: `"imagenet"`, which Keras downloads once; an `.h5` file of keras.applications; or
            an `EfficientNetB0` itself.
        output: `bool`. Whether the output layer is set too; it stays as it is with `False`.
            Defaults to `True`.

    Raises:
        InputError: if the weights cannot be had or do not fit.
    """
    theirs = source if isinstance(source, keras.Model) else _load(source, output)
    names = {layer.name for layer in model.layers if layer.weights}
    if not output:
        names.discard("output")
    assigned = []
    for layer in theirs.layers:
        name = _our_name(layer.name)
        if name not in names:
            continue
        ours, arrays = model.get_layer(name), layer.get_weights()
        if name == "output" and not ours.use_bias:
            arrays = arrays[:1]
        wanted = [tuple(weight.shape) for weight in ours.weights]
        if [array.shape for array in arrays] != wanted:
            raise InputError(
                f"layer {layer.name} of keras.applications' EfficientNetB0 has weights of shapes "
                f"{[array.shape for array in arrays]}, layer {name} expects {wanted}"
            )
        assigned.append((ours, arrays))
    missing = names - {ours.name for ours, _ in assigned}
    if missing:
        raise InputError(
            f"keras.applications' EfficientNetB0 has no weights for {', '.join(sorted(missing))}"
        )
    for ours, arrays in assigned:
        ours.set_weights([np.asarray(array) for array in arrays])


def _our_name(name: str) -> str | None:
    match = re.fullmatch(r"block(\d)([a-z])_(\w+)", name)
    if match is None:
        return _OUTSIDE.get(name)
    block = ord(match[2]) - ord("a") + 1
    return f"stage{int(match[1]) + 1}_block{block}_{_PARTS.get(match[3], match[3])}"


def _load(source: str | Path, output: bool) -> keras.Model:
    file = Path(source)
    if str(source) == "imagenet":
        _check_download("efficientnetb0.h5" if output else "efficientnetb0_notop.h5")
    elif not file.is_file():
        raise InputError(f"weights file {file} does not exist")
    errors: list[Exception] = []
    # Without the output layer a user's file may still have it.
    for include_top in [True] if output else [False, True]:
        try:
            return keras.applications.EfficientNetB0(include_top=include_top, weights=str(source))
        except Exception as reason:  # Keras' downloads and h5py raise almost anything.
            errors.append(reason)
    raise InputError(
        f"weights {source} are not those of keras.applications' EfficientNetB0 "
        f"({first_line(errors[0])[:200]})"
    )


def _check_download(name: str) -> None:
    """Without a network Keras would try for minutes."""
    folder = Path(os.environ.get("KERAS_HOME", "~/.keras")).expanduser() / "models"
    if not (folder / name).exists() and first_unreachable_host([_HOST]):
        raise InputError(
            f"the ImageNet weights of keras.applications cannot be downloaded, {_HOST} is not "
            f"reached: put {name} into {folder}, or name a file of yours"
        )
