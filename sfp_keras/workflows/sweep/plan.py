"""What a sweep is made of."""

import dataclasses
from pathlib import Path

from sfp_keras.experiment import Experiment
from sfp_keras.settings import SweepAxis

# The file that makes a folder a sweep's.
RECORD = "sweep.json"


def holds_sweep(folder: Path) -> bool:
    """Whether a folder is that of a sweep, and not of one run."""
    return (folder / RECORD).exists()


@dataclasses.dataclass(frozen=True)
class SweepPlan:
    """The experiments of a sweep, and how one is run.

    Attributes:
        base: what all members have in common: the sweep's flags without seeds and what its axis
            varies.
        members: an `Experiment` for each value and seed, without a place yet; one of all labels has
            `labels=None`.
        program: tuple of `str`. What stands before the flags of a command.
        command: `str`. The sweep's own command.
    """

    base: Experiment
    members: tuple[Experiment, ...]
    program: tuple[str, ...]
    command: str

    @property
    def axis(self) -> SweepAxis:
        """What the members differ in, beside seeds."""
        return self.base.sweep.axis
