"""Keras' `fit` with schedules, a stop on NaN, and a resume that changes nothing."""

import contextlib
import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import keras
from keras import ops

from sfp_keras.checkpoints import TrainingCheckpoint
from sfp_keras.distribution import current_devices
from sfp_keras.errors import InputError
from sfp_keras.training.optimizer import SGD
from sfp_keras.training.progress import Progress
from sfp_keras.training.schedule import StepDecay

History = list[dict[str, float]]


def fit_with_resume(
    model: keras.Model,
    batches: Callable[[int], Iterator[Any]],
    *,
    steps_per_epoch: int,
    epochs: int,
    checkpoint: TrainingCheckpoint,
    learning_rate: float,
    decay: StepDecay,
    schedule_epochs: int | None = None,
    validation: Callable[[], Iterator[Any]] | None = None,
    validation_steps: int | None = None,
    progress: Progress | None = None,
    on_epoch: Callable[[History], None] | None = None,
    callbacks: Sequence[keras.callbacks.Callback] = (),
) -> History:
    """Train to the last epoch from wherever the checkpoint stands.

    Everything random must be a function of the epoch alone: then a training that was killed
    at any moment ends in the same weights as one that was not.

    Args:
        model: compiled `keras.Model` whose optimiser is a built `sfp_keras.SGD`.
        batches: function of the first epoch; an endless iterator of batches from there on.
        steps_per_epoch: `int`. Batches an epoch.
        epochs: `int`. The last epoch, counted from 0, is `epochs - 1`.
        checkpoint: `TrainingCheckpoint`.
        learning_rate: `float`. At epoch 0, of variables in no group.
        decay: `StepDecay` of variables in no group; a group's own schedule is in the group.
        schedule_epochs: `int`. The number of epochs the decays are written for; they are
            stretched or pressed to `epochs`. Defaults to `epochs`.
        validation: function giving one pass of batches, or `None`.
        validation_steps: `int`. Batches of that pass.
        progress: `Progress`, told of every step, or `None`.
        on_epoch: function called with the history after each epoch.
        callbacks: further Keras callbacks.

    Returns:
        One dict an epoch: epoch, lr, and Keras' logs.

    Raises:
        InputError: if the loss is not finite.
    """
    history = checkpoint.restore(model)
    begin = len(history)
    if begin >= epochs:
        return history
    schedule = _Schedule(learning_rate, decay, epochs, schedule_epochs or epochs)
    keeper = _Keeper(history, checkpoint, epochs, on_epoch, schedule)
    devices = current_devices()
    told = [progress.callback(begin, epochs, steps_per_epoch)] if progress else []
    with devices.training(model), contextlib.ExitStack() as stack:
        for callback in told:
            stack.enter_context(contextlib.closing(callback))
        model.fit(
            devices.source(lambda: batches(begin)),
            initial_epoch=begin,
            epochs=epochs,
            steps_per_epoch=steps_per_epoch,
            shuffle=False,
            verbose=0,
            callbacks=[
                schedule,
                *devices.callbacks(),
                *([_Validation(validation, validation_steps)] if validation else []),
                _StopOnNaN(checkpoint),
                *callbacks,
                *told,
                keeper,
            ],
        )
    return history


class _Validation(keras.callbacks.Callback):
    """Evaluates on a fresh pass after every epoch, as `val_...` of the logs.

    Fit's own `validation_data` restarts a generator by repeating its first two batches, and
    drops what was read ahead: it would see other images each epoch.
    """

    def __init__(self, one_pass: Callable[[], Iterator[Any]], steps: int | None):
        super().__init__()
        self.one_pass, self.steps = one_pass, steps

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        devices = current_devices()
        found = self.model.evaluate(
            devices.source(self.one_pass),
            steps=self.steps,
            verbose=0,
            return_dict=True,
            callbacks=devices.callbacks(),
        )
        assert logs is not None
        logs.update({f"val_{name}": value for name, value in found.items()})


class _Schedule(keras.callbacks.Callback):
    """Sets the learning rates at the beginning of every epoch."""

    def __init__(self, initial: float, decay: StepDecay, epochs: int, schedule_epochs: int):
        super().__init__()
        self.initial, self.decay = initial, decay
        self.epochs, self.schedule_epochs = epochs, schedule_epochs
        self.rate = initial

    def on_epoch_begin(self, epoch: int, logs: dict | None = None) -> None:
        optimizer: SGD = self.model.optimizer

        def factor(decay: StepDecay) -> float:
            return decay.scaled_factor(epoch, self.epochs, self.schedule_epochs)

        self.rate = self.initial * factor(self.decay)
        optimizer.set_learning_rates(
            self.rate,
            {group.name: group.learning_rate * factor(group.decay) for group in optimizer.groups},
        )


class _StopOnNaN(keras.callbacks.Callback):
    """Stops where the loss or a weight is not finite, before anything is saved."""

    def __init__(self, checkpoint: TrainingCheckpoint):
        super().__init__()
        self.checkpoint = checkpoint

    @property
    def _mend(self) -> str:
        kept = (
            f"; the epochs before are kept in {self.checkpoint.path}: delete it to begin anew"
            if self.checkpoint.path.exists()
            else ""
        )
        return f"lower the learning rate (--lr, --head_lr or --afcc_lr), or check --scaling{kept}"

    def _check_loss(self, logs: dict | None) -> None:
        # The test loss shows what the last step of an epoch did.
        for name, what in (("loss", "loss"), ("val_loss", "test loss")):
            loss = float((logs or {}).get(name, 0.0))
            if not math.isfinite(loss):
                raise InputError(
                    f"the {what} is not finite ({loss}) in epoch {self.epoch}: {self._mend}"
                )

    def on_epoch_begin(self, epoch: int, logs: dict | None = None) -> None:
        self.epoch = epoch

    def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
        if batch % 50 == 49:
            self._check_loss(logs)

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        self._check_loss(logs)
        # ReLU turns NaN into zero on some devices: the loss then stays finite.
        for variable in self.model.trainable_variables:
            if not bool(ops.all(ops.isfinite(variable))):
                raise InputError(f"{variable.path} is not finite after epoch {epoch}: {self._mend}")


class _Keeper(keras.callbacks.Callback):
    """Appends an epoch to the history and writes the checkpoint."""

    def __init__(
        self,
        history: History,
        checkpoint: TrainingCheckpoint,
        epochs: int,
        on_epoch: Callable[[History], None] | None,
        schedule: _Schedule,
    ):
        super().__init__()
        self.history, self.checkpoint, self.epochs = history, checkpoint, epochs
        self.on_epoch, self.schedule = on_epoch, schedule

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        numbers = {name: float(value) for name, value in (logs or {}).items()}
        self.history.append({"epoch": epoch, "lr": self.schedule.rate, **numbers})
        self.checkpoint.save(self.model, self.history, last=epoch == self.epochs - 1)
        if self.on_epoch:
            self.on_epoch(self.history)
