"""The code and the commands in the guides run, block after block, as a reader would type them."""

import re
import shlex
import sys
from pathlib import Path

import pytest
from absl import app, flags
from absl.testing import flagsaver

# Every day long trainings are cut to two epochs: it is the code that is tested.
GUIDES = (
    ("masked_dense.md", True),
    pytest.param("own_network.md", False, marks=pytest.mark.slow),
    pytest.param("own_experiments.md", False, marks=pytest.mark.slow),
)
ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"


@pytest.mark.parametrize(("guide", "short"), GUIDES)
def test_the_code_of_a_guide_runs(
    guide: str, short: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = (DOCS / guide).read_text()
    if short:
        text = re.sub(r"epochs=\d\d\b", "epochs=2", text)
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
