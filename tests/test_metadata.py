"""What says who and which version this is agrees."""

import re
from pathlib import Path

import pytest

import sfp_keras

ROOT = Path(__file__).parents[1]


@pytest.mark.parametrize(
    ("file", "version"), [("CITATION.cff", r"^version: (\S+)$"), ("CHANGELOG.md", r"^## (\d\S+) ")]
)
def test_the_version_is_the_same_everywhere(file: str, version: str) -> None:
    found = re.search(version, (ROOT / file).read_text(), re.MULTILINE)
    assert found
    assert found[1] == sfp_keras.__version__


def test_the_papers_are_cited() -> None:
    yaml = pytest.importorskip("yaml", reason="of the extra `docs`")
    cited = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    found = {paper["identifiers"][0]["value"] for paper in cited["references"]}
    assert found == {"arXiv:2305.18078", "arXiv:2309.07537"}


def test_issue_templates_are_forms() -> None:
    yaml = pytest.importorskip("yaml", reason="of the extra `docs`")
    for name in ("bug_report", "feature_request"):
        form = yaml.safe_load((ROOT / f".github/ISSUE_TEMPLATE/{name}.yml").read_text())
        assert {"name", "description", "body"} <= set(form)
        assert all(part["attributes"]["label"] for part in form["body"])
