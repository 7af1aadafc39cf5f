"""The papers' own numbers, each with its paper and table, to stand beside those measured here.

All of them are in numbers.json; a later paper adds rows to it.
"""

from sfp_keras.papers.experiments import (
    PAPER_SPLIT,
    PAPER_THRESHOLD,
    PaperNumbers,
    PaperRemoval,
    StageNumbers,
    all_experiments,
    measured_as_papers,
    paper_numbers,
)
from sfp_keras.papers.source import Source, cited, references
from sfp_keras.papers.sweeps import PaperSweep, paper_sweep, shown_stage

__all__ = [
    "PAPER_SPLIT",
    "PAPER_THRESHOLD",
    "PaperNumbers",
    "PaperRemoval",
    "PaperSweep",
    "Source",
    "StageNumbers",
    "all_experiments",
    "cited",
    "measured_as_papers",
    "paper_numbers",
    "paper_sweep",
    "references",
    "shown_stage",
]
