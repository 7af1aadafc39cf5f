"""Command lines read without running them."""

import importlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from absl import flags as absl_flags
from absl.testing import flagsaver

from sfp_keras.command import idle
from sfp_keras.experiment import Experiment

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def command_line() -> Iterator[Callable[..., Any]]:
    """Call a function with the flags of `python main.py <flags>` and their experiment."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "path", [str(ROOT), *sys.path])
        main = importlib.import_module("main")
        values = absl_flags.FLAGS

        def call(function: Callable[[absl_flags.FlagValues, Experiment], Any], *flags: str) -> Any:
            with flagsaver.flagsaver():
                values.unparse_flags()
                for name in values:
                    # What earlier tests or presets left must not look given by hand.
                    values[name].unparse()
                rest = values(["main.py", *flags])
                assert rest == ["main.py"]
                return function(values, main.build_experiment(values))

        yield call


@pytest.fixture(scope="module")
def parsed(command_line: Callable[..., Any]) -> Callable[..., Experiment]:
    """The experiment of the command line `python main.py <flags>`."""
    return lambda *flags: command_line(lambda values, experiment: experiment, *flags)


@pytest.fixture(scope="module")
def notes(command_line: Callable[..., Any]) -> Callable[..., list[str]]:
    """What `python main.py <flags>` says of flags without effect."""
    return lambda *flags: command_line(idle.notes, *flags)
