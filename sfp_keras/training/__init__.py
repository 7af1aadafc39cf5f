"""Training: PyTorch's SGD with parameter groups, step schedules, and a fit that resumes."""

from sfp_keras.training.fit import fit_with_resume
from sfp_keras.training.groups import ParameterGroup, parse_group
from sfp_keras.training.loss import CrossEntropy, curves, with_exact_loss
from sfp_keras.training.optimizer import SGD
from sfp_keras.training.progress import Progress
from sfp_keras.training.resident import (
    ResidentImages,
    fits_on_device,
    resident_batches,
    resident_rows,
)
from sfp_keras.training.schedule import StepDecay

__all__ = [
    "SGD",
    "CrossEntropy",
    "ParameterGroup",
    "Progress",
    "ResidentImages",
    "StepDecay",
    "curves",
    "fit_with_resume",
    "fits_on_device",
    "parse_group",
    "resident_batches",
    "resident_rows",
    "with_exact_loss",
]
