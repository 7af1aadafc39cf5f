"""A network's own head as one linear map: what stands between a stage and the outputs."""

import dataclasses
from typing import Any

import keras
import numpy as np
from keras import layers, ops

from sfp_keras.errors import InputError, arguments_called
from sfp_keras.models.filter_axes import filter_axes, moves_axes, source_elements
from sfp_keras.models.graph import CallGraph, LayerCall, call_graph, runs_as_in_training
from sfp_keras.monitoring.effective_kernel import dense_inside, effective_kernel
from sfp_keras.probing import cut_stages, resolve_stages
from sfp_keras.traits import inherited_traits


@dataclasses.dataclass(frozen=True, eq=False)
class LinearHead:
    """A stage and the linear layers from it to the network's outputs.

    Attributes:
        stage: name of the stage.
        depth: place of the stage's layer in the network, from the input side.
        axes: order of the features' axes that puts their filters last, as of `Stage`.
        cut: model that puts out the stage's features, behind the pooling that may follow it.
        layers: the linear layer calls behind the features, input side first.
        kind: `str`. What the stage's filters are: `filter` of a map, `node`, `branch`.
        heads: `int` or `None`. Attention heads whose nodes they are, one head behind another.
    """

    stage: str
    depth: int
    axes: tuple[int, ...]
    cut: keras.Model
    layers: tuple[LayerCall, ...]
    kind: str = "filter"
    heads: int | None = None

    @property
    def biases_left_out(self) -> bool:
        """Whether a layer adds a bias or an offset, which belongs to no filter."""
        return any(
            isinstance(call.operation, layers.BatchNormalization)
            or getattr(dense_inside(call.operation), "bias", None) is not None
            for call in self.layers
        )

    def kernel(self) -> np.ndarray:
        """The layers' present weights folded into one kernel, (P, F, K) float32."""
        kernel = np.eye(int(self.layers[-1].outputs[0].shape[-1]))
        for call in reversed(self.layers):
            operation = call.operation
            shape = tuple(int(n) for n in call.inputs[0].shape[1:])
            if _is_dense(call):
                kernel = effective_kernel(operation, call.inputs[0]) @ kernel
            elif isinstance(operation, layers.BatchNormalization):
                kernel = _scale(operation)[:, None] * kernel
            elif moves_axes(call):
                kernel = _unmoved(call, kernel.reshape(-1, kernel.shape[-1])).reshape(*shape, -1)
            elif _averages(operation) == "all":
                positions = int(np.prod(shape[:-1], dtype=int))
                row = kernel.reshape(1, shape[-1], -1) / positions
                kernel = np.repeat(row, positions, axis=0).reshape(*shape, -1)
            elif _averages(operation) == "window":
                kernel = _unpooled(operation, shape, kernel)
        filters = int(self.cut.outputs[0].shape[-1])
        labels = kernel.shape[-1]
        if self.axes:
            kernel = kernel.transpose(*(axis - 1 for axis in self.axes), -1)
        return np.ascontiguousarray(kernel.reshape(-1, filters, labels), np.float32)


