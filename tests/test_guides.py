"""The code and the commands in the guides run, block after block, as a reader would type them."""

import re
import shlex
import sys
from pathlib import Path

import pytest
from absl import app, flags
from absl.testing import flagsaver

GUIDES = ("masked_dense.md", "own_network.md", "own_experiments.md", "prune_network.md")
ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"


@pytest.mark.slow
@pytest.mark.parametrize("guide", GUIDES)
def test_the_code_of_a_guide_runs(
    guide: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = (DOCS / guide).read_text()
    blocks = list(re.finditer(r"^```(python|sh)\n(.*?)^```$", text, re.DOTALL | re.MULTILINE))
    assert blocks
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    import keras

    keras.utils.set_random_seed(0)
    namespace: dict = {"__name__": "guide"}
    for block in blocks:
        language, code = block.groups()
        file = re.match(r"# (\w+\.py)\n", code)
        if language == "sh":
            run_command(code)
        elif file:
            Path(file[1]).write_text(code)
        else:
            # Empty lines before the code let errors tell the line of the guide.
            before = "\n" * text.count("\n", 0, block.start(2))
            exec(compile(before + code, str(DOCS / guide), "exec"), namespace)
    for path in tmp_path.glob("*.py"):
        sys.modules.pop(path.stem, None)


def run_command(line: str) -> None:
    """`python main.py ...` in this process, which has imported Keras already."""
    program, script, *arguments = shlex.split(line.replace("\\\n", ""))
    assert (program, script) == ("python", "main.py")
    sys.path.insert(0, str(ROOT))
    try:
        import main
    finally:
        sys.path.remove(str(ROOT))
    with flagsaver.flagsaver():
        flags.FLAGS.unparse_flags()
        assert main.main(app.parse_flags_with_usage([script, *arguments])) == 0, line
