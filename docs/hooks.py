"""What MkDocs does not do by itself: pages from outside docs/, and notebooks with their outputs."""

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import nbformat
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page
from nbconvert import MarkdownExporter

ROOT = Path(__file__).parents[1]
GALLERY = "tutorials/index.md"
# Where files of the repository that are not in docs/ are on the site.
PAGES = {
    "CONTRIBUTING.md": "contributing.md",
    "CHANGELOG.md": "changelog.md",
    "examples/README.md": GALLERY,
}
LINK = re.compile(r"(?<=\]\()(?!\w+:|#)([^)#\s]+)")


class Tutorial(NamedTuple):
    """A notebook as a page: its title, what it says first, all of it, and its pictures."""

    name: str
    title: str
    summary: str
    text: str
    pictures: dict[str, bytes]


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages that are not in docs/."""

    def add(uri: str, content: str | bytes) -> None:
        files.append(File.generated(config, uri, content=content))

    for source, uri in PAGES.items():
        if uri != GALLERY:
            add(uri, (ROOT / source).read_text())
    all_tutorials = list(tutorials())
    for one in all_tutorials:
        add(f"tutorials/{one.name}.md", one.text)
        for file, content in one.pictures.items():
            add(f"tutorials/{file}", content)
    add(GALLERY, gallery(all_tutorials))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Links are written as the repository's own pages need them; here they lead to the site's."""
    uri = Path(page.file.src_uri)
    folder = _source(str(uri)).parent

    def on_site(match: re.Match[str]) -> str:
        file, *anchor = match[1].split("#")
        target = _uri(os.path.normpath(folder / file))
        return "#".join([os.path.relpath(target, uri.parent), *anchor])

    return LINK.sub(on_site, markdown)


def _source(uri: str) -> Path:
    """The file of the repository that a page of the site is made of."""
    if uri in PAGES.values():
        return Path(next(source for source, at in PAGES.items() if at == uri))
    return Path(
        "examples" if uri.startswith("tutorials/") else "docs", uri.removeprefix("tutorials/")
    )


def _uri(source: str) -> str:
    """Where a file of the repository is on the site."""
    if source in PAGES:
        return PAGES[source]
    folder, _, name = source.partition("/")
    return f"tutorials/{name.replace('.ipynb', '.md')}" if folder == "examples" else name


def tutorials() -> Iterator[Tutorial]:
    """The notebooks of examples/, in the order in which its page names them."""
    listed = re.findall(r"\((\w+)\.ipynb\)", (ROOT / "examples" / "README.md").read_text())
    for name in listed:
        notebook = nbformat.read(ROOT / "examples" / f"{name}.ipynb", as_version=4)
        first = notebook.cells[0].source.split("\n\n")
        text, resources = MarkdownExporter().from_notebook_node(
            notebook, resources={"unique_key": name, "output_files_dir": name}
        )
        yield Tutorial(
            name, first[0].removeprefix("# "), first[1], text, resources.get("outputs", {})
        )


def gallery(all_tutorials: list[Tutorial]) -> str:
    """The page that shows the tutorials, each with its last picture."""
    before = (ROOT / "examples" / "README.md").read_text().partition("\n* ")[0]
    cards = []
    for one in all_tutorials:
        picture = next(reversed(one.pictures), None)
        shown = f"![]({picture})\n\n    " if picture else ""
        summary = " ".join(one.summary.split())
        cards.append(f"-   {shown}**[{one.title}]({one.name}.ipynb)**\n\n    {summary}\n")
    listed = "\n".join(cards)
    return f'{before}\n\n<div class="grid cards" markdown>\n\n{listed}\n</div>\n'
