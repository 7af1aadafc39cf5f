"""Errors name settings as the experiment calls them."""

import contextlib
from collections.abc import Iterator

from sfp_keras.errors import InputError, arguments_called
from sfp_keras.settings import TrainingSettings, declared


@contextlib.contextmanager
def about_setting(name: str) -> Iterator[None]:
    """Begin an error about the value of a setting by its name, unless it begins so."""
    try:
        yield
    except InputError as error:
        begin = f"`{name}`"
        text = str(error)
        raise InputError(text if text.startswith(begin) else f"{begin}: {text}") from None


def training_called(prefix: str) -> contextlib.AbstractContextManager[None]:
    """Name the settings of a training in errors as the command does: `head_lr` instead of `lr`."""
    names = [field.name for field, _ in declared(TrainingSettings)]
    return arguments_called(**{name: prefix + name for name in names})
