"""How one setting is declared: its default, help, bounds, and the phases its result belongs to."""

import dataclasses
import math
from collections.abc import Callable, Iterator
from typing import Any

from sfp_keras.errors import InputError


@dataclasses.dataclass(frozen=True)
class Setting:
    """What is known of a setting beside its name, type and default.

    Attributes:
        help: `str`. What it does, for `--helpfull`.
        phases: the phases whose results depend on it: train, heads, afcc. None for what only says
            where or how fast something runs, or what is shown.
        low: the least number allowed.
        high: the largest number allowed.
        below: a bound that numbers must stay below.
        choices: the texts allowed; none for any.
        read: makes a value of the flag's text (of one element, where the setting is a tuple).
        repeated: whether the flag is given several times instead of one list with commas.
        flag: `str`. The flag's name where it is not the setting's.
    """

    help: str
    phases: tuple[str, ...] = ()
    low: float | None = None
    high: float | None = None
    below: float | None = None
    choices: tuple[str, ...] = ()
    read: Callable[[str], Any] = str
    repeated: bool = False
    flag: str | None = None

    def check(self, name: str, value: Any) -> None:
        """Refuse a value, or an element of a tuple, that is out of bounds.

        Args:
            name: `str`. The setting as its user knows it.
            value: `None` is never refused.

        Raises:
            InputError: naming the setting and what is allowed.
        """
        for one in value if isinstance(value, tuple) else (value,):
            if one is None or isinstance(one, bool):
                continue
            if self.choices and one not in self.choices:
                raise InputError(f"`{name}`={one} must be one of {', '.join(self.choices)}")
            if isinstance(one, int | float):
                good = math.isfinite(one)
                good &= self.low is None or one >= self.low
                good &= self.high is None or one <= self.high
                good &= self.below is None or one < self.below
                if not good:
                    raise InputError(f"`{name}`={one} must be {self._bounds()}")

    def _bounds(self) -> str:
        bounds = [
            f"{words} {bound:g}"
            for words, bound in (("at least", self.low), ("at most", self.high))
            if bound is not None
        ]
        bounds += [f"below {self.below:g}"] if self.below is not None else []
        return " and ".join(bounds) or "a finite number"


def setting(default: Any, help: str, **more: Any) -> Any:
    """Declare a field of a dataclass of settings.

    Args:
        default: of the field; a tuple, number, text, boolean or `None`.
        help: `str`.
        **more: other attributes of `Setting`.

    Returns:
        A dataclass field.
    """
    return dataclasses.field(default=default, metadata={"setting": Setting(help, **more)})


def declared(section: Any) -> Iterator[tuple[dataclasses.Field, Setting]]:
    """The fields of a dataclass, or of one of its instances, that `setting` declared."""
    for field in dataclasses.fields(section):
        if "setting" in field.metadata:
            yield field, field.metadata["setting"]
