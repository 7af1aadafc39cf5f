"""The layer calls of a functional model in order, nested models entered.

Keras offers no public way to walk a model's graph: what this module reads of its private parts
(`_nodes_by_depth`, a node's `arguments` and `outputs`) is read nowhere else.
"""

import inspect
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import keras

from sfp_keras.errors import InputError
from sfp_keras.traits import inherited_traits


@dataclass(frozen=True, eq=False)
class LayerCall:
    """One call of one layer (or Keras operation) in a model's graph.

    Attributes:
        path: names of the nested models it lies in and its own, joined by `/`; a layer (or nested
            model) that its graph calls more than once is followed by `#` and the call's index.
        operation: the layer.
        inputs: symbolic tensors the call reads; shared with the call that puts them out.
        outputs: symbolic tensors the call puts out, with their shapes.
        nested: whether the layer is itself a model whose layers are listed before it.
        node: Keras' record of the call, with all its arguments.
        training: the `training` argument that the call, or the call of a model it lies in, gives;
            `None` where none is given.
    """

    path: str
    operation: Any
    inputs: tuple[Any, ...]
    outputs: tuple[Any, ...]
    nested: bool
    node: Any
    training: bool | None = None

    def run(self, *values: Any) -> Any:
        """Call the layer with its other arguments on values for its inputs; states stay."""
        now = {id(old): new for old, new in zip(self.node.input_tensors, values, strict=True)}
        args, kwargs = self.node.arguments.fill_in(now)
        states = getattr(self.operation, "non_trainable_variables", ())
        before = [keras.ops.copy(state) for state in states]
        try:
            return self.operation(*args, **kwargs)
        finally:
            for state, value in zip(states, before, strict=True):
                state.assign(value)


@dataclass(frozen=True, eq=False)
class CallGraph:
    """All layer calls of a model.

    Attributes:
        inputs: symbolic input tensors of the model.
        outputs: symbolic output tensors of the model.
        calls: the calls, each after those whose outputs it reads; input layers left out.
    """

    inputs: tuple[Any, ...]
    outputs: tuple[Any, ...]
    calls: tuple[LayerCall, ...]


def functional_form(model: Any) -> keras.Model | None:
    """Return a model as a functional one on the same layers, or `None` where it has no graph.

    Args:
        model: anything; a functional model is returned as it is, a built `keras.Sequential` as
            the functional model it runs.

    Returns:
        A functional `keras.Model`, or `None` for layers that are no models, subclassed models,
        functional models whose class overrides `call`, and unbuilt sequential ones.
    """
    if isinstance(model, keras.Sequential):
        try:
            return keras.Model(model.inputs[0], model.outputs[0], name=model.name)
        except AttributeError:
            return None
    if isinstance(model, keras.Model) and isinstance(model, keras.Function):
        return None if _overrides_call(type(model)) else model
    return None


def check_model(model: Any) -> None:
    """Refuse what is no Keras model, such as the name of a file.

    Raises:
        InputError: naming the kind of what was given.
    """
    if not isinstance(model, keras.Model):
        kind = type(model).__name__
        raise InputError(f"`model` must be a keras.Model, received {kind} {str(model)[:60]!r}")


def require_functional(model: keras.Model) -> keras.Model:
    """Return `functional_form(model)`, or say what to do about a model without a graph.

    Raises:
        InputError: if it is no Keras model, is subclassed or unbuilt, or has several inputs.
    """
    check_model(model)
    form = functional_form(model)
    if form is None and isinstance(model, keras.Sequential):
        raise InputError(
            f"the Sequential model {model.name!r} does not know its input shape: begin it with "
            "keras.Input((height, width, channels))"
        )
    if form is None:
        raise InputError(
            f"model {model.name!r} ({type(model).__name__}) is subclassed, so its layers cannot "
            "be reached: build it with the functional API, or wrap its parts: x = "
            "keras.Input(...), call each part on x in turn, return keras.Model(input, x)"
        )
    if len(form.inputs) != 1:
        raise InputError(
            f"model {model.name!r} has {len(form.inputs)} inputs, but only models of one image "
            "can be probed: wrap it into a model with one keras.Input"
        )
    return form


def labelled_nodes(graph: keras.Model) -> list[tuple[str, Any]]:
    """List a functional model's own calls as (label, Keras node), nested models not entered.

    The label is the layer's name, with `#index` where the graph calls the layer more than once.
    """
    nodes = [
        node
        for depth in sorted(graph._nodes_by_depth, reverse=True)
        for node in graph._nodes_by_depth[depth]
        if not node.is_input
    ]
    times = Counter(node.operation.name for node in nodes)
    seen: Counter[str] = Counter()
    labelled = []
    for node in nodes:
        name = node.operation.name
        labelled.append((f"{name}#{seen[name]}" if times[name] > 1 else name, node))
        seen[name] += 1
    return labelled


