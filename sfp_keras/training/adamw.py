"""AdamW exactly as PyTorch does it, with parameter groups."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import keras
from keras import ops

from sfp_keras.training.grouped_optimizer import GroupedOptimizer
from sfp_keras.training.groups import ParameterGroup


@keras.saving.register_keras_serializable(package="sfp_keras")
class AdamW(GroupedOptimizer):
    """PyTorch's AdamW: Adam with weight decay that its gradients do not see.

    At step t, counted from 1, with gradient `g`, learning rate `lr` and weight decay `lambda`:

        w -= lr * lambda * w
        m = b1 * m + (1 - b1) * g;  v = b2 * v + (1 - b2) * g^2
        w -= lr * (m / (1 - b1^t)) / (sqrt(v / (1 - b2^t)) + epsilon)

    As in timm (PyTorch Image Models), variables with one axis, which are biases and the scales and
    offsets of normalization, have no weight decay; a positional embedding has, unless a group says
    otherwise. `keras.optimizers.AdamW` differs: it has no groups, decays every variable it is not
    told to leave, and adds epsilon before the bias of `v` is corrected.

    Args:
        learning_rate: `float`. Of variables in no group. Defaults to `0.001`.
        weight_decay: `float`, at least 0. Of variables in no group. Defaults to `0.01`.
        beta_1: `float`. Defaults to `0.9`.
        beta_2: `float`. Defaults to `0.999`.
        epsilon: `float`. Defaults to `1e-8`.
        groups: sequence of `ParameterGroup` or of dicts with `name`, `pattern`, `learning_rate`
            and `weight_decay`, of which the last two may be left out: they are the optimiser's
            then. The first whose pattern is found in `variable.path` counts. A pattern that
            matches nothing is an error.

    Raises:
        InputError: if `weight_decay` is out of range, two groups have one name, or a group has a
            momentum or an l2; at `build`, if a group's pattern matches no variable.

    Example:
        >>> optimizer = AdamW(6e-4, weight_decay=0.06)
    """

    group_attributes: ClassVar[tuple[str, ...]] = ("learning_rate", "weight_decay")

    def __init__(
        self,
        learning_rate: float = 0.001,
        weight_decay: float = 0.01,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
        groups: Sequence[ParameterGroup | Mapping[str, Any]] = (),
        name: str = "adamw",
        **kwargs: Any,
    ):
        decay = float(weight_decay)
        super().__init__(learning_rate, groups, name, {"weight_decay": decay}, **kwargs)
        # The name that Keras gives to a decay of its own would apply that one, too.
        self.decoupled_decay = decay
        self.beta_1, self.beta_2, self.epsilon = float(beta_1), float(beta_2), float(epsilon)

    def make_slots(self, variables: Sequence[keras.Variable]) -> None:
        """Make the means of the gradients and of their squares."""
        self._means = self.add_optimizer_variables(variables, "mean")
        self._squares = self.add_optimizer_variables(variables, "square")

    def update_step(self, gradient: Any, variable: keras.Variable, learning_rate: Any) -> None:
        """Apply PyTorch's rule to one variable."""
        index = self._get_variable_index(variable)
        group, learning_rate = self.of_variable(index, learning_rate)
        decay = self.decoupled_decay if group is None else group.weight_decay
        # In half precision 0.999 is 1, and epsilon 0.
        exact = keras.backend.result_type(variable.dtype, "float32")
        slots = self._means[index], self._squares[index]
        arguments = (gradient, variable, learning_rate, self.iterations + 1, *slots)
        gradient, value, rate, step, mean, square = (ops.cast(one, exact) for one in arguments)
        mean = mean + (gradient - mean) * (1 - self.beta_1)
        square = square + (ops.square(gradient) - square) * (1 - self.beta_2)
        for slot, now in zip(slots, (mean, square), strict=True):
            self.assign(slot, ops.cast(now, variable.dtype))
        unbiased = ops.sqrt(square / (1 - ops.power(self.beta_2, step)))
        change = mean / (1 - ops.power(self.beta_1, step)) / (unbiased + self.epsilon)
        if decay and len(variable.shape) > 1:
            change = change + value * decay
        self.assign_sub(variable, ops.cast(rate * change, variable.dtype))

    def get_config(self) -> dict[str, Any]:
        """The complete configuration; decay schedules belong to `fit`, not to the optimiser."""
        return {
            **super().get_config(),
            "weight_decay": self.decoupled_decay,
            "beta_1": self.beta_1,
            "beta_2": self.beta_2,
            "epsilon": self.epsilon,
        }
