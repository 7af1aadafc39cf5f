"""Which outputs of a network are its answer for the labels."""

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np

from sfp_keras.models.filter_axes import moves_axes
from sfp_keras.models.graph import call_graph
from sfp_keras.traits import inherited_traits

# Above which a single output means the second of two labels, by the activation it comes from.
_THRESHOLDS = {
    **dict.fromkeys(("sigmoid", "hard_sigmoid", "hardsigmoid"), 0.5),
    **dict.fromkeys(("linear", "tanh"), 0.0),
}
# Of which a label's share of the sum is its probability.
PROBABILITIES = ("softmax", "sigmoid", "hard_sigmoid", "hardsigmoid")


@dataclasses.dataclass(frozen=True)
class LabelOutputs:
    """The outputs of a network that choose a label.

    Attributes:
        index: place among the network's outputs.
        num_outputs: how many outputs the network has.
        name: name of the output.
        threshold: where a single number stands for two labels, above which it means label 1;
            `None` where each label has a number, of which the largest is chosen.
    """

    index: int
    num_outputs: int
    name: str
    threshold: float | None = None

    @property
    def of_which(self) -> str:
        """Which output they are, in words, where the network has others."""
        return f" of its output {self.name!r}" if self.num_outputs > 1 else ""

    def chosen(self, outputs: Sequence[np.ndarray]) -> np.ndarray:
        """The labels (n,) that the network's outputs, (n, ...) each, choose."""
        scores = outputs[self.index].reshape(len(outputs[self.index]), -1)
        return scores.argmax(-1) if self.threshold is None else scores[:, 0] > self.threshold


def label_outputs(model: keras.Model, num_labels: int) -> LabelOutputs | str:
    """Find the outputs that choose among labels: K numbers, or one for two labels.

    Args:
        model: a functional or sequential `keras.Model`.
        num_labels: `int`. K.

    Returns:
        `LabelOutputs` of the first output with K numbers, or why there are none, as the end of a
        sentence that begins with "its".
    """
    outputs = list(model.outputs)
    # A Sequential has no names of outputs: it has one.
    names = getattr(model, "output_names", [model.layers[-1].name])
    for index, output in enumerate(outputs):
        sizes = [size for size in output.shape[1:] if size != 1]
        if sizes == [num_labels]:
            return LabelOutputs(index, len(outputs), names[index])
    if len(outputs) > 1:
        shapes = " and ".join(str(tuple(output.shape[1:])) for output in outputs)
        return f"{len(outputs)} outputs have the shapes {shapes}, none of which is ({num_labels},)"
    shape = tuple(outputs[0].shape[1:])
    if num_labels == 2 and all(size == 1 for size in shape):
        activation = output_activation(model, 0)
        if activation in _THRESHOLDS:
            threshold = _THRESHOLDS[activation]
            return LabelOutputs(0, 1, names[0], threshold)
        return f"one output comes from {activation!r}: where it parts the 2 labels is not known"
    if shape[-1:] == (num_labels,):
        return f"outputs of shape {shape} are not one number for each of the {num_labels} labels"
    count = shape[-1] if shape else 1  # Such as the label itself.
    return f"{count} outputs are not the {num_labels} labels"


def label_probabilities(
    model: keras.Model, found: LabelOutputs
) -> Callable[[Sequence[np.ndarray]], np.ndarray]:
    """Find how a model's outputs become probabilities of the labels.

    Args:
        model: as `label_outputs` takes it.
        found: its `LabelOutputs`.

    Returns:
        A function of the outputs, (n, ...) each, giving float32 (n, K): what comes from a softmax
        as it is, of sigmoids each label's share of their sum, of all else the softmax. One number
        for two labels is the probability of the second, by its sigmoid where it is a logit.
    """
    activation = output_activation(model, found.index)

    def probabilities(outputs: Sequence[np.ndarray]) -> np.ndarray:
        scores = outputs[found.index].reshape(len(outputs[found.index]), -1).astype(np.float64)
        if found.threshold is not None:
            second = {"linear": lambda x: 0.5 + np.tanh(x / 2) / 2, "tanh": lambda x: (x + 1) / 2}
            scores = second.get(activation, np.asarray)(scores)
            return np.concatenate([1 - scores, scores], axis=1).astype(np.float32)
        if activation not in PROBABILITIES:
            scores = np.exp(scores - scores.max(axis=1, keepdims=True))
        total = scores.sum(axis=1, keepdims=True)
        # All sigmoids may be zero.
        scores = np.divide(
            scores, total, np.full_like(scores, 1 / scores.shape[1]), where=total > 0
        )
        return scores.astype(np.float32)

    return probabilities


def label_logits(model: keras.Model, found: LabelOutputs) -> keras.Model:
    """Find the logits of the labels: what their probabilities are the softmax of.

    Args:
        model: as `label_outputs` takes it.
        found: its `LabelOutputs`, with a number for each label.

    Returns:
        A `keras.Model` of the same layers whose output is (n, K): outputs as they are, and the
        logarithm of those from a softmax or a sigmoid.
    """
    # What is below is zero in float32.
    return keras.Model(model.inputs, logits_tensor(model, found, 1e-37))


def logits_tensor(model: keras.Model, found: LabelOutputs, smallest: float) -> keras.KerasTensor:
    """The logits of the labels (n, K), as `label_logits` has them, on a model's own tensors.

    Args:
        model: as `label_outputs` takes it.
        found: its `LabelOutputs`, with a number for each label.
        smallest: `float`. Smaller probabilities count as it.
    """
    outputs = list(model.outputs)[found.index]
    if output_activation(model, found.index) in PROBABILITIES:
        # Half precision cannot hold `smallest`: it would be 0.
        outputs = keras.ops.log(keras.ops.maximum(keras.ops.cast(outputs, "float32"), smallest))
    return outputs if len(outputs.shape) == 2 else keras.layers.Flatten("channels_last")(outputs)


def output_activation(model: keras.Model, place: int) -> str:
    """What an output of a model comes from, in lower case; `linear` for sums with a kernel."""
    graph = call_graph(model)
    made_by = {id(t): call for call in graph.calls if not call.nested for t in call.outputs}
    call = made_by.get(id(graph.outputs[place]))
    while call is not None:
        name = _function_name(call.operation)
        passed = name == "linear" and isinstance(call.operation, keras.layers.Activation)
        passed = passed or inherited_traits(call.operation).linear == "identity"
        if not (passed or moves_axes(call)):
            return name
        call = made_by.get(id(call.inputs[0]))
    return "the image"


def _function_name(operation: Any) -> str:
    """The name of an operation's activation, or of the operation, in lower case."""
    activation = getattr(operation, "activation", None)
    if isinstance(activation, keras.layers.Layer):
        return _function_name(activation)
    name = getattr(activation, "__name__", type(operation).__name__.lower())
    # TensorFlow's own functions are versioned.
    return name.removesuffix("_v2")
