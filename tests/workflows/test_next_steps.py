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
    assert "on a page: python main.py --mode=report --run_dir=runs/a\n" in text.getvalue()


def test_a_folder_with_blanks_is_quoted(tmp_path):
    (tmp_path / "my run" / "events").mkdir(parents=True)
    text = io.StringIO()
    next_steps(tmp_path / "my run", 0.3, Console(file=text))
    assert f"tensorboard --logdir='{tmp_path}/my run/events'  (" in text.getvalue()


def test_the_report_is_of_what_was_measured():
    text = io.StringIO()
    next_steps(Path("runs/a"), 0.5, Console(file=text, width=200), split="train")
    assert "--mode=report --run_dir=runs/a --threshold=0.5 --split=train\n" in text.getvalue()
