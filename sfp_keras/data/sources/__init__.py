"""The sources of images. A module of this folder is found by the `SOURCES` it defines."""

import difflib
import functools
import importlib
import pkgutil
from collections.abc import Iterable
from pathlib import Path

from sfp_keras.data.source import Source
from sfp_keras.errors import InputError


def find_source(name: str) -> Source:
    """Find the source of a data set.

    Args:
        name: `str`. The name of the data set.

    Returns:
        A `Source`: that of tensorflow-datasets where no other has the name.
    """
    sources = _sources()
    return sources.get(name, sources["*"])


def source_names() -> list[str]:
    """List the data sets that have a source of their own.

    Returns:
        Their names, sorted.
    """
    return sorted(_sources().keys() - {"*"})


def unknown_dataset(name: str, others: Iterable[str] = ()) -> InputError:
    """Make the error for an unknown name.

    Args:
        name: `str`.
        others: further known names to suggest.

    Returns:
        An `InputError` with the closest known names.
    """
    names = source_names()
    if name and Path(name).is_dir():
        return InputError(
            f"`name`={name} is a folder: say `name`=folder and `data_dir`={name} for class folders"
        )
    base = name.split("/")[0].split(":")[0]
    close = difflib.get_close_matches(base, dict.fromkeys([*names, *others]))
    meant = f" (did you mean {' or '.join(close)}?)" if close else ""
    return InputError(
        f"`name`={name} is unknown{meant}: it is one of {', '.join(names)}, or an "
        "image-classification name of tensorflow-datasets"
    )


@functools.cache
def _sources() -> dict[str, Source]:
    modules = [
        importlib.import_module(f"{__name__}.{module.name}")
        for module in pkgutil.iter_modules(__path__)
    ]
    return {source.name: source for module in modules for source in module.SOURCES}
