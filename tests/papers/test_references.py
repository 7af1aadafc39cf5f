"""How papers are named in a report, and which its references list."""

import pytest

from sfp_keras.papers import cited, references


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("paper 1, Figure 4", "Tzach et al. 2023, arXiv:2305.18078, Figure 4"),
        ("arXiv:2501.12900", "Koresh et al. 2025, arXiv:2501.12900"),
        ("arXiv:1706.03762", "arXiv:1706.03762"),
    ],
)
def test_papers_are_named_by_authors_and_number(text: str, named: str) -> None:
    assert cited(text) == named


def test_references_are_the_method_and_what_a_text_names() -> None:
    method = references("")
    assert [paper.count("arXiv:2305.18078") for paper in method] == [1, 0]
    assert [paper.count("arXiv:2309.07537") for paper in method] == [0, 1]
    further = references("<p>arXiv:2211.11106, arXiv:1706.03762</p>")
    assert further[:2] == method
    assert [paper.count("arXiv:2211.11106") for paper in further[2:]] == [1]
