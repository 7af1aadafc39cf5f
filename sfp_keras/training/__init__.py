"""Training: PyTorch's SGD and AdamW with parameter groups, schedules, and a fit that resumes."""

from sfp_keras.progress import Progress
from sfp_keras.training.adamw import AdamW
from sfp_keras.training.callbacks import (
    EpochCheckpoint,
    FreshValidation,
    GroupSchedule,
    StopOnNaN,
)
from sfp_keras.training.cosine import CosineDecay, WarmUp
from sfp_keras.training.decay import parse_decay
from sfp_keras.training.fit import TrainingData, fit_with_resume
from sfp_keras.training.groups import ParameterGroup, parse_group
from sfp_keras.training.hyperparameters import (
    check_groups,
    compile_classifier,
    default_group,
    optimizer_of,
    schedule_of,
    vanishing_rate,
)
from sfp_keras.training.loss import CrossEntropy, curves, with_exact_loss
from sfp_keras.training.moved_batches import moved_batches
from sfp_keras.training.progress import FitProgress
from sfp_keras.training.resident import (
    ResidentImages,
    fits_on_device,
    resident_batches,
    resident_rows,
)
from sfp_keras.training.schedule import StepDecay
from sfp_keras.training.sgd import SGD
from sfp_keras.training.steps_together import StepsTogether, apart
from sfp_keras.training.zero_gradients import zero_gradient_shares

__all__ = [
    "SGD",
    "AdamW",
    "CosineDecay",
    "CrossEntropy",
    "EpochCheckpoint",
    "FitProgress",
    "FreshValidation",
    "GroupSchedule",
    "ParameterGroup",
    "Progress",
    "ResidentImages",
    "StepDecay",
    "StepsTogether",
    "StopOnNaN",
    "TrainingData",
    "WarmUp",
    "apart",
    "check_groups",
    "compile_classifier",
    "curves",
    "default_group",
    "fit_with_resume",
    "fits_on_device",
    "moved_batches",
    "optimizer_of",
    "parse_decay",
    "parse_group",
    "resident_batches",
    "resident_rows",
    "schedule_of",
    "vanishing_rate",
    "with_exact_loss",
    "zero_gradient_shares",
]
