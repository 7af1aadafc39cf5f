"""Messages of the library with the names of the command's flags."""

import logging

from sfp_keras.errors import rename_arguments
from sfp_keras.experiment import all_declarations


def as_flags(text: str) -> str:
    """Turn names of settings in backquotes, as in "`stages`: ...", into flags."""
    return rename_arguments(text, {name: f"--{name}" for name in all_declarations()})


class NoteFormatter(logging.Formatter):
    """Formats the library's log records as their text alone."""

    def format(self, record: logging.LogRecord) -> str:
        """The text of a record."""
        return as_flags(super().format(record))
