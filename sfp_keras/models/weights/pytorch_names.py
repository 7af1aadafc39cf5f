"""Weights of a PyTorch network whose modules' names say which layer each is."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras

from sfp_keras.errors import InputError
from sfp_keras.models.weights.pytorch_file import read_tensors, tensor_names
from sfp_keras.models.weights.pytorch_tensors import Assignment, assignments_of


def load_by_name(
    model: keras.Model, path: Path, module_of: Callable[[str], str], *, output: bool = True
) -> None:
    """Set a model's weights from the tensors of the modules that its layers are.

    Args:
        model: `keras.Model`.
        path: `Path` of a safetensors file.
        module_of: the name of a layer's module; an empty text where it has none.
        output: `bool`. Whether the layer `output` is set too.

    Raises:
        InputError: if a tensor is missing, has another shape or belongs to no layer. The model is
            then as it was.
    """
    tensors = tensor_names(path)
    pairs: list[tuple[Assignment, str]] = []
    left = "" if output else f"{module_of('output')}."
    for layer in model.layers:
        if output or layer.name != "output":
            pairs += _of_layer(path, layer, module_of(layer.name), tensors)
    strange = sorted(tensors.keys() - {name for _, name in pairs})
    for name in strange:
        if not (left and name.startswith(left)):
            raise InputError(
                f"{path}: tensor {name} of shape {tensors[name][1]} belongs to no layer of "
                f"{model.name!r}: choose the network the file was written from (`model` and its "
                "options)"
            )
    arrays = read_tensors(path, [tensors[name][0] for _, name in pairs])
    # Only now, with everything known to fit and read, is the model touched.
    for (assignment, _), array in zip(pairs, arrays, strict=True):
        assignment.variable.assign(assignment.turn(array))


def _of_layer(
    path: Path, layer: Any, module: str, tensors: dict[str, tuple[str, tuple[int, ...]]]
) -> list[tuple[Assignment, str]]:
    found = []
    for assignment in assignments_of(layer):
        name = ".".join(filter(None, (module, assignment.part)))
        _, shape = tensors.get(name, ("", None))
        if shape != assignment.shape:
            state = f"has shape {shape}" if shape else "is not in the file"
            what = f"tensor {name} {state}" if module else "such files have no layer of this kind"
            raise InputError(
                f"{path}: {what}, but layer {layer.name} expects {assignment.shape}: choose the "
                "network the file was written from (`model`, its options and `image_size`)"
            )
        found.append((assignment, name))
    return found
