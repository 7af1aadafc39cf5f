"""The command: its flags, presets and help, and what it says of mistakes.

Importing it defines the flags.
"""

from sfp_keras.command import help
from sfp_keras.command.command import build_experiment, main, run

__all__ = ["build_experiment", "help", "main", "run"]
