"""What the command says at the end of a probe."""

import io
from pathlib import Path

from rich.console import Console

from sfp_keras.workflows.next_steps import next_steps


def test_what_to_do_next_names_the_folder():
    text = io.StringIO()
    next_steps(Path("runs/a"), 0.3, Console(file=text))
    assert "runs/a/layers.csv" in text.getvalue()
    assert "--threshold=0.5" in text.getvalue()
