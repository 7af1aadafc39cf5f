"""The names of data sets."""

import difflib
from collections.abc import Iterable

from sfp_keras.errors import InputError

_NAMES = ("digits", "cifar10", "cifar100", "imagenet2012", "folder", "arrays")


def unknown_dataset(name: str, others: Iterable[str] = ()) -> InputError:
    """Make the error for an unknown name.

    Args:
        name: `str`.
        others: further known names to suggest.

    Returns:
        An `InputError` with the closest known names.
    """
    base = name.split("/")[0].split(":")[0]
    close = difflib.get_close_matches(base, [*_NAMES, *others])
    meant = f" (did you mean {' or '.join(close)}?)" if close else ""
    return InputError(
        f"--dataset={name} is unknown{meant}: it is one of {', '.join(_NAMES)}, or an "
        "image-classification name of tensorflow-datasets"
    )
