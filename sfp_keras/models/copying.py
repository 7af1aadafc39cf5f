"""Copies of networks, as they are or with fewer filters."""

from collections.abc import Mapping
from typing import Any

import keras

from sfp_keras.backend import set_random_seed
from sfp_keras.errors import InputError, first_line
from sfp_keras.models.graph import call_graph, functional_form
from sfp_keras.models.options import Layer
from sfp_keras.models.rebuilding import copy_weights, remade

# What a layer calls the number of its filters.
_WIDTHS = ("filters", "units")


def copied(network: keras.Model) -> keras.Model:
    """Copy a network with its weights; layers keep their names.

    Args:
        network: a functional or sequential `keras.Model`.

    Raises:
        InputError: if a layer cannot be copied.
    """
    result = _rebuilt(network, {})
    copy_weights(network, result)
    return result


def narrowed(network: keras.Model, filters: Mapping[Layer, int], seed: int) -> keras.Model:
    """A network with other numbers of filters and fresh weights.

    What `keras.layers.Normalization` knows of the data stays; so do numbers that a layer's
    configuration fixes, also those that were computed from the old number of inputs, such as the
    range of an initialiser.

    Args:
        network: a functional or sequential `keras.Model`.
        filters: dict from names of layers to numbers of filters, or of nodes.
        seed: `int`. `keras.utils.set_random_seed` is called with it before the weights are drawn.

    Returns:
        A `keras.Model` with layers of the same names.

    Raises:
        InputError: if there is no layer of a name, or shapes do not fit.
    """
    widths = {str(name): number for name, number in filters.items()}
    for name in widths:
        width_of(network, name)
    set_random_seed(seed)
    result = _rebuilt(network, widths)
    if result.output_shape != network.output_shape:
        raise InputError(
            f"`filters`={widths} changes the outputs of {network.name!r}: name layers before them"
        )
    pairs = zip(network._flatten_layers(), result._flatten_layers(), strict=True)
    for old, new in pairs:
        shapes = [[weight.shape for weight in layer.weights] for layer in (old, new)]
        if isinstance(old, keras.layers.Normalization) and shapes[0] == shapes[1]:
            copy_weights(old, new)
    return result


def _rebuilt(network: keras.Model, widths: Mapping[str, int]) -> keras.Model:
    try:
        return _cloned(network, widths)
    except Exception as error:  # Layers are the user's own, and Keras' differ in what they raise.
        what = f"with `filters`={widths} " if widths else ""
        raise InputError(
            f"model {network.name!r} cannot be built {what}again ({first_line(error)[:200]})"
            + (": all layers of a sum need the same number" if widths else "")
        ) from None


def _cloned(network: keras.Model, widths: Mapping[str, int]) -> keras.Model:
    def copy(layer: Any) -> Any:
        if isinstance(layer, keras.Model) and functional_form(layer) is not None:
            # By its configuration alone, its layers would have to be registered.
            return _cloned(layer, {})
        if layer.name in widths:
            return remade(layer, **{_width_name(layer): widths[layer.name]})
        return remade(layer)

    return keras.models.clone_model(network, clone_function=copy)


def width_of(network: keras.Model, name: str) -> int:
    """The number of filters, or of nodes, of a layer.

    Raises:
        InputError: if the network has no layer of that name with filters.
    """
    for layer in network.layers:
        if layer.name == name and _width_name(layer):
            return int(getattr(layer, _width_name(layer)))
    known = ", ".join(layers_with_filters(network))
    raise InputError(
        f"model {network.name!r} has no layer {name!r} with filters; there are {known}"
    )


def layers_with_filters(network: keras.Model) -> list[str]:
    """The names of the layers whose number of filters, or of nodes, may be another."""
    return [layer.name for layer in network.layers if _width_name(layer)]


def layer_with_filters(network: keras.Model, path: str) -> str | None:
    """The layer that makes the filters of what comes out of a layer.

    Args:
        network: a functional or sequential `keras.Model`.
        path: `str`. The path of a layer, such as of an activation or a pooling.

    Returns:
        The name of a layer with filters: the layer itself, or the nearest before it. `None` where
        several layers come together before.
    """
    graph = call_graph(network)
    source = {id(tensor): call for call in graph.calls for tensor in call.outputs}
    here = next((call for call in graph.calls if call.path == path), None)
    while here is not None and not _width_name(here.operation):
        here = source.get(id(here.inputs[0])) if len(here.inputs) == 1 else None
    return here.operation.name if here is not None else None


def _width_name(layer: Any) -> str:
    return next((name for name in _WIDTHS if isinstance(getattr(layer, name, None), int)), "")
