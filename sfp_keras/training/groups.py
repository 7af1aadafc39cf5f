"""Parameter groups: variables with a learning rate, momentum, L2 and decay of their own."""

import dataclasses
import math
import re
from collections.abc import Mapping

from sfp_keras.errors import InputError, rename_arguments
from sfp_keras.models import parameter_groups
from sfp_keras.training.schedule import CONSTANT, StepDecay


@dataclasses.dataclass(frozen=True)
class ParameterGroup:
    """Hyperparameters of the variables whose Keras path matches a pattern.

    Attributes:
        name: what the group is called in messages and files.
        pattern: regular expression searched in `variable.path`.
        learning_rate: the papers' eta at epoch 0.
        momentum: the papers' mu.
        l2: the papers' alpha, PyTorch's `weight_decay`: coupled, on every variable.
        decay: the schedule of the learning rate.
    """

    name: str
    pattern: str
    learning_rate: float
    momentum: float = 0.0
    l2: float = 0.0
    decay: StepDecay = CONSTANT

    def __post_init__(self) -> None:
        for field, low, high in (
            ("learning_rate", 0.0, math.inf),
            ("momentum", 0.0, 1.0),
            ("l2", 0.0, math.inf),
        ):
            value = getattr(self, field)
            if not (low <= value < high):
                raise InputError(
                    f"`{field}`={value} of parameter group {self.name!r} must be at least {low:g}"
                    + (f" and below {high:g}" if high < math.inf else " and finite")
                )


_KEYS = {"lr": "learning_rate", "momentum": "momentum", "l2": "l2", "decay": "decay"}


def parse_group(
    text: str, default: ParameterGroup, names: Mapping[str, str] | None = None
) -> ParameterGroup:
    """Read a group such as `fc: lr=0.002 momentum=0.975 l2=0.0012 decay=0.65/20<=140,0.5/20`.

    Args:
        text: `str`. A name, a colon, then `key=value` separated by spaces; `lr=x0.1` is a tenth
            of the default's learning rate. The name is one of `names`, or a regular expression
            searched in the variables' Keras paths.
        default: `ParameterGroup`. Where keys that are not given come from.
        names: dict from short names to patterns. Defaults to those of the registered networks,
            such as `conv` and `fc`.

    Returns:
        The group.

    Raises:
        InputError: if the text cannot be read.
    """
    name, colon, rest = text.partition(":")
    name = name.strip()
    pattern = (parameter_groups() if names is None else names).get(name, name)
    try:
        if not colon or not name or not rest.strip():
            raise InputError("a name, a colon and at least one key=value are needed")
        re.compile(pattern)
        values = dict(_value(part, default) for part in rest.split())
        return dataclasses.replace(default, name=name, pattern=pattern, **values)  # type: ignore[arg-type]
    except (InputError, re.error) as error:
        # Names inside are keys of the group here, not arguments.
        problem = rename_arguments(str(error), {key: key for key in _KEYS.values()})
        if isinstance(error, re.error):
            problem = f"the pattern is not a regular expression ({error})"
        raise InputError(
            f"`group`={text!r}: {problem}; write it as "
            "'fc: lr=0.002 momentum=0.975 l2=0.0012 decay=0.65/20'"
        ) from None


def _value(part: str, default: ParameterGroup) -> tuple[str, object]:
    """The attribute that `key=value` stands for, and its value."""
    key, _, value = part.partition("=")
    if key not in _KEYS:
        raise InputError(f"{key!r} is not one of {', '.join(_KEYS)}")
    if key == "decay":
        return "decay", StepDecay.parse(value)
    try:
        if key == "lr" and value.startswith("x"):
            return "learning_rate", float(value[1:]) * default.learning_rate
        return _KEYS[key], float(value)
    except ValueError:
        raise InputError(f"{value!r} is not a number") from None
