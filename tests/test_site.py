"""The pages lead to what exists: links, the site's navigation, the reference, the notebooks."""

import ast
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import sfp_keras

ROOT = Path(__file__).parents[1]
PAGES = sorted(
    path
    for path in (*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("examples/*.md"))
    if "figures" not in path.parts
)
NOTEBOOKS = sorted((ROOT / "examples").glob("*.ipynb"))
NAVIGATION = (ROOT / "mkdocs.yml").read_text()


def headings(path: Path) -> set[str]:
    """The anchors of a page's headings, as repositories' pages and the site make them."""
    text = re.sub(r"^```.*?^```", "", path.read_text(), flags=re.DOTALL | re.MULTILINE)
    titles = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).strip().replace(" ", "-") for title in titles}


@pytest.mark.parametrize("page", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\((?!\w+:)([^)\s]+)\)", page.read_text()):
        file, _, anchor = target.partition("#")
        found = page.parent / file if file else page
        assert found.is_file(), target
        assert not anchor or anchor in headings(found), target


def test_every_page_is_in_the_navigation() -> None:
    nav = NAVIGATION.partition("\nnav:\n")[2].partition("\n\n")[0]
    named = set(re.findall(r"[\w/]+\.md\b", nav))
    docs = {
        str(path.relative_to(ROOT / "docs")) for path in PAGES if path.is_relative_to(ROOT / "docs")
    }
    tutorials = {f"tutorials/{path.stem}.md" for path in NOTEBOOKS}
    assert named == {*docs, *tutorials, "tutorials/index.md", "contributing.md", "changelog.md"}


def test_every_public_name_is_in_the_reference() -> None:
    pages = "".join(path.read_text() for path in (ROOT / "docs" / "api").glob("*.md"))
    shown = {name.rsplit(".", 1)[1] for name in re.findall(r"^::: ([\w.]+)$", pages, re.MULTILINE)}
    assert set(sfp_keras.__all__) - {"__version__"} <= shown


def test_the_gallery_names_every_notebook() -> None:
    named = re.findall(r"\((\w+)\.ipynb\)", (ROOT / "examples" / "README.md").read_text())
    assert sorted(named) == [path.stem for path in NOTEBOOKS]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_has_its_outputs_and_uses_public_names(path: Path) -> None:
    notebook = json.loads(path.read_text())
    assert notebook["nbformat"] == 4
    cells = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    kinds = {kind for cell in cells for o in cell["outputs"] for kind in o.get("data", ())}
    assert "image/png" in kinds
    lines = "".join("".join(cell["source"]) + "\n" for cell in cells)
    code = ast.parse(re.sub(r"^[!%].*", "", lines, flags=re.MULTILINE))
    used = {
        node.attr
        for node in ast.walk(code)
        if isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and node.value.id == "sfp_keras"
    }
    assert used
    assert used <= set(sfp_keras.__all__)


@pytest.mark.slow
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_runs(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("nbclient", reason="of the extra `docs`")
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    from examples.execute import executed

    executed(path)


@pytest.mark.slow
def test_the_site_is_built_and_loads_nothing_from_elsewhere(tmp_path: Path) -> None:
    pytest.importorskip("mkdocs", reason="of the extra `docs`")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir"]
    done = subprocess.run(
        [*command, str(tmp_path)],
        cwd=ROOT,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    loaded = re.compile(r"<(?:script|img|iframe|link)\b[^>]*\b(?:src|href)=[\"']?(?:https?:)?//")
    for page in tmp_path.rglob("*.html"):
        text = page.read_text()
        assert not loaded.search(text), page
        assert "doc-symbol-module" not in text, f"{page}: a file has the name of what it holds"
    for style in tmp_path.rglob("*.css"):
        assert not re.search(r"url\([\"']?(?:https?:)?//", style.read_text()), style
