"""The settings of an experiment, each with one definition."""

from sfp_keras.settings.declarations import Declaration, declarations
from sfp_keras.settings.experiment import PHASES, Experiment, all_declarations
from sfp_keras.settings.field import Setting, declared, section, setting
from sfp_keras.settings.network_rules import IMAGENET_SCALING, PAPER_MODELS
from sfp_keras.settings.training import FineTuningSettings, HeadSettings, TrainingSettings

__all__ = [
    "IMAGENET_SCALING",
    "PAPER_MODELS",
    "PHASES",
    "Declaration",
    "Experiment",
    "FineTuningSettings",
    "HeadSettings",
    "Setting",
    "TrainingSettings",
    "all_declarations",
    "declarations",
    "declared",
    "section",
    "setting",
]
