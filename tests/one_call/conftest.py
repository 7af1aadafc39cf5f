"""The command, to compare with."""

from collections.abc import Callable

import pytest
from absl import app, flags
from absl.testing import flagsaver


@pytest.fixture
def call_command(capsys: pytest.CaptureFixture[str]) -> Callable[..., None]:
    """`python main.py` with these flags, in this process; it must succeed."""

    def run(*arguments: str) -> None:
        from sfp_keras.command.command import main

        with flagsaver.flagsaver():
            flags.FLAGS.unparse_flags()
            assert main(app.parse_flags_with_usage(["main.py", *arguments])) == 0
        assert "error" not in capsys.readouterr().err

    return run
