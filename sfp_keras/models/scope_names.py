"""Names that TensorFlow takes for scopes and nodes: Keras makes them of the names of layers."""

import re

# Of TensorFlow's node names. A scope within another may begin with any of the characters.
_REST = r"[\w.-]*(?:>[A-Za-z0-9.][\w.-]*)*"
_INNER = re.compile(rf"[\w.-]{_REST}", re.ASCII)
_OUTERMOST = re.compile(rf"[A-Za-z0-9.]{_REST}", re.ASCII)


def is_scope_name(name: str, *, outermost: bool = False) -> bool:
    """Whether TensorFlow runs a layer, metric or model of a name.

    Args:
        name: `str`.
        outermost: `bool`. Whether it is of the model that is run, in whose scope all others are.
    """
    return bool((_OUTERMOST if outermost else _INNER).fullmatch(name))


def as_scope_name(name: str) -> str:
    """A name like another one that TensorFlow takes."""
    return re.sub(r"[^\w.-]+", "_", name, flags=re.ASCII).strip("_-") or "layer"
