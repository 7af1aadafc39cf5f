"""How the command is typed: in a checkout, or as it is installed."""

import shlex
import sys
from collections.abc import Sequence
from pathlib import Path


def program() -> str:
    """What stands before the flags of this process' command.

    Returns:
        `sfp-keras`, `python -m sfp_keras`, or `python main.py`, also where Python calls the
        library.
    """
    script = Path(sys.argv[0] if sys.argv else "")
    if script.stem == "sfp-keras":
        return "sfp-keras"
    if script.stem == "__main__" and script.parent.name == "sfp_keras":
        return "python -m sfp_keras"
    return "python main.py"


def typed(program: str, arguments: Sequence[str]) -> str:
    """A command as it is typed in a shell.

    Args:
        program: `str`. What stands before the flags.
        arguments: the flags, such as `--name=value`, whose values may have any characters.
    """
    parts = [argument.partition("=") for argument in arguments]
    quoted = [name + equals + (shlex.quote(text) if text else "") for name, equals, text in parts]
    return " ".join([program, *quoted])
