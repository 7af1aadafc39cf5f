"""Whether results that are there are of the same images and settings."""

import json
from collections.abc import Mapping
from typing import Any

# Ends the name of a setting whose value is a file's digest: where the file lies is not kept.
CONTENT = " (content)"


def same_images(one: str, other: str) -> bool:
    """Whether two fingerprints can be of the same images.

    Args:
        one: `str`. Digests joined by `+`: of all images and of a few, or either alone, as runs
            have it whose images were read from files, or that are older.
        other: `str`.
    """
    first, second = one.split("+"), other.split("+")
    if len(first) == len(second) == 2:
        return first[0] == second[0]
    return not set(first).isdisjoint(second)


def by_flag(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Settings of a phase as JSON types, by the names of flags, to be compared."""
    return {
        name.removesuffix(CONTENT): f"a file of SHA-256 {value}"
        if name.endswith(CONTENT)
        else value
        for name, value in json.loads(json.dumps(settings)).items()
    }


def said(value: Any) -> str:
    """A setting's value in words."""
    return "not given" if value in (None, []) else str(value)
