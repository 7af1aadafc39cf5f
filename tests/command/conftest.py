"""Command lines read without running them."""

import importlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from absl import flags as absl_flags
from absl.testing import flagsaver

from sfp_keras.experiment import Experiment

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def parsed() -> Iterator[Callable[..., Experiment]]:
    """The experiment of the command line `python main.py <flags>`."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "path", [str(ROOT), *sys.path])
        main = importlib.import_module("main")
        values = absl_flags.FLAGS

        def parse(*flags: str) -> Experiment:
            with flagsaver.flagsaver():
                values.unparse_flags()
                for name in values:
                    # What earlier tests or presets left must not look given by hand.
                    values[name].unparse()
                rest = values(["main.py", *flags])
                assert rest == ["main.py"]
                return main.build_experiment(values)

        yield parse
