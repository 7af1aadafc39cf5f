"""The error for everything a user can mend."""


class InputError(ValueError):
    """A flag, file or argument is wrong; the message is one line that says which, and the mend.

    The command prints the message alone and exits with 2; a library call raises it like any
    `ValueError`.
    """
