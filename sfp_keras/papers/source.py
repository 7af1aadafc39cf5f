"""The file of the papers' numbers, and where in a paper a number stands."""

import dataclasses
import functools
import json
import re
from collections.abc import Mapping
from importlib import resources
from typing import Any


@dataclasses.dataclass(frozen=True)
class Source:
    """Where a number is from.

    Attributes:
        paper: `str`. Authors, year and address.
        place: `str`. Table, figure or section.
    """

    paper: str
    place: str

    def __str__(self) -> str:
        return f"{self.paper}, {self.place}"


@functools.cache
def file_content() -> dict[str, Any]:
    """What numbers.json says: papers, experiments and sweeps."""
    content: dict[str, Any] = json.loads(
        resources.files(__package__).joinpath("numbers.json").read_text("utf-8")
    )
    return content


def source_of(entry: Mapping[str, Any]) -> Source:
    """The source of an entry of numbers.json."""
    return Source(file_content()["papers"][entry["paper"]], entry["place"])


def cited(text: str) -> str:
    """Text in which `paper 1` and `paper 2` are named: authors, year and arXiv number.

    Args:
        text: `str`, such as `"paper 1, Figure 4"`.

    Returns:
        `str`, such as `"Tzach et al. 2023, arXiv:2305.18078, Figure 4"`.
    """
    papers = file_content()["papers"]
    return re.sub(r"\b[Pp]aper ([12])\b", lambda match: papers[f"paper{match[1]}"], text)


def references() -> tuple[str, ...]:
    """The papers with authors, title and arXiv number."""
    return tuple(file_content()["references"].values())
