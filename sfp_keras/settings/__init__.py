"""The settings of each topic, each declared once: default, help, bounds, phases, type."""

from sfp_keras.settings.ablation import AblationSettings
from sfp_keras.settings.afcc import AfccSettings
from sfp_keras.settings.analysis import AnalysisSettings
from sfp_keras.settings.augmentation import AugmentationSettings
from sfp_keras.settings.committee import CommitteeSettings
from sfp_keras.settings.data import DataSettings
from sfp_keras.settings.declarations import Declaration, declarations, value_at, with_values
from sfp_keras.settings.field import Setting, declared, section, setting
from sfp_keras.settings.heads import ProbeSettings
from sfp_keras.settings.links import LinkSettings, LinkTrainingSettings, ScratchSettings
from sfp_keras.settings.monitoring import MonitoringSettings
from sfp_keras.settings.network import NetworkSettings
from sfp_keras.settings.recipe import ImageRecipeSettings, RecipeSettings
from sfp_keras.settings.report import ReportSettings
from sfp_keras.settings.run import MODES, RunSettings
from sfp_keras.settings.sweep import LABELS, SWEEP_AXES, WIDTHS, SweepAxis, SweepSettings
from sfp_keras.settings.training import FineTuningSettings, HeadSettings, TrainingSettings

__all__ = [
    "LABELS",
    "MODES",
    "SWEEP_AXES",
    "WIDTHS",
    "AblationSettings",
    "AfccSettings",
    "AnalysisSettings",
    "AugmentationSettings",
    "CommitteeSettings",
    "DataSettings",
    "Declaration",
    "FineTuningSettings",
    "HeadSettings",
    "ImageRecipeSettings",
    "LinkSettings",
    "LinkTrainingSettings",
    "MonitoringSettings",
    "NetworkSettings",
    "ProbeSettings",
    "RecipeSettings",
    "ReportSettings",
    "RunSettings",
    "ScratchSettings",
    "Setting",
    "SweepAxis",
    "SweepSettings",
    "TrainingSettings",
    "declarations",
    "declared",
    "section",
    "setting",
    "value_at",
    "with_values",
]
