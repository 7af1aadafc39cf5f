"""Weights of a PyTorch network into a Keras model: matched by name, shape and number."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn

import keras
import numpy as np

from sfp_keras.errors import InputError
from sfp_keras.models.filter_axes import moves_axes, source_elements
from sfp_keras.models.graph import CallGraph, LayerCall, call_graph
from sfp_keras.models.registry import architectures
from sfp_keras.models.weights.pytorch_file import Module, read_modules, read_tensors
from sfp_keras.models.weights.pytorch_names import load_by_name
from sfp_keras.models.weights.pytorch_order import in_order_of_layers
from sfp_keras.models.weights.pytorch_tensors import Assignment, assignments_of

_LAYERS_OF = {
    "convolution": (keras.layers.Conv2D, keras.layers.DepthwiseConv2D),
    "batch norm": (keras.layers.BatchNormalization,),
    "linear": (keras.layers.Dense,),
}
# Of which each number of a flattened map has weights of its own, and those that keep the order.
_EACH_ALONE = _LAYERS_OF["batch norm"]
_READ_FLAT = (*_LAYERS_OF["linear"], *_EACH_ALONE)
_OTHER_NETWORK = "choose the network the file was written from (`model`)"


def load_pytorch_weights(model: keras.Model, path: str | Path, *, output: bool = True) -> None:
    """Set a model's weights from a safetensors file with PyTorch's names and axis orders.

    Convolutions, batch norms and linear layers are matched each by names where those are the
    layers', else by shapes, and equal shapes by the numbers in names, so that any numbering of a
    PyTorch `Sequential` will do. Names that differ otherwise do not say which module comes first:
    they are refused. Every shape is checked before anything is set. Convolutions are turned from
    OIHW to HWIO, linear layers from (out, in) to (in, out), and a linear layer after a flatten of
    more than 1x1 positions also from PyTorch's channels-first order of inputs to Keras'
    channels-last one.
    `num_batches_tracked` is ignored, and so are blocks of a torchvision EfficientNet that a
    simplified one of ours does not have.

    Compact transformers are read from files with the names of their public code, such as
    `classifier.blocks.0.self_attn.qkv.weight`; there names alone count.

    A file does not say which activation stands between fully connected layers, nor the epsilon of
    batch norms or the scaling of images: compare the network's accuracy with its stated one.

    Args:
        model: a functional `keras.Model` of `Conv2D`, `DepthwiseConv2D`, `BatchNormalization`,
            `Dense` and layers without weights, as `build_vgg` and `build_efficientnet` make; or
            one of `build_network`.
        path: `str` or `Path`. The file, of any floating point type.
        output: `bool`. Whether the last `Dense` is set too. `False`: it stays as it is, whatever
            the file has for it. Defaults to `True`.

    Raises:
        InputError: if the file cannot be read or does not fit the model; the message names the
            tensor, its shape, what was expected and the builder's argument that mends it. The
            model is then as it was.
    """
    path = Path(path)
    known = architectures().get(model.name)
    if known is not None and known.files.module_of is not None:
        load_by_name(model, path, known.files.module_of, output=output)
        return
    graph = call_graph(model)
    layers = _layers(graph, model.name)
    modules = {
        kind: _with_layers(found, graph, model.name) for kind, found in read_modules(path).items()
    }
    if not output:
        layers["linear"], modules["linear"] = layers["linear"][:-1], modules["linear"][:-1]
    for kind in _LAYERS_OF:
        _check_count(path, model.name, kind, layers[kind], modules, output)
    # Builders' arguments mend what they have built.
    ours = known is not None
    maps = _flattened_maps(graph)
    for kind, of_kind in layers.items():
        shapes = [
            {one.part: one.shape for one in assignments_of(layer, maps.get(id(layer)))}
            for layer in of_kind
        ]
        names = [layer.name for layer in of_kind]
        modules[kind] = in_order_of_layers(path, modules[kind], names, shapes)

    variables, conversions, names = [], [], []
    for kind in _LAYERS_OF:
        for layer, module in zip(layers[kind], modules[kind], strict=True):
            is_output = output and kind == "linear" and layer is layers[kind][-1]
            if kind != "batch norm":
                _check_bias(path, kind, layer, module, is_output, ours)
            for assignment in assignments_of(layer, maps.get(id(layer))):
                _check_shape(path, kind, layer, module, assignment, is_output, ours)
                variables.append(assignment.variable)
                conversions.append(assignment.turn)
                names.append(module.tensor(assignment.part))
    # Only now, with everything known to fit and read, is the model touched.
    tensors = read_tensors(path, names)
    for variable, converted, tensor in zip(variables, conversions, tensors, strict=True):
        variable.assign(converted(tensor))


def _layers(graph: CallGraph, model_name: str) -> dict[str, list[Any]]:
    """List the model's layers with weights by kind, input side first, each once."""
    layers: dict[str, list[Any]] = {kind: [] for kind in _LAYERS_OF}
    for call in graph.calls:
        layer = call.operation
        if call.nested or not getattr(layer, "weights", ()):
            continue
        kind = next((kind for kind, types in _LAYERS_OF.items() if type(layer) in types), None)
        if kind is None:
            raise InputError(
                f"layer {call.path!r} of model {model_name!r} is a {type(layer).__name__}, into "
                "which no PyTorch weights are read: give the model as a .keras file with its "
                "weights"
            )
        if not any(layer is known for known in layers[kind]):
            layers[kind].append(layer)
    return layers


