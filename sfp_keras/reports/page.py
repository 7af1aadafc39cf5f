"""A page of figures, tables and text that needs nothing else: no network, no other file."""

import base64
import dataclasses
import html
import re
from collections.abc import Mapping, Sequence
from importlib import resources
from pathlib import Path
from typing import Protocol

from sfp_keras.reports.symbols import typeset_html

# Above this size an SVG of very many marks is slower to show than its PNG.
_LARGEST_SVG = 400_000
_TYPES = {".svg": "image/svg+xml", ".png": "image/png"}


class Part(Protocol):
    """Anything that a section may hold; `ReportTable` is one too."""

    def html(self) -> str:
        """The part as HTML, escaped."""


@dataclasses.dataclass(frozen=True)
class Paragraph:
    """Text, shown as it is.

    Attributes:
        text: `str`.
    """

    text: str

    def html(self) -> str:
        """The text as HTML, escaped."""
        return f"<p>{html.escape(self.text)}</p>"


@dataclasses.dataclass(frozen=True)
class Picture:
    """A figure, embedded.

    Attributes:
        files: its PNG and SVG, as `save_figure` gives them; the SVG is shown unless it is large.
        caption: `str`. Symbols of the papers, such as `N_c`, are typeset.
        width: `float`. Inches in print; a page shows it somewhat larger.
        number: `int`. The figure's number on a page. Default: none.
    """

    files: Sequence[Path]
    caption: str
    width: float = 7.2
    number: int = 0

    def html(self) -> str:
        """The figure with its caption as HTML, escaped."""
        sizes = {file: file.stat().st_size for file in self.files}
        drawn = [f for f in self.files if f.suffix == ".svg" and sizes[f] <= _LARGEST_SVG]
        file = drawn[0] if drawn else min(sizes, key=lambda f: sizes[f])
        data = base64.b64encode(file.read_bytes()).decode()
        number = f"<b>Figure {self.number}.</b> " if self.number else ""
        caption = typeset_html(self.caption, html.escape)
        return (
            f'<figure><img style="width:{self.width * 1.35:.1f}in" '
            f'alt="{html.escape(self.caption)}" '
            f'src="data:{_TYPES[file.suffix]};base64,{data}">'
            f"<figcaption>{number}{caption} "
            f"<small>{html.escape(file.stem)}</small></figcaption></figure>"
        )


@dataclasses.dataclass(frozen=True)
class Listing:
    """Names with their values, such as settings.

    Attributes:
        values: dict from name to value, both shown as they are.
    """

    values: Mapping[str, object]

    def html(self) -> str:
        """The list as HTML, escaped."""
        rows = "\n".join(
            f'<tr><th class="text">{html.escape(str(name))}</th>'
            f'<td class="text">{html.escape(str(value))}</td></tr>'
            for name, value in self.values.items()
        )
        return f'<div class="table"><table class="listing"><tbody>\n{rows}\n</tbody></table></div>'


@dataclasses.dataclass(frozen=True)
class Folded:
    """Parts that are shown at a click.

    Attributes:
        title: `str`.
        parts: what is folded.
    """

    title: str
    parts: Sequence[Part]

    def html(self) -> str:
        """The parts as HTML, escaped."""
        body = "\n".join(part.html() for part in self.parts)
        return f"<details><summary>{html.escape(self.title)}</summary>\n{body}\n</details>"


@dataclasses.dataclass(frozen=True)
class Section:
    """A headed part of a page.

    Attributes:
        title: `str`.
        parts: what it holds, top to bottom.
    """

    title: str
    parts: Sequence[Part]


def page(title: str, sections: Sequence[Section], summary: str = "") -> str:
    """A whole page, light or dark as the reader's system is.

    Args:
        title: `str`.
        sections: the sections; the page begins with links to them.
        summary: `str`. A sentence below the title.

    Returns:
        HTML that refers to nothing outside itself.
    """
    anchors = _anchors([section.title for section in sections])
    links = " ".join(
        f'<a href="#{anchor}">{html.escape(section.title)}</a>'
        for anchor, section in zip(anchors, sections, strict=True)
    )
    body = "\n".join(
        f'<section id="{anchor}"><h2>{html.escape(section.title)}</h2>\n'
        + "\n".join(part.html() for part in section.parts)
        + "\n</section>"
        for anchor, section in zip(anchors, sections, strict=True)
    )
    style = resources.files(__package__).joinpath("page.css").read_text("utf-8")
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{html.escape(title)}</title>\n<style>\n{style}</style>\n</head>\n<body>\n"
        f"<header><h1>{html.escape(title)}</h1><p>{html.escape(summary)}</p>"
        f"<nav>{links}</nav></header>\n<main>\n{body}\n</main>\n</body>\n</html>\n"
    )


def _anchors(titles: Sequence[str]) -> list[str]:
    """Names of sections as links use them, each once."""
    anchors: list[str] = []
    for title in titles:
        name = re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-") or "section"
        anchors.append(f"{name}-{len(anchors)}" if name in anchors else name)
    return anchors
