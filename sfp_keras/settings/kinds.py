"""Values that Python gives for a setting, as what the setting is."""

import numbers
from typing import Any

from sfp_keras.errors import InputError

_KINDS: dict[Any, tuple[type, str]] = {
    bool: (bool, "True or False"),
    int: (numbers.Integral, "a whole number"),
    float: (numbers.Real, "a number"),
    str: (str, "a text"),
}


def of_kind(name: str, kind: Any, value: Any) -> Any:
    """A value as a `bool`, `int`, `float` or `str`; numbers may be NumPy's.

    Args:
        name: `str`. The setting as its user knows it.
        kind: one of these types.
        value: what was given.

    Raises:
        InputError: if it is of another type; nothing is rounded, and texts are not read.
    """
    one, words = _KINDS[kind]
    if not isinstance(value, one) or (isinstance(value, bool) and kind is not bool):
        raise InputError(f"`{name}` must be {words}, received {value!r}")
    return kind(value)
