"""The names of data sets."""

import difflib
from collections.abc import Iterable

from sfp_keras.errors import InputError

_NAMES = {
    "digits": "scikit-learn's handwritten digits, needs no download",
    "cifar10": "from the publisher's files in --data_dir, or tensorflow-datasets",
    "cifar100": "from the publisher's files in --data_dir, or tensorflow-datasets",
    "imagenet2012": "from class folders in --data_dir, or prepared by tensorflow-datasets",
    "folder": "class folders in --data_dir",
}


def dataset_names() -> dict[str, str]:
    """Return the names `load_dataset` knows itself, each with a line for help texts.

    Beside them it takes every image-classification name of tensorflow-datasets.
    """
    return dict(_NAMES)


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
