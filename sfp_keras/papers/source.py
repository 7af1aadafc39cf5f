"""The file of the papers' numbers, and where in a paper a number stands."""

import dataclasses
import functools
import json
import re
from collections.abc import Mapping
from importlib import resources
from typing import Any

_ARXIV = r"arXiv:(\d{4}\.\d{5})"


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
    """Text in which `paper 1`, `paper 2` or arXiv numbers are named: authors, year and number.

    Args:
        text: `str`, such as `"paper 1, Figure 4"` or `"arXiv:2501.12900"`.

    Returns:
        `str`, such as `"Tzach et al. 2023, arXiv:2305.18078, Figure 4"`. Papers that are not in
        numbers.json stay as they are.
    """
    papers = file_content()["papers"]
    named = re.sub(r"\b[Pp]aper ([12])\b", lambda match: papers[f"paper{match[1]}"], text)
    return re.sub(_ARXIV, lambda match: papers.get(match[1], match[0]), named)


def references(text: str) -> tuple[str, ...]:
    """The papers of the method, and those whose arXiv number is in a text, with authors and title.

    Args:
        text: `str`.
    """
    found = set(re.findall(_ARXIV, text))
    return tuple(
        paper
        for key, paper in file_content()["references"].items()
        if key.startswith("paper") or key in found
    )
