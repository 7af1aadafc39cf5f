"""Copies of functional models with some of their layers exchanged."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import keras
import numpy as np

from sfp_keras.errors import InputError
from sfp_keras.models.graph import functional_form, labelled_nodes


@dataclass(frozen=True, eq=False)
class Exchange:
    """A new layer that takes another one's place.

    Attributes:
        layer: the new layer, not yet called.
        weights: its weights, in the order of `get_weights()`.
    """

    layer: keras.layers.Layer
    weights: list[np.ndarray] = field(default_factory=list)


def layers_by_path(model: keras.Model) -> dict[str, keras.layers.Layer]:
    """The layers that a functional model calls, nested models entered.

    Returns:
        dict from paths, the names of the nested models and the layer's joined by `/`, to layers;
        each layer stands there once, also if it is called or reached several times.
    """
    return dict(_reached(model, "", set()))


def _reached(model: keras.Model, prefix: str, seen: set[int]) -> Iterator[tuple[str, Any]]:
    for _, node in labelled_nodes(model):
        layer = node.operation
        if id(layer) in seen:
            continue
        seen.add(id(layer))
        inner = functional_form(layer)
        if inner is not None:
            yield from _reached(inner, f"{prefix}{layer.name}/", seen)
        elif isinstance(layer, keras.layers.Layer):
            yield prefix + layer.name, layer


def rebuild(model: keras.Model, exchanges: Mapping[int, Exchange]) -> keras.Model:
    """Make a model of new layers with the same weights, some layers exchanged.

    Args:
        model: a functional `keras.Model`; nested ones are rebuilt too. New layers may put out
            fewer channels than the old ones: what follows is built for them.
        exchanges: what takes the place of layers, by the layer's `id()`.

    Returns:
        A functional `keras.Model` with the model's name, not compiled.
    """
    return _rebuild(model, [tuple(tensor.shape) for tensor in model.inputs], exchanges, {})


def _rebuild(
    model: keras.Model,
    shapes: list[tuple],
    exchanges: Mapping[int, Exchange],
    made: dict[int, Any],
) -> keras.Model:
    """Rebuild a model for inputs of `shapes`; `made` holds what has taken each layer's place."""
    names = {
        id(layer.output): layer.name
        for layer in model.layers
        if isinstance(layer, keras.layers.InputLayer)
    }
    inputs = [
        keras.Input(batch_shape=shape, dtype=old.dtype, name=names.get(id(old)))
        for shape, old in zip(shapes, model.inputs, strict=True)
    ]
    now = {id(old): new for old, new in zip(model.inputs, inputs, strict=True)}
    for _, node in labelled_nodes(model):
        old = node.operation
        args, kwargs = node.arguments.fill_in(now)
        first = id(old) not in made
        if first:
            inner = functional_form(old)
            if id(old) in exchanges:
                made[id(old)] = exchanges[id(old)].layer
            elif inner is not None:
                # Sizes that the nested model leaves open stay open; channels may be fewer here.
                channels = [now[id(tensor)].shape[-1:] for tensor in node.input_tensors]
                inner_shapes = [
                    (*tensor.shape[:-1], *last)
                    for tensor, last in zip(inner.inputs, channels, strict=True)
                ]
                made[id(old)] = _rebuild(inner, inner_shapes, exchanges, made)
            else:
                made[id(old)] = remade(old)
        outputs = keras.tree.flatten(made[id(old)](*args, **kwargs))
        now.update((id(a), b) for a, b in zip(node.outputs, outputs, strict=True))
        if first and id(old) in exchanges:
            _set_weights(made[id(old)], exchanges[id(old)].weights)
        elif first and isinstance(old, keras.layers.Layer) and functional_form(old) is None:
            copy_weights(old, made[id(old)])

    def renewed(structure: Any) -> Any:
        return keras.tree.map_structure(lambda tensor: now[id(tensor)], structure)

    new = keras.Model(renewed(model.input), renewed(model.output), name=model.name)
    new.output_names = list(model.output_names)
    return new


def remade(layer: Any, **changes: Any) -> Any:
    """Make a layer or Keras operation like another, with changes in its configuration.

    It is not built.
    """
    # The function of a Lambda layer comes from the user's network, which runs already.
    trust = {"safe_mode": False} if isinstance(layer, keras.layers.Lambda) else {}
    return type(layer).from_config({**arguments_of(layer), **changes}, **trust)


def arguments_of(layer: Any) -> dict[str, Any]:
    """The configuration of a layer or Keras operation, from which one like it is made."""
    config = layer.get_config()
    activation = getattr(layer, "activation", None)
    if "activation" in config and not isinstance(activation, (keras.layers.Layer, type(None))):
        # Functions of other libraries have names that Keras does not know.
        config["activation"] = activation
    return config


def copy_weights(old: keras.layers.Layer, new: keras.layers.Layer) -> None:
    """Give a layer or model the weights of its twin.

    Raises:
        InputError: if a quantized layer's twin has other weights.
    """
    try:
        _set_weights(new, old.get_weights())
    except ValueError:
        check_not_quantized(old)
        raise


def _set_weights(layer: keras.layers.Layer, weights: list[np.ndarray]) -> None:
    layer.set_weights(weights)
    for part in layer._flatten_layers():
        # Reads its weights when they are loaded, not when they are set.
        if isinstance(part, keras.layers.Normalization):
            part.finalize_state()


def check_not_quantized(layer: keras.layers.Layer) -> None:
    """Refuse a layer or model with quantized weights, which are not trained or copied.

    Raises:
        InputError: if there are any.
    """
    for part in layer._flatten_layers():
        mode = getattr(part, "quantization_mode", None)
        if mode is not None:
            raise InputError(
                f"layer {part.name!r} is quantized ({mode}), so its weights cannot change: take "
                "the network before its quantization, or an earlier stage"
            )