def call_graph(model: keras.Model) -> CallGraph:
    """List all layer calls of a model with nested models entered; the model is left as it is.

    Args:
        model: a functional or sequential `keras.Model` with one input.

    Returns:
        A `CallGraph`. Shapes inside nested models are those of the images they get here, also
        where a nested model was built for any size.

    Raises:
        InputError: as `require_functional`, or if a layer computes with channels first.
    """
    graph = require_functional(model)
    inputs = _fresh(graph.inputs)
    calls: list[LayerCall] = []
    outputs = _follow(graph, inputs, "", calls)
    for call in calls:
        if getattr(call.operation, "data_format", None) == "channels_first":
            raise InputError(
                f"layer {call.path!r} of model {model.name!r} has its channels first: build the "
                "model with data_format='channels_last'"
            )
    return CallGraph(inputs, outputs, tuple(calls))


def layer_calls(
    model: keras.Model, input_shape: tuple[int, ...] | None = None
) -> tuple[LayerCall, ...] | None:
    """List all layer calls of any model that has a graph, nested models entered.

    Args:
        model: `keras.Model`; it may have several inputs, and channels first.
        input_shape: of one element of its only input. Default: the model's own shapes.

    Returns:
        The calls, each after those whose outputs it reads; `None` for subclassed models.

    Raises:
        InputError: if `input_shape` is given for a model of several inputs, or does not fit.
    """
    graph = functional_form(model)
    if graph is None:
        return None
    calls: list[LayerCall] = []
    if input_shape is None:
        _follow(graph, _fresh(graph.inputs), "", calls)
        return tuple(calls)
    own = tuple(graph.inputs[0].shape[1:])
    fits = len(own) == len(input_shape) and all(
        known in (None, given) for known, given in zip(own, input_shape, strict=True)
    )
    if len(graph.inputs) > 1 or not fits:
        raise InputError(
            f"`input_shape`={input_shape} does not fit model {model.name!r}, whose inputs are "
            f"{', '.join(str(tuple(one.shape[1:])) for one in graph.inputs)}"
        )
    new = keras.KerasTensor((None, *input_shape), graph.inputs[0].dtype)
    _follow(graph, (new,), "", calls)
    return tuple(calls)


def layer_path(path: str) -> str:
    """The path of the layer of a call, as `layers_by_path` has it: without the calls' numbers."""
    return re.sub(r"#\d+(?=/|$)", "", path)


def runs_as_in_training(call: LayerCall) -> bool:
    """Whether a call of batch norm, dropout or the like runs as in training at all times."""
    operation = call.operation
    if not call.training or call.nested or not isinstance(operation, keras.layers.Layer):
        return False
    if isinstance(operation, keras.layers.BatchNormalization):
        return operation.trainable  # Keras runs it for inference where it is frozen.
    own = not type(operation).__module__.startswith("keras.")
    return "training" in inspect.signature(operation.call).parameters and (
        own or inherited_traits(operation).only_in_training
    )


def _follow(
    graph: keras.Model,
    inputs: Sequence[Any],
    prefix: str,
    calls: list[LayerCall],
    training: bool | None = None,
) -> tuple[Any, ...]:
    """Append the graph's calls on `inputs` to `calls`, and return the graph's outputs."""
    # A nested model may be called twice: each call gets fresh tensors.
    tensors = {id(old): new for old, new in zip(graph.inputs, inputs, strict=True)}
    for label, node in labelled_nodes(graph):
        read = tuple(tensors[id(tensor)] for tensor in node.input_tensors)
        inner = functional_form(node.operation)
        nested = inner is not None and len(inner.inputs) == len(read)
        given = node.arguments.kwargs.get("training")
        # Keras hands what an outer model is called with to all inside, whatever they are given.
        here = bool(given) if training is None and given is not None else training
        if nested:
            outputs = _follow(inner, read, f"{prefix}{label}/", calls, here)
        elif all(a.shape == b.shape for a, b in zip(read, node.input_tensors, strict=True)):
            outputs = _fresh(node.outputs)
        else:
            args, kwargs = node.arguments.fill_in(tensors)
            spec = node.operation.compute_output_spec(*args, **kwargs)
            outputs = _fresh(keras.tree.flatten(spec))
        call = LayerCall(prefix + label, node.operation, read, outputs, nested, node, here)
        calls.append(call)
        tensors.update((id(old), new) for old, new in zip(node.outputs, outputs, strict=True))
    return tuple(tensors[id(tensor)] for tensor in graph.outputs)


def _fresh(tensors: Sequence[Any]) -> tuple[Any, ...]:
    return tuple(keras.KerasTensor(tensor.shape, tensor.dtype) for tensor in tensors)


def _overrides_call(cls: type) -> bool:
    """Say whether a functional model's class runs something else than its graph."""
    for ancestor in cls.__mro__:
        if keras.Function in ancestor.__bases__:
            return False
        if "call" in vars(ancestor):
            return True
    return False
