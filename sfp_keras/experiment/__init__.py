"""One experiment: all settings together, what they say of its network, and its record as JSON."""

from sfp_keras.experiment.experiment import PHASES, Experiment, all_declarations
from sfp_keras.experiment.program import program, typed

__all__ = ["PHASES", "Experiment", "all_declarations", "program", "typed"]
