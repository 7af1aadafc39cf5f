"""The settings of an experiment, each with one definition."""

from sfp_keras.settings.field import Setting, declared, setting
from sfp_keras.settings.training import FineTuningSettings, HeadSettings, TrainingSettings

__all__ = [
    "FineTuningSettings",
    "HeadSettings",
    "Setting",
    "TrainingSettings",
    "declared",
    "setting",
]