def _with_layers(modules: list[Module], graph: CallGraph, model_name: str) -> list[Module]:
    """Leave out the modules whose layers a simplified network has not."""
    known = architectures().get(model_name)
    if known is None or known.files.layers_of is None:
        return modules
    prefixes = [known.files.layers_of(module.name) for module in modules]
    paths = [call.path for call in graph.calls]
    return [
        module
        for module, prefix in zip(modules, prefixes, strict=True)
        if prefix is None or any(path.startswith(prefix) for path in paths)
    ]


def _flattened_maps(graph: CallGraph) -> dict[int, np.ndarray]:
    """Find the layers that read flattened maps: a layer's `id()` to PyTorch's order of them.

    PyTorch flattens maps with channels first; here any calls that move axes may do it.
    """
    source = {id(tensor): call for call in graph.calls for tensor in call.outputs}
    maps = {}
    for call in graph.calls:
        if isinstance(call.operation, _READ_FLAT):
            order = _pytorch_order(call.inputs[0], source)
            if order is not None:
                maps[id(call.operation)] = order
    return maps


def _pytorch_order(flat: Any, source: Mapping[int, LayerCall]) -> np.ndarray | None:
    """For each number of a flat tensor its place in PyTorch's; `None` where it is the same."""
    if len(flat.shape) != 2:
        return None
    tensor, elements = flat, None
    # Dropout and activations stand between the flatten and the linear layer in some networks.
    while (call := source.get(id(tensor))) and (
        not getattr(call.operation, "weights", ()) or isinstance(call.operation, _EACH_ALONE)
    ):
        if moves_axes(call) and None not in call.inputs[0].shape[1:]:
            taken = source_elements(call)
            elements = taken if elements is None else taken[elements]
        elif call.inputs[0].shape[1:] != call.outputs[0].shape[1:]:
            break
        tensor = call.inputs[0]
    places = None
    if len(tensor.shape) == 4 and elements is not None:
        places = _places_channels_first(*tensor.shape[1:])
    elif len(tensor.shape) == 2 and call and type(call.operation).__name__ == "Concatenate":
        places = _joined([(one, _pytorch_order(one, source)) for one in call.inputs])
    return places if places is None or elements is None else places[elements]


