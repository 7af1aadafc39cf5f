"""What functions of fields and clusters are given, by its kind."""

from collections.abc import Mapping
from typing import Any

from sfp_keras.errors import InputError


def check_kind(argument: str, value: Any, kind: type, maker: str) -> None:
    """Refuse what is of another kind, such as the fields where clusters are needed.

    Args:
        argument: `str`. What the value was given as.
        value: what is looked at.
        kind: the class it must be of.
        maker: `str`. The expression that makes such values.

    Raises:
        InputError: naming the argument, the kind and its maker.
    """
    if not isinstance(value, kind):
        what = (
            "those of all stages: name one" if isinstance(value, Mapping) else type(value).__name__
        )
        raise InputError(f"`{argument}` must be {kind.__name__}, such as {maker}, received {what}")
