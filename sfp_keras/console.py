"""The console that prints for people."""

import contextlib
from collections.abc import Iterator
from contextvars import ContextVar
from typing import IO, Any

from rich.console import Console

# What an error of printing names in place of a file.
OUTPUT = "standard output"


_SILENT: ContextVar[bool] = ContextVar("silent", default=False)


@contextlib.contextmanager
def silent_consoles(silent: bool = True) -> Iterator[None]:
    """Let consoles made inside print nothing.

    Args:
        silent: `bool`, default True. Otherwise nothing changes.
    """
    token = _SILENT.set(silent or _SILENT.get())
    try:
        yield
    finally:
        _SILENT.reset(token)


class PlainConsole(Console):
    """Prints text as it is: nothing is cut, wrapped or read as markup.

    Args:
        file: where to. Default: standard output.
        width: `int`. Columns of a table. Default: the terminal's.
    """

    def __init__(self, file: IO[str] | None = None, width: int | None = None):
        super().__init__(
            file=file,
            width=width,
            markup=False,
            highlight=False,
            soft_wrap=width is None,
            quiet=_SILENT.get(),
        )

    def on_broken_pipe(self) -> None:
        """Raise the error that is handled; Rich would end the program without a word."""
        raise

    def __exit__(self, *error: Any) -> None:
        try:
            super().__exit__(*error)
        except OSError as failed:
            # Or it would look like one of the run directory's files.
            failed.filename = failed.filename or OUTPUT
            raise
