"""What layers inside another layer put out: those that a model's graph does not show.

Keras' attention layers, and layers that are whole blocks of a transformer, hold their parts inside.
A part has a path from the layer that holds it, of names joined by `/`; `heads` behind that of an
attention layer, or alone, means the outputs of its heads before the projection.
"""

import contextlib
import functools
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import keras
from keras import layers, ops

from sfp_keras.models.graph import LayerCall

HEADS = "heads"
# What projects the outputs of several heads at its end.
ATTENTION = (layers.MultiHeadAttention, layers.GroupQueryAttention)


@keras.saving.register_keras_serializable(package="sfp_keras")
class InsideLayer(layers.Layer):
    """Runs a layer and puts out what parts of it put out, then its own output if asked.

    Args:
        layer: a layer, which is used as it is, with its weights.
        paths: paths of parts, each of which runs once when the layer is called.
        with_output: `bool`. Whether the layer's own output is put out too. Defaults to `False`.
        **kwargs: the other arguments of `keras.layers.Layer`.

    Call arguments: those of the layer. Returns a list of tensors.
    """

    def __init__(
        self,
        layer: layers.Layer,
        paths: Sequence[str],
        with_output: bool = False,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self.layer, self.paths, self.with_output = layer, list(paths), with_output
        self.built = layer.built

    def call(self, *args: Any, **kwargs: Any) -> list[Any]:
        """Run the layer."""
        parts = parts_of(self.layer)
        with _watched({path: parts[path] for path in self.paths}) as found:
            output = self.layer(*args, **kwargs)
        results = [found[path][0] for path in self.paths]
        return [*results, *keras.tree.flatten(output)] if self.with_output else results

    def get_config(self) -> dict[str, Any]:
        """The arguments of the constructor."""
        return {
            **super().get_config(),
            "layer": keras.saving.serialize_keras_object(self.layer),
            "paths": self.paths,
            "with_output": self.with_output,
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "InsideLayer":
        """A layer of a configuration."""
        layer = keras.saving.deserialize_keras_object(config["layer"])
        return cls(**{**config, "layer": layer})


class _Everything(layers.Layer):
    """Runs a layer and puts out what each part that runs once puts out, in their order.

    Args:
        layer: the layer.
        note: called with the paths of these parts.
    """

    def __init__(self, layer: layers.Layer, note: Callable[[list[str]], None]):
        super().__init__(dtype=layer.dtype_policy)
        self.layer, self._note = layer, note
        self.built = layer.built

    def call(self, *args: Any, **kwargs: Any) -> list[Any]:
        with _watched(parts_of(self.layer)) as found:
            self.layer(*args, **kwargs)
        once = {
            path: calls[0]
            for path, calls in found.items()
            if len(calls) == 1 and hasattr(calls[0], "shape")
        }
        self._note(list(once))
        return list(once.values())


class Part:
    """A part of a layer.

    Args:
        layer: the layer inside.
        heads: `int` or `None`. The number of attention heads where the part is what they put out:
            then it is what the projection `layer` is given.
    """

    def __init__(self, layer: layers.Layer, heads: int | None = None):
        self.layer, self.heads = layer, heads

    def seen(self, args: Sequence[Any], kwargs: Mapping[str, Any], output: Any) -> Any:
        """What the part puts out, of a call of its layer."""
        if self.heads is None:
            return output
        nodes = args[0] if args else next(iter(kwargs.values()))
        *_, heads, size = nodes.shape
        return ops.reshape(nodes, (-1, *nodes.shape[1:-2], heads * size))


def parts_of(layer: Any, prefix: str = "") -> dict[str, Part]:
    """All parts inside a layer by their paths; empty for what is no layer or has none."""
    found: dict[str, Part] = {}
    if not isinstance(layer, layers.Layer):
        return found
    for inner in layer._flatten_layers(include_self=False, recursive=False):
        path = f"{prefix}{inner.name}"
        while path in found:  # Layers inside may share a name.
            path += "'"
        if not isinstance(layer, ATTENTION):
            found[path] = Part(inner)
            found |= parts_of(inner, f"{path}/")
    if isinstance(layer, ATTENTION) and layer.built:
        found[f"{prefix}{HEADS}"] = Part(*_projection(layer))
    return found


def holds_attention(call: LayerCall) -> bool:
    """Whether a call is of an attention layer with projection, or of a layer that has one inside.

    Of a model with a graph the parts have calls of their own.
    """
    layer = call.operation
    return (
        isinstance(layer, layers.Layer)
        and not call.nested
        and any(isinstance(inner, ATTENTION) for inner in layer._flatten_layers())
    )


def inner_outputs(call: LayerCall) -> dict[str, Any]:
    """Symbolic outputs of the parts of a layer that each run once in a call of it.

    Args:
        call: of a layer that is no model with a graph.

    Returns:
        Dict from the paths of parts to tensors, in the order in which they are done; empty for
        a layer without attention inside, whose parts are its own affair.
    """
    layer = call.operation
    if not holds_attention(call):
        return {}
    if isinstance(layer, ATTENTION):
        # Known without running it.
        size = layer.value_dim if isinstance(layer, layers.MultiHeadAttention) else layer.head_dim
        shape = (*call.inputs[0].shape[:-1], _projection(layer)[1] * size)
        return {HEADS: keras.KerasTensor(shape, call.outputs[0].dtype)}
    now = {id(old): new for old, new in zip(call.node.input_tensors, call.inputs, strict=True)}
    args, kwargs = call.node.arguments.fill_in(now)
    paths: list[str] = []
    try:
        everything = _Everything(layer, lambda found: paths.__setitem__(slice(None), found))
        outputs = everything.compute_output_spec(*args, **kwargs)
    # The user's code, which may do what a layer inside another one cannot.
    except Exception:
        return {}
    return dict(zip(paths, outputs, strict=True))


def _projection(attention: Any) -> tuple[layers.Layer, int]:
    """The layer that an attention layer ends with, and how many heads' outputs it is given."""
    if isinstance(attention, layers.MultiHeadAttention):
        return attention.output_dense, attention.num_heads
    return attention._output_dense, attention.num_query_heads


@contextlib.contextmanager
def _watched(parts: Mapping[str, Part]) -> Iterator[dict[str, list[Any]]]:
    """While it is open, what parts put out is kept, of each call, in the order of their ends."""
    found: dict[str, list[Any]] = {}
    watched: list[Any] = []

    def watch(path: str, part: Part) -> None:
        call = part.layer.call

        @functools.wraps(call)
        def watching(*args: Any, **kwargs: Any) -> Any:
            output = call(*args, **kwargs)
            found.setdefault(path, []).append(part.seen(args, kwargs, output))
            return output

        part.layer.call = watching
        watched.append(part.layer)

    try:
        for path, part in parts.items():
            watch(path, part)
        yield found
    finally:
        for layer in {id(layer): layer for layer in watched}.values():
            # What the class defines is the layer's own again.
            del layer.call
