"""Errors name settings as the experiment calls them."""

import contextlib
from collections.abc import Iterator

from sfp_keras.errors import InputError, arguments_called
from sfp_keras.settings import TrainingSettings, declared


@contextlib.contextmanager
def about_setting(name: str) -> Iterator[None]:
    """Begin an error about the value of a setting by its name."""
    try:
        yield
    except InputError as error:
        raise InputError(f"`{name}`: {error}") from None


def training_called(prefix: str) -> contextlib.AbstractContextManager[None]:
    """Name the settings of a training in errors as the command does: `head_lr` instead of `lr`."""
    names = [field.name for field, _ in declared(TrainingSettings)]
    return arguments_called(**{name: prefix + name for name in names})
