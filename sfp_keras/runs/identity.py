"""Whether results were made with the same images and settings."""

import json
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

# Ends the name of a setting whose value is a file's digest: where the file lies is not kept.
CONTENT = " (content)"


class FormerValue(NamedTuple):
    """A setting that differs.

    Attributes:
        name: `str`. The setting.
        before: `str`. Its former value in words.
        now: `str`. Its present value in words.
    """

    name: str
    before: str
    now: str


def same_images(one: str, other: str) -> bool:
    """Whether two fingerprints can be of the same images.

    Args:
        one: `str`. Digests joined by `+`: of all images and of a few, or either alone, as runs
            have it whose images were read from files, or that are older.
        other: `str`.

    Returns:
        `bool`.
    """
    first, second = one.split("+"), other.split("+")
    if len(first) == len(second) == 2:
        return first[0] == second[0]
    return not set(first).isdisjoint(second)


def differences(
    before: Mapping[str, Any], now: Mapping[str, Any], missing: Mapping[str, Any]
) -> Iterator[FormerValue]:
    """The settings of a phase that changed.

    Args:
        before: settings that results were made with, as JSON types.
        now: settings that are asked for.
        missing: value of each setting that `before` may lack, because it is newer.

    Yields:
        A `FormerValue` for each setting that differs.
    """
    old, new = {**_by_name(missing), **_by_name(before)}, _by_name(now)
    for name, value in new.items():
        if old.get(name) != value:
            yield FormerValue(name, _in_words(old.get(name)), _in_words(value))


def _by_name(settings: Mapping[str, Any]) -> dict[str, Any]:
    """JSON types by the names of settings; files by their content."""
    return {
        name.removesuffix(CONTENT): f"a file of SHA-256 {value}"
        if name.endswith(CONTENT)
        else value
        for name, value in json.loads(json.dumps(settings)).items()
    }


def _in_words(value: Any) -> str:
    return "not given" if value in (None, []) else str(value)
