"""The settings of an experiment, each with one definition."""

from sfp_keras.settings.field import Setting, declared, setting

__all__ = ["Setting", "declared", "setting"]