def linear_head(model: keras.Model, stage: str | None = None, *, pooled: bool = True) -> LinearHead:
    """Find the linear layers through which a network classifies.

    Flatten, what moves axes, average pooling, Dropout, Dense layers without activation (the weights
    they use, not those they store) and batch normalization at inference are linear, biases and
    offsets apart; a final softmax is ignored. Pooling that
    directly follows the stage is taken as part of it: the field matrices are the same, the
    features smaller.

    Without a name the stage is the last layer whose output has positions (convolution, activation,
    normalization, pooling, also global max pooling) and that is not linear itself, reached from
    the outputs through linear layers alone. A network without a layer with positions and a kernel
    (dense layers alone) gives the last layer that is not linear: its nodes are the filters.

    Args:
        model: a functional or sequential `keras.Model` with one image as input and one output.
        stage: name of a layer. Defaults to `None`: found as above.
        pooled: `bool`. Whether pooling that directly follows is part of the stage. Defaults to
            `True`.

    Returns:
        A `LinearHead`.

    Raises:
        InputError: if no Dense layer ends the network, or a layer between the stage (or the last
            layer with positions) and the outputs is not linear.
    """
    graph = call_graph(model)
    if len(graph.outputs) != 1:
        raise InputError(f"model {model.name!r} has {len(graph.outputs)} outputs; it needs one")
    start = _call_of(graph, model, stage) if stage is not None else None
    chain = _chain(graph, model, stage, start)
    source = start or _producer(graph, chain[0].inputs[0])
    if source is None:
        raise InputError(
            f"model {model.name!r} is linear from its input on: it has no stage to measure"
        )
    # Positions and filters of a flattened map cannot be separated: flattening stays in the head,
    # with all that moves filters from the last axis.
    axes, count = filter_axes(graph), 0
    while (
        pooled
        and count < len(chain)
        and _is_of_stage(chain[count].operation)
        and id(chain[count].outputs[0]) not in axes.orders
    ):
        count += 1
    features = chain[count - 1] if count else source
    (feature_stage,) = resolve_stages(model, [features.path])
    return LinearHead(
        stage or source.path.replace("/", "."),
        graph.calls.index(source),
        feature_stage.axes,
        cut_stages(model, [feature_stage]),
        tuple(chain[count:]),
        feature_stage.kind,
        feature_stage.heads,
    )


def _chain(
    graph: CallGraph, model: keras.Model, stage: str | None, start: LayerCall | None
) -> list[LayerCall]:
    """The linear calls from the stage to the outputs, input side first."""
    chain: list[LayerCall] = []
    call = _producer(graph, graph.outputs[0])
    while call is not None and call is not start:
        dense = any(_is_dense(c) for c in chain)
        problem = _problem(call, at_end=not dense)
        may_end = start is None and dense and (problem or _spatial_norm(call))
        if may_end and (_has_positions(call) or not _convolutional(graph)):
            break
        if problem:
            if runs_as_in_training(call):
                raise InputError(
                    f"model {model.name!r} has the layer {call.path!r} in its head, which "
                    f"{problem}, so that its outputs depend on chance or on the other images of a "
                    "batch: build the network without that argument"
                )
            where = f"between stage {stage!r} and the outputs" if stage else "in its head"
            mend = (
                f"take its outputs as filters (`stage`={call.path!r})"
                if dense
                else "end the network in a Dense layer without activation, or with softmax"
            )
            raise InputError(
                f"model {model.name!r} has the layer {call.path!r} {where}, which {problem}: "
                f"filters can only be measured through a linear head; {mend}, or train heads of "
                "its stages (`train_heads`)"
            )
        if not _softmax_only(call):
            chain.append(call)
        call = _producer(graph, call.inputs[0])
    if start is not None and call is None:
        raise InputError(f"`stage`={stage!r} does not lead to the outputs of model {model.name!r}")
    if not any(_is_dense(c) for c in chain):
        raise InputError(
            f"`stage`={stage!r} of model {model.name!r} is followed by no Dense layer: name an "
            "earlier one"
        )
    return chain[::-1]


def _problem(call: LayerCall, at_end: bool) -> str | None:
    """What keeps a call from being part of a linear head, or `None`."""
    operation = call.operation
    if len(call.inputs) != 1:
        return f"joins {len(call.inputs)} tensors"
    if runs_as_in_training(call):
        return "is called with training=True"
    if moves_axes(call):
        return None
    if _is_dense(call):
        name = _activation(dense_inside(operation))
        if name == "linear" or (at_end and name == "softmax"):
            return None
        return f"has the activation {name}"
    if isinstance(operation, layers.Activation):
        name = _activation(operation)
        return None if name == "linear" or (at_end and name == "softmax") else f"is {name}"
    if isinstance(operation, layers.Softmax):
        return None if at_end else "is softmax"
    if not type(operation).call.__module__.startswith("keras."):
        return f"is a {type(operation).__name__}"  # What a subclass computes is not known.
    if inherited_traits(operation).linear in ("identity", "averaged"):
        return None
    if isinstance(operation, layers.BatchNormalization):
        rank = len(call.inputs[0].shape)
        return None if operation.axis in (-1, rank - 1) else "normalizes another axis than filters"
    return f"is a {type(operation).__name__}"


