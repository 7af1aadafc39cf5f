"""The names of tensorflow-datasets' sets, read without importing it."""

import functools
import importlib.util
import os
import re
from collections.abc import Iterator
from pathlib import Path

_CLASS = re.compile(r"^class (\w+)\(", re.MULTILINE)
_NOT_SETS = ("core", "scripts", "testing", "proto", "url_checksums", "__pycache__")


@functools.cache
def tfds_names() -> frozenset[str]:
    """Names among which are those of all sets that the installed package defines.

    Returns:
        The names; none where it is not installed. A set is a folder in its `datasets/`, or a class
        in the folder of a topic, of which other classes are among the names too.
    """
    try:
        found = importlib.util.find_spec("tensorflow_datasets")
    except ImportError:
        # Import hooks may refuse a package by raising where others find nothing.
        return frozenset()
    if found is None or found.origin is None:
        return frozenset()
    return frozenset(_names(Path(found.origin).parent))


def _names(package: Path) -> Iterator[str]:
    for topic in os.scandir(package):
        if not topic.is_dir() or topic.name in _NOT_SETS:
            continue
        if topic.name == "datasets":
            yield from (entry.name for entry in os.scandir(topic) if entry.is_dir())
            continue
        for file in Path(topic).rglob("*.py"):
            if not file.name.endswith("_test.py"):
                yield from map(_snake_case, _CLASS.findall(file.read_text(errors="replace")))


def _snake_case(name: str) -> str:
    """The name of a set, as tensorflow-datasets makes it of a class."""
    parts = re.sub(r"(.)([A-Z][a-z]+)", r"\1_\2", name)
    return re.sub(r"([a-z0-9])([A-Z])", r"\1_\2", parts).lower()
