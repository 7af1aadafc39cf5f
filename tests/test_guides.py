"""The code in the guides runs, block after block, as a reader would type it."""

import re
from pathlib import Path

import pytest

GUIDES = ("masked_dense.md",)
DOCS = Path(__file__).parents[1] / "docs"


@pytest.mark.parametrize("guide", GUIDES)
def test_the_code_of_a_guide_runs(
    guide: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = (DOCS / guide).read_text()
    blocks = list(re.finditer(r"^```python\n(.*?)^```$", text, re.DOTALL | re.MULTILINE))
    assert blocks
    monkeypatch.chdir(tmp_path)
    import keras

    keras.utils.set_random_seed(0)
    namespace: dict = {"__name__": "guide"}
    for block in blocks:
        # Empty lines before the code let errors tell the line of the guide.
        before = "\n" * text.count("\n", 0, block.start(1))
        exec(compile(before + block[1], str(DOCS / guide), "exec"), namespace)