def _joined(parts: Sequence[tuple[Any, np.ndarray | None]]) -> np.ndarray | None:
    """The order of flat tensors, of which each has its own, one after the other."""
    if all(order is None for _, order in parts):
        return None
    starts = np.cumsum([0, *(tensor.shape[-1] for tensor, _ in parts)])
    return np.concatenate(
        [
            start + (np.arange(tensor.shape[-1]) if order is None else order)
            for start, (tensor, order) in zip(starts[:-1], parts, strict=True)
        ]
    )


def _places_channels_first(height: int, width: int, channels: int) -> np.ndarray:
    """For each element of a (height, width, channels) map, its place with channels first."""
    places = np.arange(channels * height * width).reshape(channels, height, width)
    return places.transpose(1, 2, 0).reshape(-1)


def _check_count(
    path: Path,
    model_name: str,
    kind: str,
    layers: list[Any],
    modules: dict[str, list[Module]],
    output: bool,
) -> None:
    found = modules[kind]
    if len(layers) == len(found):
        return
    if model_name not in architectures():
        mend = _OTHER_NETWORK
    elif kind == "linear":
        hidden = found[:-1] if output else found
        widths = ",".join(str(module.shapes["weight"][0]) for module in hidden)
        mend = f"set `fc_widths`={widths or 'none'}"
    elif kind == "batch norm" and not (layers and found):
        mend = f"build the model with `batch_norm`={bool(found)}"
    else:
        mend = _OTHER_NETWORK
    extra = found[len(layers) :]
    beyond = (
        f"tensor {extra[0].tensor('weight')} of shape {extra[0].shapes['weight']} has no layer"
        if extra
        else f"layer {layers[len(found)].name} has no tensor"
    )
    raise InputError(
        f"{path}: the file has {len(found)} {kind} modules, model {model_name!r} has "
        f"{len(layers)} ({beyond}): {mend}"
    )


def _check_bias(
    path: Path, kind: str, layer: Any, module: Module, is_output: bool, ours: bool
) -> None:
    has = "bias" in module.shapes
    if has == layer.use_bias:
        return
    if ours and kind == "convolution":
        mend = f"set `conv_bias`={str(has).lower()}"
    elif ours and is_output:
        mend = f"build the model with `output_bias`={has}"
    elif has:
        mend = "give the layer one, which the file's network adds to its outputs"
    else:
        mend = f"{_OTHER_NETWORK}, whose layer has none"
    state = (
        f"tensor {module.tensor('bias')} of shape {module.shapes['bias']} is in the file, but "
        f"layer {layer.name} has no bias"
        if has
        else f"tensor {module.tensor('bias')} is not in the file, but layer {layer.name} expects "
        f"shape {tuple(layer.bias.shape)}"
    )
    raise InputError(f"{path}: {state}: {mend}")


def _check_shape(
    path: Path,
    kind: str,
    layer: Any,
    module: Module,
    assignment: Assignment,
    is_output: bool,
    ours: bool,
) -> None:
    shape = module.shapes.get(assignment.part)
    if shape == assignment.shape:
        return
    name = module.tensor(assignment.part)
    if shape is None:
        _refuse(path, f"tensor {name} is not in the file", layer, assignment, "add it to the file")
    if is_output and shape[0] != assignment.shape[0]:
        mend = f"the file's network has {shape[0]} labels: choose its `dataset`"
    elif not ours:
        mend = _OTHER_NETWORK
    elif kind != "linear":
        mend = "build the model with the file's widths (`filters`) and kernel sizes"
    elif shape[0] != assignment.shape[0]:
        mend = f"set `fc_widths` with {shape[0]} for this layer"
    else:
        mend = "images of another size, or other widths before (`image_size`, `fc_widths`)"
    _refuse(path, f"tensor {name} has shape {shape}", layer, assignment, mend)


def _refuse(path: Path, state: str, layer: Any, assignment: Assignment, mend: str) -> NoReturn:
    raise InputError(f"{path}: {state}, but layer {layer.name} expects {assignment.shape}: {mend}")
