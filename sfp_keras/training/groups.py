"""Parameter groups: variables with a learning rate, momentum, L2 and decay of their own."""

import dataclasses
import math
import re

from sfp_keras.errors import InputError
from sfp_keras.training.schedule import CONSTANT, StepDecay

# Keras paths of the project's own networks; anchored, since Sequential prepends its name.
ALIASES = {
    "conv": r"(^|/)(layer|stage)\d+_",
    "fc": r"(^|/)(fc\d+|output)/",
}


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
                    f"{field} of parameter group {self.name!r} is {value}: it must be at least "
                    f"{low:g}" + (f" and below {high:g}" if high < math.inf else " and finite")
                )


_KEYS = {"lr": "learning_rate", "momentum": "momentum", "l2": "l2", "decay": "decay"}


def parse_group(text: str, default: ParameterGroup) -> ParameterGroup:
    """Read a group such as `fc: lr=0.002 momentum=0.975 l2=0.0012 decay=0.65/20<=140,0.5/20`.

    Args:
        text: `str`. A name, a colon, then `key=value` separated by spaces; `lr=x0.1` is a tenth
            of the default's learning rate. The name is `conv`
            or `fc` (of the project's own networks), a stage of a head, or a regular expression
            searched in the variables' Keras paths.
        default: `ParameterGroup`. Where keys that are not given come from.

    Returns:
        The group.

    Raises:
        InputError: if the text does not read so.
    """
    name, colon, rest = text.partition(":")
    name = name.strip()
    problem = None
    values: dict[str, object] = {}
    if not colon or not name or not rest.strip():
        problem = "a name, a colon and at least one key=value are needed"
    for part in rest.split():
        key, _, value = part.partition("=")
        if key not in _KEYS:
            problem = f"{key!r} is not one of {', '.join(_KEYS)}"
            break
        try:
            if key == "decay":
                values["decay"] = StepDecay.parse(value)
            elif key == "lr" and value.startswith("x"):
                values["learning_rate"] = float(value[1:]) * default.learning_rate
            else:
                values[_KEYS[key]] = float(value)
        except InputError:
            raise
        except ValueError:
            problem = f"{value!r} is not a number"
            break
    pattern = ALIASES.get(name, name)
    try:
        re.compile(pattern)
    except re.error as error:
        problem = f"the pattern is not a regular expression ({error})"
    if problem:
        raise InputError(
            f"parameter group {text!r}: {problem}; write it as "
            "'fc: lr=0.002 momentum=0.975 l2=0.0012 decay=0.65/20'"
        )
    return dataclasses.replace(default, name=name, pattern=pattern, **values)  # type: ignore[arg-type]
