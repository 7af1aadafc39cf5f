"""One file that holds everything a training needs to go on as if never stopped."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from sfp_keras.checkpoints.described_file import DescribedFile
from sfp_keras.errors import InputError
from sfp_keras.files import damaged

if TYPE_CHECKING:  # The room serves others that work without Keras.
    import keras


class TrainingCheckpoint(DescribedFile):
    """Weights, optimiser slots, seed states, finished epochs and their logs, written whole.

    Keras' `BackupAndRestore` restores neither seed-generator states nor the order of the data,
    and a kill between its two writes trains an epoch twice. Here one file is replaced by
    rename, so any kill leaves the state after a whole number of epochs.

    Args:
        path: `str` or `Path`. The file.
        description: `str`. What is trained and how; a checkpoint with another one is refused.
        every_seconds: `float`. Epochs that end sooner after the last write are not written.
            Defaults to `20.0`.
    """

    def __init__(self, path: str | Path, description: str = "", every_seconds: float = 20.0):
        super().__init__(path, description)
        self.every_seconds = every_seconds

    def restore(self, model: "keras.Model") -> list[dict[str, float]]:
        """Put the saved state into a built and compiled model.

        Args:
            model: `keras.Model`. Its optimiser must be built.

        Returns:
            The logs of the finished epochs; empty without a checkpoint.

        Raises:
            InputError: if the file is damaged, or belongs to another training.
        """
        if not self.path.exists():
            return []
        arrays = self.load() or {}
        variables = _state(model)
        expected = {f"v{i}": tuple(variable.shape) for i, variable in enumerate(variables)}
        found = {name: array.shape for name, array in arrays.items() if name.startswith("v")}
        if not arrays or found != expected:
            raise InputError(
                f"{self.path} belongs to another training; delete it and run again to start over"
            )
        try:
            history = json.loads(str(arrays["history"]))
            if not _is_history(history):
                raise ValueError("its history is no list of epochs")
            for i, variable in enumerate(variables):
                if arrays[f"v{i}"].dtype.kind in "cmM":  # A part would be lost.
                    raise ValueError(f"v{i} is {arrays[f'v{i}'].dtype}")
                variable.assign(arrays[f"v{i}"])
        except (KeyError, ValueError, TypeError, RecursionError) as error:
            raise damaged(self.path, error, "delete it and run again to start over") from None
        return history

    def save(self, model: "keras.Model", history: list[dict[str, float]], last: bool) -> None:
        """Write the state, unless the last write was a moment ago and more epochs follow."""
        if not last and self.age < self.every_seconds:
            return
        arrays: dict[str, Any] = {
            f"v{i}": variable.numpy() for i, variable in enumerate(_state(model))
        }
        self.write(**arrays, history=np.array(json.dumps(history)))


def _is_history(history: Any) -> bool:
    """Whether it has the numbers of each epoch by name."""
    return isinstance(history, list) and all(
        isinstance(logs, dict) and all(isinstance(value, int | float) for value in logs.values())
        for logs in history
    )


def _state(model: "keras.Model") -> "list[keras.Variable]":
    """Model variables (weights and seed states), then the optimiser's.

    Without metrics, and without what the model lists in `constants`: large data it holds.
    """
    constants = getattr(model, "constants", ())
    left_out = {id(variable) for variable in (*model.metrics_variables, *constants)}
    seen = [variable for variable in model.variables if id(variable) not in left_out]
    return [*seen, *model.optimizer.variables]
