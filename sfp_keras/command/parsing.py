"""Reading the command line; a mistake in it is one line."""

import difflib
import re
import sys
from collections.abc import Sequence

from absl import flags

from sfp_keras.experiment import all_declarations
from sfp_keras.settings import Declaration
from sfp_keras.text import did_you_mean

_REFUSED = re.compile(r"flag --(\w+)=(.*?): ", re.DOTALL)


def parsed(argv: Sequence[str]) -> list[str]:
    """Read the flags; a mistake in them is printed and ends the process.

    Args:
        argv: the program and its arguments.

    Returns:
        What is no flag, after the program.
    """
    try:
        return flags.FLAGS([argv[0], *_with_flagfiles(argv[1:])])
    except flags.Error as error:
        wrong = what_is_wrong(error)
    except UnicodeDecodeError:
        wrong = "a --flagfile is no text in UTF-8; save it as that"
    print(f"error: {wrong}", file=sys.stderr)
    sys.exit(2)


def _with_flagfiles(arguments: Sequence[str]) -> list[str]:
    """Arguments with those of flagfiles among them; editors may begin a file by an unseen mark."""
    found = []
    for line in flags.FLAGS.read_flags_from_files(list(arguments), force_gnu=False):
        text = line.removeprefix("\ufeff").strip()
        # With a mark before it, absl knows no comment and no empty line.
        if line.startswith("\ufeff") and (not text or text.startswith(("#", "//"))):
            continue
        found.append(text if line.startswith("\ufeff") else line)
    return found


def what_is_wrong(error: flags.Error) -> str:
    """Say in one line which flag is wrong, and what it may be.

    Args:
        error: what absl raised.
    """
    if isinstance(error, flags.UnrecognizedFlagError):
        return _unknown(error.flagname)
    found = _REFUSED.match(str(error))
    one = all_declarations().get(found[1]) if found else None
    if found and one:
        # absl shows lists as Python does.
        value = ",".join(re.findall(r"'([^']*)'", found[2])) if one.many else found[2]
        return f"--{one.name}={value} {_rule(one, value)}"
    return " ".join(str(error).removeprefix("ERROR:: ").split())


def _unknown(name: str) -> str:
    known = [flag for flag in flags.FLAGS if len(flag) > 1]
    close = difflib.get_close_matches(name, known, 3)
    asked = did_you_mean([f"--{one}" for one in close])
    return f"there is no flag --{name}{asked} (--help shows those that matter, --helpfull all)"


def _rule(one: Declaration, value: str) -> str:
    """What the value of a flag must be."""
    setting = one.setting
    if setting.choices and not one.many:
        close = difflib.get_close_matches(value, setting.choices, 1)
        return setting.rule(value) + did_you_mean(close)
    if one.kind is bool:
        return f"must be true or false, or --{one.name} and --no{one.name} alone"
    whole = "a whole number" if one.kind is int else "a number"
    try:
        return setting.rule((one.kind(),) if one.many else one.kind(value))
    except ValueError:
        return f"must be {whole}"
