"""Checkpoints: what a training or a pass over images needs to go on where it was stopped."""

from sfp_keras.checkpoints.pass_checkpoint import PassCheckpoint
from sfp_keras.checkpoints.training_checkpoint import TrainingCheckpoint

__all__ = ["PassCheckpoint", "TrainingCheckpoint"]
