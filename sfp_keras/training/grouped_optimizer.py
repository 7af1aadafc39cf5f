"""An optimiser whose parameter groups have learning rates of their own."""

import re
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import keras

from sfp_keras.errors import InputError
from sfp_keras.training.groups import ParameterGroup


class GroupedOptimizer(keras.optimizers.Optimizer):
    """Base of optimisers with parameter groups.

    A subclass makes its slots in `make_slots`, and asks `of_variable` in `update_step`.

    Args:
        learning_rate: `float`. Of variables in no group.
        groups: sequence of `ParameterGroup` or of dicts of its attributes, where those that are
            left out are the optimiser's own. The first whose pattern is found in `variable.path`
            counts. A pattern that matches nothing is an error.
        name: `str`.
        own: dict of the other attributes of variables in no group.
        **kwargs: the other arguments of `keras.optimizers.Optimizer`.

    Raises:
        InputError: if a number is out of range, two groups have one name, or a group has an
            attribute that the optimiser does not read; at `build`, if a group's pattern matches no
            variable.
    """

    # The attributes of a group that its update reads, in the order of the configuration.
    group_attributes: ClassVar[tuple[str, ...]] = ()

    def __init__(
        self,
        learning_rate: float,
        groups: Sequence[ParameterGroup | Mapping[str, Any]],
        name: str,
        own: Mapping[str, Any],
        **kwargs: Any,
    ):
        super().__init__(learning_rate=learning_rate, name=name, **kwargs)
        ParameterGroup(name, ".", 0.0, **own)  # Checks them.
        if isinstance(learning_rate, int | float):
            own = {"learning_rate": float(learning_rate), **own}
        elif any(isinstance(group, Mapping) and "learning_rate" not in group for group in groups):
            raise InputError(
                "`groups`: give each a learning_rate where that of the optimizer is a schedule"
            )
        self.groups = tuple(
            group if isinstance(group, ParameterGroup) else ParameterGroup(**{**own, **group})
            for group in groups
        )
        for group in self.groups:
            for attribute in ("momentum", "l2", "weight_decay"):
                if getattr(group, attribute) and attribute not in self.group_attributes:
                    raise InputError(
                        f"`{attribute}` of parameter group {group.name!r}: {type(self).__name__} "
                        f"has none, of a group it reads {', '.join(self.group_attributes)}"
                    )
        names = [group.name for group in self.groups]
        if len(set(names)) < len(names):
            twice = next(name for name in names if names.count(name) > 1)
            raise InputError(f"`groups`: two have the name {twice!r}; give each its own")

    def make_slots(self, variables: Sequence[keras.Variable]) -> None:
        """Make what the update keeps of each variable."""
        raise NotImplementedError

    def build(self, variables: Sequence[keras.Variable]) -> None:
        """Make the slots of each variable, and one learning rate a group."""
        if self.built:
            return
        self._group_of = [self._find_group(variable.path) for variable in variables]
        for index, group in enumerate(self.groups):
            if index not in self._group_of:
                paths = ", ".join(variable.path for variable in variables[:4])
                like = f"; paths look like {paths}" if paths else ": none is trained"
                raise InputError(
                    f"`groups`: the pattern {group.pattern!r} of {group.name!r} matches no "
                    f"variable{like}"
                )
        super().build(variables)
        self.make_slots(variables)
        self._group_rates = [
            self.add_variable(
                (), initializer=keras.initializers.Constant(group.learning_rate), name=f"lr_{i}"
            )
            for i, group in enumerate(self.groups)
        ]

    def _find_group(self, path: str) -> int | None:
        for index, group in enumerate(self.groups):
            if re.search(group.pattern, path):
                return index
        return None

    def of_variable(self, index: int, learning_rate: Any) -> tuple[ParameterGroup | None, Any]:
        """The group of the variable at `index`, if any, and its learning rate.

        Args:
            index: `int`, among the variables of `build`.
            learning_rate: that of variables in no group.
        """
        group = self._group_of[index]
        if group is None:
            return None, learning_rate
        return self.groups[group], self._group_rates[group]

    def set_learning_rates(self, default: float, groups: Mapping[str, float]) -> None:
        """Assign the learning rates of the next steps.

        Args:
            default: `float`. Of variables in no group.
            groups: dict from group name to `float`.
        """
        self.learning_rate = default
        for group, rate in zip(self.groups, self._group_rates, strict=True):
            rate.assign(groups[group.name])

    def _all_reduce_sum_gradients(self, grads_and_vars: Any) -> Any:
        """Leave one device's gradients as they are.

        TensorFlow's reduction registers a gradient of its own, for good, and with it the graph of
        the training step, its model and its data: memory that no training would give back.
        """
        import tensorflow as tf

        replica = tf.distribute.get_replica_context()
        if replica is not None and replica.num_replicas_in_sync == 1:
            return grads_and_vars
        return super()._all_reduce_sum_gradients(grads_and_vars)

    def get_config(self) -> dict[str, Any]:
        """The complete configuration; decay schedules belong to `fit`, not to the optimiser."""
        groups = [
            {key: getattr(group, key) for key in ("name", "pattern", *self.group_attributes)}
            for group in self.groups
        ]
        return {**super().get_config(), "groups": groups}
