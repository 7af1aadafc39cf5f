"""Stochastic gradient descent exactly as PyTorch does it, with parameter groups."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import keras
from keras import ops

from sfp_keras.errors import InputError
from sfp_keras.training.groups import ParameterGroup


@keras.saving.register_keras_serializable(package="sfp_keras")
class SGD(keras.optimizers.Optimizer):
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
        groups: sequence of `ParameterGroup` or of dicts with `name`, `pattern`,
            `learning_rate`, `momentum`, `l2`. The first whose pattern is found in
            `variable.path` counts. A pattern that matches nothing is an error.

    Raises:
        InputError: if `momentum` or `l2` is out of range, or two groups have one name; at
            `build`, if a group's pattern matches no variable.

    Example:
        >>> optimizer = SGD(0.0145, momentum=0.97, l2=1e-3,
        ...                 groups=[ParameterGroup("fc", "(^|/)output/", 0.002, 0.975, 1.2e-3)])
    """

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
        super().__init__(learning_rate=learning_rate, name=name, **kwargs)
        self.momentum = float(momentum)
        self.l2 = float(l2)
        ParameterGroup(name, ".", 0.0, self.momentum, self.l2)  # Checks them.
        self.nesterov = nesterov
        self.groups = tuple(
            group if isinstance(group, ParameterGroup) else ParameterGroup(**group)
            for group in groups
        )
        names = [group.name for group in self.groups]
        if len(set(names)) < len(names):
            twice = next(name for name in names if names.count(name) > 1)
            raise InputError(f"`groups`: two have the name {twice!r}; give each its own")

    def build(self, variables: Sequence[keras.Variable]) -> None:
        """Make one momentum buffer a variable and one learning rate a group."""
        if self.built:
            return
        super().build(variables)
        self._buffers = self.add_optimizer_variables(variables, "momentum")
        self._group_rates = [
            self.add_variable((), initializer=_constant(group.learning_rate), name=f"lr_{i}")
            for i, group in enumerate(self.groups)
        ]
        self._group_of = [self._find_group(variable.path) for variable in variables]
        for index, group in enumerate(self.groups):
            if index not in self._group_of:
                some = ", ".join(variable.path for variable in variables[:4])
                raise InputError(
                    f"`groups`: the pattern {group.pattern!r} of {group.name!r} matches no "
                    f"variable; paths look like {some}"
                )

    def _find_group(self, path: str) -> int | None:
        for index, group in enumerate(self.groups):
            if re.search(group.pattern, path):
                return index
        return None

    def update_step(self, gradient: Any, variable: keras.Variable, learning_rate: Any) -> None:
        """Apply PyTorch's rule to one variable."""
        index = self._get_variable_index(variable)
        group_index = self._group_of[index]
        momentum, l2 = self.momentum, self.l2
        if group_index is not None:
            momentum, l2 = self.groups[group_index].momentum, self.groups[group_index].l2
            learning_rate = self._group_rates[group_index]
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

    def set_learning_rates(self, default: float, groups: Mapping[str, float]) -> None:
        """Assign the learning rates of the next steps.

        Args:
            default: `float`. Of variables in no group.
            groups: dict from group name to `float`.
        """
        self.learning_rate = default
        for group, rate in zip(self.groups, self._group_rates, strict=True):
            rate.assign(groups[group.name])

    def get_config(self) -> dict[str, Any]:
        """The complete configuration; decay schedules belong to `fit`, not to the optimiser."""
        groups = [
            {
                key: getattr(group, key)
                for key in ("name", "pattern", "learning_rate", "momentum", "l2")
            }
            for group in self.groups
        ]
        return {
            **super().get_config(),
            "momentum": self.momentum,
            "l2": self.l2,
            "nesterov": self.nesterov,
            "groups": groups,
        }


def _constant(value: float) -> keras.initializers.Initializer:
    return keras.initializers.Constant(value)
