"""Keras' `fit` with schedules, a stop on NaN, and a resume that changes nothing."""

import contextlib
import dataclasses
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import keras

from sfp_keras.checkpoints import TrainingCheckpoint
from sfp_keras.distribution import BatchSource, current_devices
from sfp_keras.progress import Progress
from sfp_keras.settings import TrainingSettings
from sfp_keras.training.callbacks import EpochCheckpoint, FreshValidation, History, StopOnNaN
from sfp_keras.training.hyperparameters import schedule_of
from sfp_keras.training.progress import FitProgress
from sfp_keras.training.steps_together import number_of_calls, takes_several, together


@dataclasses.dataclass(frozen=True)
class TrainingData:
    """The batches a training sees, as functions of the epoch alone.

    Attributes:
        batches: function of the first epoch; an endless iterator of batches from there on.
        steps_per_epoch: `int`. Batches an epoch.
        validation: function giving one pass of test batches, or `None`.
        validation_steps: `int`. Batches of that pass.
        full_steps: `int`. Batches of an epoch that have one size, the first ones: where a step is
            short, a model takes several of them at once. `None`: never.
        full_validation_steps: `int`. The same of validation.
    """

    batches: Callable[[int], Iterator[Any]]
    steps_per_epoch: int
    validation: Callable[[], Iterator[Any]] | None = None
    validation_steps: int | None = None
    full_steps: int | None = None
    full_validation_steps: int | None = None

    def together(self) -> "TrainingData":
        """The same with batches of one size stacked, as a `StepsTogether` takes them."""
        batches, steps = _stacked(self.batches, self.steps_per_epoch, self.full_steps)
        validation, of_test = _stacked(
            self.validation, self.validation_steps, self.full_validation_steps
        )
        return TrainingData(batches, steps, validation, of_test)


def _stacked(batches: Any, steps: Any, full: int | None) -> tuple[Any, Any]:
    """Batches in groups, and how many there are; as they are where `full` is not known."""
    if batches is None or full is None:
        return batches, steps
    return lambda *epoch: together(batches(*epoch), steps, full), number_of_calls(steps, full)


def fit_with_resume(
    model: keras.Model,
    data: TrainingData,
    settings: TrainingSettings,
    checkpoint: TrainingCheckpoint | None = None,
    *,
    progress: Progress | None = None,
    on_epoch: Callable[[History], None] | None = None,
    callbacks: Sequence[keras.callbacks.Callback] = (),
) -> History:
    """Train to the last epoch from wherever the checkpoint stands.

    Everything random must be a function of the epoch alone: then a training that was killed
    at any moment ends in the same weights as one that was not.

    Args:
        model: `keras.Model` compiled with a built optimiser, as `compile_classifier` does.
        data: `TrainingData`.
        settings: `TrainingSettings`; of them, the epochs and the schedule of the learning rate.
        checkpoint: `TrainingCheckpoint`, or `None` for a training that begins at epoch 0 each time.
        progress: `Progress`, which reports every step, or `None`.
        on_epoch: function called with the history after each epoch.
        callbacks: further Keras callbacks, which see an epoch before it is saved.

    Returns:
        One dict an epoch: epoch, lr, and Keras' logs.

    Raises:
        InputError: if a loss or a weight is not finite, or the checkpoint is of another training.
    """
    saver = EpochCheckpoint(checkpoint, on_epoch)
    begin, epochs = saver.restore(model), settings.total_epochs
    if begin >= epochs:
        return saver.history
    devices = current_devices()
    if takes_several(model):
        data = data.together()
    validation = (
        [FreshValidation(data.validation, data.validation_steps)] if data.validation else []
    )
    with contextlib.ExitStack() as stack:
        shown = [FitProgress(progress, data.validation_steps or 0)] if progress else []
        source = BatchSource(lambda: data.batches(begin))
        opened: list[Any] = [*shown, source, *validation]
        for each in opened:
            stack.callback(each.close)
        stack.enter_context(devices.training(model))
        model.fit(
            source(),
            initial_epoch=begin,
            epochs=epochs,
            steps_per_epoch=data.steps_per_epoch,
            shuffle=False,
            verbose=0,
            callbacks=[
                schedule_of(settings),
                *devices.callbacks(),
                *validation,
                StopOnNaN(checkpoint.path if checkpoint else None),
                *callbacks,
                *shown,
                saver,
            ],
        )
    return saver.history
