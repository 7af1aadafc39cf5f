"""The error for everything a user can mend."""


class InputError(ValueError):
    """A flag, file or argument is wrong; the message is one line that says which, and the mend.

    The command prints the message alone and exits with 2; a library call raises it like any
    `ValueError`.
    """


def first_line(error: BaseException) -> str:
    """The first line of what an exception says, or its type where it says nothing."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[0] if lines else type(error).__name__
