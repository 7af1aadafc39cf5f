"""Stochastic gradient descent exactly as PyTorch does it, with parameter groups."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import keras
from keras import ops

from sfp_keras.errors import InputError
from sfp_keras.training.grouped_optimizer import GroupedOptimizer
from sfp_keras.training.groups import ParameterGroup


@keras.saving.register_keras_serializable(package="sfp_keras")
class SGD(GroupedOptimizer):
    """PyTorch's SGD: Nesterov momentum with coupled L2 on every trainable variable.

    With gradient `g`, learning rate `lr`, momentum `mu` and L2 `alpha`:

        g += alpha * w;  buf = mu * buf + g;  w -= lr * (g + mu * buf)

    `keras.optimizers.SGD` differs: it stores the learning rate inside its velocity, so that a
    drop of the learning rate acts only after about 1/(1 - mu) further steps, and its
    `weight_decay` is decoupled. Biases and batch-norm scales and offsets are regularised too.

    Args:
        learning_rate: `float`. Of variables in no group. Defaults to `0.01`.
        momentum: `float` in [0, 1). Defaults to `0.0`.
        l2: `float`, at least 0. The papers' alpha, PyTorch's `weight_decay`. Defaults to `0.0`.
        nesterov: `bool`. Without it, `w -= lr * buf`. Defaults to `True`.
        groups: sequence of `ParameterGroup` or of dicts with `name`, `pattern`, `learning_rate`,
            `momentum`, `l2`, of which the last three may be left out: they are the optimiser's
            then. The first whose pattern is found in `variable.path` counts. A pattern that
            matches nothing is an error.

    Raises:
        InputError: if `momentum` or `l2` is out of range, `weight_decay` is given, two groups have
            one name, or a group has a weight decay; at `build`, if a group's pattern matches no
            variable.

    Example:
        >>> optimizer = SGD(0.0145, momentum=0.97, l2=1e-3,
        ...                 groups=[ParameterGroup("fc", "(^|/)output/", 0.002, 0.975, 1.2e-3)])
    """

    group_attributes: ClassVar[tuple[str, ...]] = ("learning_rate", "momentum", "l2")

    def __init__(
        self,
        learning_rate: float = 0.01,
        momentum: float = 0.0,
        l2: float = 0.0,
        nesterov: bool = True,
        groups: Sequence[ParameterGroup | Mapping[str, Any]] = (),
        name: str = "sgd",
        **kwargs: Any,
    ):
        if kwargs.get("weight_decay"):
            raise InputError("`weight_decay` of SGD would be Keras' decoupled one: give `l2`")
        own = {"momentum": float(momentum), "l2": float(l2)}
        super().__init__(learning_rate, groups, name, own, **kwargs)
        self.momentum, self.l2 = own["momentum"], own["l2"]
        self.nesterov = nesterov

    def make_slots(self, variables: Sequence[keras.Variable]) -> None:
        """Make one momentum buffer a variable."""
        self._buffers = self.add_optimizer_variables(variables, "momentum")

    def update_step(self, gradient: Any, variable: keras.Variable, learning_rate: Any) -> None:
        """Apply PyTorch's rule to one variable."""
        index = self._get_variable_index(variable)
        group, learning_rate = self.of_variable(index, learning_rate)
        momentum, l2 = (self.momentum, self.l2) if group is None else (group.momentum, group.l2)
        rate = ops.cast(learning_rate, variable.dtype)
        gradient = ops.cast(gradient, variable.dtype)
        if l2:
            gradient = ops.add(gradient, ops.multiply(variable, l2))
        if momentum:
            buffer = self._buffers[index]
            moved = ops.add(ops.multiply(buffer, momentum), gradient)
            self.assign(buffer, moved)
            gradient = ops.add(gradient, ops.multiply(moved, momentum)) if self.nesterov else moved
        self.assign_sub(variable, ops.multiply(rate, gradient))

    def get_config(self) -> dict[str, Any]:
        """The complete configuration; decay schedules belong to `fit`, not to the optimiser."""
        return {
            **super().get_config(),
            "momentum": self.momentum,
            "l2": self.l2,
            "nesterov": self.nesterov,
        }