def _averages(operation: Any) -> str | None:
    """The positions that average pooling averages over, all or those of a window."""
    traits = inherited_traits(operation)
    return traits.positions if traits.linear == "averaged" else None


def _is_of_stage(operation: Any) -> bool:
    """Whether a linear layer right behind a stage is taken as part of it."""
    linear = inherited_traits(operation).linear
    return linear in ("identity", "averaged") or isinstance(operation, layers.Activation)


def _has_positions(call: LayerCall) -> bool:
    """Whether a call's filters are those of a map: it has positions, or pools over all of them."""
    traits = inherited_traits(call.operation)
    return len(call.outputs[0].shape) > 2 or (traits.positions == "all" and not traits.linear)


def _spatial_norm(call: LayerCall) -> bool:
    # Beside a convolution it is part of the stage rather than of the head.
    return isinstance(call.operation, layers.BatchNormalization) and _has_positions(call)


def _convolutional(graph: CallGraph) -> bool:
    """Whether any layer with a kernel puts out positions; preprocessing has no kernel."""
    return any(
        _has_positions(call)
        and any(len(w.shape) > 1 for w in getattr(call.operation, "weights", ()))
        for call in graph.calls
    )


def _scale(layer: layers.BatchNormalization) -> np.ndarray:
    """(F,) float64, what batch normalization multiplies filters by at inference."""
    variance = ops.convert_to_numpy(layer.moving_variance).astype(np.float64)
    gamma = 1.0 if layer.gamma is None else ops.convert_to_numpy(layer.gamma).astype(np.float64)
    return gamma / np.sqrt(variance + layer.epsilon)


def _softmax_only(call: LayerCall) -> bool:
    operation = call.operation
    if isinstance(operation, layers.Softmax):
        return True
    return isinstance(operation, layers.Activation) and _activation(operation) == "softmax"


def _is_dense(call: LayerCall) -> bool:
    return dense_inside(call.operation) is not None


def _activation(layer: Any) -> str:
    return getattr(layer.activation, "__name__", type(layer.activation).__name__)


def _producer(graph: CallGraph, tensor: Any) -> LayerCall | None:
    """The call that puts a tensor out; inside nested models the innermost, listed first."""
    for call in graph.calls:
        if any(output is tensor for output in call.outputs):
            return call
    return None


def _call_of(graph: CallGraph, model: keras.Model, stage: str) -> LayerCall:
    with arguments_called(stages="stage"):
        (found,) = resolve_stages(model, [stage])
    call = next(call for call in graph.calls if call.path == found.path)
    # A nested model's output is that of its last layer.
    return _producer(graph, call.outputs[0]) or call


def _unmoved(call: LayerCall, kernel: np.ndarray) -> np.ndarray:
    """The (inputs, K) kernel before a call that moves numbers, of the (outputs, K) one behind."""
    found = np.zeros((int(np.prod(call.inputs[0].shape[1:])), kernel.shape[-1]))
    found[source_elements(call)] = kernel
    return found


def _unpooled(operation: Any, shape: tuple[int, ...], kernel: np.ndarray) -> np.ndarray:
    """The kernel before an average pooling of any windows: pooling's transpose."""
    positions = int(np.prod(shape[:-1], dtype=int))
    basis = np.eye(positions, dtype=np.float32).reshape(positions, *shape[:-1], 1)
    # Pooling treats channels alike: one channel with a one at each position is enough.
    config = {**operation.get_config(), "data_format": "channels_last", "dtype": "float32"}
    pooling = type(operation).from_config(config)
    matrix = ops.convert_to_numpy(pooling(basis)).reshape(positions, -1).astype(np.float64)
    pooled = kernel.reshape(matrix.shape[1], -1)
    return (matrix @ pooled).reshape(*shape, -1)
