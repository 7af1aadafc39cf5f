"""Parameter groups: variables with a learning rate and other hyperparameters of their own."""

import dataclasses
import math
import re
from collections.abc import Mapping, Sequence

from sfp_keras.errors import InputError, rename_arguments
from sfp_keras.models import parameter_groups
from sfp_keras.training.cosine import CosineDecay
from sfp_keras.training.decay import Decay, parse_decay
from sfp_keras.training.schedule import CONSTANT


@dataclasses.dataclass(frozen=True)
class ParameterGroup:
    """Hyperparameters of the variables whose Keras path matches a pattern.

    Attributes:
        name: what the group is called in messages and files.
        pattern: regular expression searched in `variable.path`.
        learning_rate: the papers' eta at epoch 0.
        momentum: the papers' mu, of `SGD`.
        l2: the papers' alpha, PyTorch's `weight_decay`: coupled, on every variable, of `SGD`.
        decay: the schedule of the learning rate.
        weight_decay: of `AdamW`, decoupled; not on variables with one axis.
    """

    name: str
    pattern: str
    learning_rate: float
    momentum: float = 0.0
    l2: float = 0.0
    decay: Decay = CONSTANT
    weight_decay: float = 0.0

    def __post_init__(self) -> None:
        for field, low, high in (
            ("learning_rate", 0.0, math.inf),
            ("momentum", 0.0, 1.0),
            ("l2", 0.0, math.inf),
            ("weight_decay", 0.0, math.inf),
        ):
            value = getattr(self, field)
            if not (low <= value < high):
                raise InputError(
                    f"`{field}`={value} of parameter group {self.name!r} must be at least {low:g}"
                    + (f" and below {high:g}" if high < math.inf else " and finite")
                )


_KEYS = {"lr": "learning_rate"} | {
    name: name for name in ("momentum", "l2", "weight_decay", "decay")
}
# The keys that an optimiser knows, and an example.
_OF_OPTIMIZER = {
    "sgd": (
        ("lr", "momentum", "l2", "decay"),
        "fc: lr=0.002 momentum=0.975 l2=0.0012 decay=0.65/20",
    ),
    "adamw": (("lr", "weight_decay", "decay"), "fc: lr=0.0006 weight_decay=0"),
}


def parse_group(
    text: str,
    default: ParameterGroup,
    names: Mapping[str, str] | None = None,
    optimizer: str = "sgd",
    cosine: CosineDecay | None = None,
) -> ParameterGroup:
    """Read a group such as `fc: lr=0.002 momentum=0.975 l2=0.0012 decay=0.65/20<=140,0.5/20`.

    Args:
        text: `str`. A name, a colon, then `key=value` separated by spaces; `lr=x0.1` is a tenth
            of the default's learning rate. The name is one of `names`, or a regular expression
            searched in the variables' Keras paths.
        default: `ParameterGroup`. Where keys that are not given come from.
        names: dict from short names to patterns. Defaults to those of the registered networks,
            such as `conv` and `fc`.
        optimizer: `str`. `sgd`, or `adamw` for the keys lr, weight_decay and decay.
        cosine: `CosineDecay`. What `decay=cosine` stands for. Default: the default's decay if it
            is one, else down to 0.

    Returns:
        The group.

    Raises:
        InputError: if the text cannot be read.
    """
    # A pattern may have colons, as in (?:a|b); no value has one.
    name, colon, rest = text.rpartition(":")
    name = name.strip()
    keys, example = _OF_OPTIMIZER[optimizer]
    pattern = (parameter_groups() if names is None else names).get(name, name)
    if cosine is None and isinstance(default.decay, CosineDecay):
        cosine = default.decay
    try:
        if not colon or not name or not rest.strip():
            raise InputError("a name, a colon and at least one key=value are needed")
        re.compile(pattern)
        values = dict(_value(part, default, keys, cosine) for part in rest.split())
        known = {_KEYS[key]: getattr(default, _KEYS[key]) for key in keys}
        return ParameterGroup(name, pattern, **{**known, **values})
    except (InputError, re.error) as error:
        # Names inside are keys of the group here, not arguments.
        problem = rename_arguments(str(error), {key: key for key in _KEYS.values()})
        if isinstance(error, re.error):
            problem = f"the pattern is not a regular expression ({error})"
        raise InputError(f"`group`={text!r}: {problem}; write it as {example!r}") from None


def _value(
    part: str, default: ParameterGroup, keys: Sequence[str], cosine: CosineDecay | None
) -> tuple[str, object]:
    """The attribute that `key=value` stands for, and its value."""
    key, _, value = part.partition("=")
    if key not in keys:
        raise InputError(f"{key!r} is not one of {', '.join(keys)}")
    if key == "decay":
        return "decay", parse_decay(value, cosine)
    try:
        if key == "lr" and value.startswith("x"):
            return "learning_rate", float(value[1:]) * default.learning_rate
        return _KEYS[key], float(value)
    except ValueError:
        raise InputError(f"{value!r} is not a number") from None
