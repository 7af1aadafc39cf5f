"""Run directories: their files, who may write them, and what their results were made with."""

from sfp_keras.runs.identity import FormerValue, differences, same_images
from sfp_keras.runs.layout import CONTINUED_FROM, RunFiles
from sfp_keras.runs.lock import in_use, locked, try_lock
from sfp_keras.runs.plan import RunPlan
from sfp_keras.runs.record import RunRecord
from sfp_keras.runs.run_directory import RunDirectory
from sfp_keras.runs.stage_files import AblationFiles, AfccFiles, SplitFiles, StageFiles

__all__ = [
    "CONTINUED_FROM",
    "AblationFiles",
    "AfccFiles",
    "FormerValue",
    "RunDirectory",
    "RunFiles",
    "RunPlan",
    "RunRecord",
    "SplitFiles",
    "StageFiles",
    "differences",
    "in_use",
    "locked",
    "same_images",
    "try_lock",
]
