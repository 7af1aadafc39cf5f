"""One experiment: all settings together, what they say of its network, and its record as JSON."""

from sfp_keras.experiment.experiment import PHASES, Experiment, all_declarations
from sfp_keras.experiment.network_rules import IMAGENET_SCALING, PAPER_MODELS

__all__ = ["IMAGENET_SCALING", "PAPER_MODELS", "PHASES", "Experiment", "all_declarations"]
