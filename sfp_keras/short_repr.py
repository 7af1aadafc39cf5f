"""What a result with large arrays looks like where Python shows it: shapes in place of numbers."""

import dataclasses
from collections.abc import Mapping
from typing import Any


class ShortRepr:
    """A dataclass that shows the type and shape of its arrays, and the length of its lists."""

    def __repr__(self) -> str:
        shown = [
            f"{field.name}={_shown(getattr(self, field.name))}"
            for field in dataclasses.fields(self)  # type: ignore[arg-type]
            if field.repr
        ]
        return f"{type(self).__name__}({', '.join(shown)})"


def _shown(value: Any) -> str:
    if hasattr(value, "shape") and hasattr(value, "dtype"):
        return f"{value.dtype} {tuple(value.shape)}" if value.shape else repr(value.item())
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key!r}: {_shown(each)}" for key, each in value.items()) + "}"
    if isinstance(value, list | tuple) and len(value) > _MOST:
        return f"{type(value).__name__} of {len(value)}"
    return repr(value)


_MOST = 8
