"""The page: one file, that parses, refers to nothing outside and runs no stranger's markup."""

import base64
from html.parser import HTMLParser
from pathlib import Path

import pytest

from sfp_keras.reports import Folded, Listing, Paragraph, Picture, Section, page, save_figure
from sfp_keras.reports.style import new_figure

EVIL = '<script>alert("x")</script> & "quoted"'
VOID = {"meta", "img", "br", "link"}


class Strict(HTMLParser):
    """Notes tags, ids and references, and refuses tags that are not closed in order."""

    def __init__(self, text: str):
        super().__init__()
        self.open, self.tags, self.ids, self.references, self.data = [], [], [], [], []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        values = dict(attrs)
        self.ids += [values["id"]] if "id" in values else []
        self.references += [values[name] for name in ("src", "href") if name in values]
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.data.append(data)


@pytest.fixture(scope="module")
def files(tmp_path_factory) -> list[Path]:
    figure, axes = new_figure(2, 1)
    axes.plot([0, 1])
    axes.set_title(EVIL, parse_math=False)
    return save_figure(figure, tmp_path_factory.mktemp("figures") / "one")


def parsed(*parts) -> Strict:
    return Strict(page(EVIL, [Section("A b", parts), Section("a-B", []), Section("µ", [])], EVIL))


def test_text_is_shown_as_it_is(files: list[Path]):
    found = parsed(
        Paragraph(EVIL),
        Listing({EVIL: EVIL}),
        Folded(EVIL, [Paragraph("in")]),
        Picture(files, EVIL),
    )
    assert "script" not in found.tags
    # Title twice, summary, paragraph, listing twice, fold, caption.
    assert sum(EVIL in data for data in found.data) == 8
    assert found.tags.count("details") == 1


def test_every_section_is_linked_and_named_once():
    found = parsed()
    assert found.ids == ["a-b", "a-b-1", "section"]
    assert found.references == [f"#{name}" for name in found.ids]


def test_figures_are_in_the_page(files: list[Path]):
    (source,) = [r for r in parsed(Picture(files, "c")).references if not r.startswith("#")]
    kind, data = source.split(",")
    assert kind == "data:image/svg+xml;base64"
    assert base64.b64decode(data) == files[1].read_bytes()


def test_a_very_large_drawing_is_shown_by_its_pixels(files: list[Path], tmp_path: Path):
    large = tmp_path / "one.svg"
    large.write_bytes(files[1].read_bytes() + b" " * 500_000)
    assert "data:image/png;base64" in Picture([files[0], large], "c").html()


def test_the_style_has_both_schemes_and_loads_nothing():
    text = page("t", [])
    assert "prefers-color-scheme: dark" in text
    for word in ("http", "url(", "@import", "<link", "<script", "file:"):
        assert word not in text
