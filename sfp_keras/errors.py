"""The error for everything a user can mend."""

import contextlib
import numbers
import re
from collections.abc import Iterator, Mapping
from typing import Any

_NAME = re.compile(r"`(\w+)`")


class InputError(ValueError):
    """An argument or a file is wrong; the message is one line that says which, and the mend.

    Arguments are named in backquotes, as in "`stages`: there is no layer 'conv9'". The command
    shows those that are flags of its own as flags, prints the message alone and exits with 2; a
    library call raises it like any `ValueError`.
    """


def rename_arguments(message: str, names: Mapping[str, str]) -> str:
    """Replace the names of arguments in a message.

    Args:
        message: `str`. With names in backquotes.
        names: dict from a name to what stands in its place, backquotes included if it is to have
            any.

    Returns:
        The message; names that are not among `names` stay as they are.
    """
    return _NAME.sub(lambda match: names.get(match[1], match[0]), message)


@contextlib.contextmanager
def arguments_called(**names: str) -> Iterator[None]:
    """Rename arguments in the errors raised inside.

    What a function calls `learning_rate` may be a setting called `head_lr`:
    `with arguments_called(learning_rate="head_lr"): ...`.
    """
    try:
        yield
    except InputError as error:
        quoted = {name: f"`{new}`" for name, new in names.items()}
        raise InputError(rename_arguments(str(error), quoted)) from None


def as_whole(name: str, value: Any, least: int) -> int:
    """A whole number that is at least `least`.

    Args:
        name: `str`. The argument, or words with its name in backquotes.
        value: what was given.
        least: `int`.

    Raises:
        InputError: if it is none, or less.
    """
    whole = isinstance(value, numbers.Integral) and not isinstance(value, bool)
    if not whole or value < least:
        what = f"`{name}`" if name.isidentifier() else name
        raise InputError(f"{what} must be a whole number from {least}, not {value!r}")
    return int(value)


def first_line(error: BaseException) -> str:
    """The first line of what an exception says, or its type where it says nothing."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[0] if lines else type(error).__name__
