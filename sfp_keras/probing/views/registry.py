"""A way to look at a stage: what a head reads of it. Each is registered by its own file here."""

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

from sfp_keras.errors import InputError


@dataclasses.dataclass(frozen=True)
class Seen:
    """What a view is made for.

    Attributes:
        stage: `str`. The stage's name.
        shape: of what the view takes, without the batch axis; filters are the last axis.
        text: `str`. How the view is asked for: `avg:7`.
        number: `int`. What stands behind the colon; 0 where nothing does.
        seed: `int`. Of the first weights, where the view has any.
        place: `int`. How many views of the same kind come before it.
    """

    stage: str
    shape: tuple[int, ...]
    text: str
    number: int = 0
    seed: int = 0
    place: int = 0

    def layer_name(self, what: str) -> str:
        """A name that layers of a user's network will not have."""
        again = f"_{self.place + 1}" if self.place else ""
        return f"{self.stage.replace('#', '_call')}_{what}_of_stage{again}"

    def refuse(self) -> InputError:
        """That a stage has no positions to pool."""
        return InputError(
            f"`pool`={self.text} cannot pool stage {self.stage!r} of shape {self.shape}: "
            "leave it out of `pool`"
        )


@dataclasses.dataclass(frozen=True)
class View:
    """A view of a stage's outputs, as `pool` names it.

    Attributes:
        name: `str`. `avg`.
        layers: makes the Keras layers, one behind another, from (n, *positions, F) to the same
            form. Raises `InputError` where the stage's shape does not fit.
        argument: `str`. What the number behind the colon is: `size` of `avg:<size>`. Empty where
            there is none.
        learnt: `bool`. Whether the layers have weights, which are trained with the stage's head.
        shows: `str`. What the filters are behind it, `"head"` of attention heads; empty where they
            are what they were.
    """

    name: str
    layers: Callable[[Seen], Sequence[Any]]
    argument: str = ""
    learnt: bool = False
    shows: str = ""

    @property
    def form(self) -> str:
        """How it is written: `avg:<size>`."""
        return f"{self.name}:<{self.argument}>" if self.argument else self.name


_VIEWS: dict[str, View] = {}


def register_view(view: View) -> None:
    """Make a view known under its name."""
    _VIEWS[view.name] = view


def parse_view(text: str, whole: str) -> tuple[View, int]:
    """A view and its number, of a text without `+`.

    Args:
        text: `str`. `avg:7`.
        whole: `str`. What it is a part of, for the message.

    Raises:
        InputError: if it is misspelt.
    """
    name, colon, number = text.partition(":")
    view = _VIEWS.get(name)
    size = int(number) if number.isascii() and number.isdigit() else 0
    if view is None or bool(colon) != bool(view.argument) or (colon and size < 1):
        forms = ", ".join(one.form for one in _VIEWS.values())
        raise InputError(f"`pool`={whole!r} is none of {forms}, or several of them joined by +")
    return view, size
