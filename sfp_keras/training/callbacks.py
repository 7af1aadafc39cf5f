"""Keras callbacks for any `model.fit`: schedules, a stop on NaN, fresh validation, checkpoints."""

import math
from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from typing import Any

import keras
from keras import ops

from sfp_keras.checkpoints import TrainingCheckpoint
from sfp_keras.distribution import BatchSource, current_devices
from sfp_keras.errors import InputError
from sfp_keras.training.cosine import NO_WARM_UP, WarmUp
from sfp_keras.training.decay import Decay
from sfp_keras.training.groups import ParameterGroup

History = list[dict[str, float]]


class GroupSchedule(keras.callbacks.Callback):
    """Sets the learning rates of an optimiser at the beginning of every epoch.

    The rate of variables in no group stands in the logs as `lr`. With `sfp_keras.SGD` and
    `sfp_keras.AdamW`, each parameter group follows the group's own decay; other optimisers have
    one rate for all.

    Args:
        initial: `float`. The learning rate at epoch 0, of variables in no group.
        decay: `StepDecay` or `CosineDecay` of variables in no group.
        epochs: `int`. Epochs trained.
        schedule_epochs: `int`. The number of epochs all decays are written for, warm-up and
            cool-down included; they are stretched or compressed to `epochs`. Defaults to `epochs`.
        warm_up: `WarmUp`, of all groups. Defaults to none.

    Example:
        >>> model.fit(x, y, epochs=60, callbacks=[
        ...     GroupSchedule(0.0145, StepDecay.parse("0.6/20"), epochs=60, schedule_epochs=300)])
    """

    def __init__(
        self,
        initial: float,
        decay: Decay,
        epochs: int,
        schedule_epochs: int | None = None,
        warm_up: WarmUp = NO_WARM_UP,
    ):
        super().__init__()
        self.initial, self.decay, self.warm_up = initial, decay, warm_up
        self.epochs, self.schedule_epochs = epochs, schedule_epochs or epochs

    def default_rate(self, epoch: int) -> float:
        """The learning rate of variables in no group, at an epoch counted from 0."""
        return self._decayed(self.initial, self.decay, epoch)

    def group_rate(self, group: ParameterGroup, epoch: int) -> float:
        """The learning rate of a group, at an epoch counted from 0."""
        return self._decayed(group.learning_rate, group.decay, epoch)

    def _decayed(self, initial: float, decay: Decay, epoch: int) -> float:
        if not initial:
            return 0.0  # Frozen, whatever others warm up from or fall to.
        place = Fraction(epoch * self.schedule_epochs, self.epochs)
        if place < self.warm_up.epochs:
            return self.warm_up.rate(initial, place)
        return decay.rate(initial, place, self.schedule_epochs)

    def on_epoch_begin(self, epoch: int, logs: dict | None = None) -> None:
        """Set the rates."""
        optimizer, rate = self.model.optimizer, self.default_rate(epoch)
        # Keras builds it with the first step, as it does a model whose input is not given.
        if not optimizer.built and self.model.trainable_variables:
            optimizer.build(self.model.trainable_variables)
        # In half precision Keras wraps what the model was compiled with.
        optimizer = getattr(optimizer, "inner_optimizer", optimizer)
        groups = getattr(optimizer, "groups", ())
        if groups and not optimizer.built:
            raise InputError(
                "`groups`: the model has no variables yet; give it a keras.Input, or call its "
                "build(input_shape) before fit"
            )
        if groups:
            optimizer.set_learning_rates(rate, {g.name: self.group_rate(g, epoch) for g in groups})
        else:
            optimizer.learning_rate = rate

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        """Log the rate."""
        if logs is not None:
            logs["lr"] = self.default_rate(epoch)


class StopOnNaN(keras.callbacks.Callback):
    """Raises an error where the loss or a weight is not finite.

    Put it before callbacks that save. It looks at the loss every 50 batches, of which each may be
    several steps at once, and at losses and all weights after each epoch: where ReLU turns NaN into
    zero, the loss stays finite.

    Args:
        kept_in: file in which the finished epochs are kept, which the error then names; or
            `None`.

    Raises:
        InputError: while fitting; says what is not finite, since which epoch, and what to do.
    """

    def __init__(self, kept_in: Any = None):
        super().__init__()
        self.kept_in = kept_in
        self.epoch = 0
        self._constants: set[int] = set()

    def on_train_begin(self, logs: dict | None = None) -> None:
        """Remember what holds infinity or NaN already, such as a mask of a layer of one's own."""
        self._constants = {id(variable) for variable in getattr(self.model, "constants", ())}
        # Constants may be gigabytes, and to look at them takes half as much again.
        states = [
            one
            for one in self.model.non_trainable_variables
            if "float" in one.dtype and id(one) not in self._constants
        ]
        self._constants |= {id(variable) for variable in _not_finite(states)}

    def on_epoch_begin(self, epoch: int, logs: dict | None = None) -> None:
        """Remember the epoch."""
        self.epoch = epoch

    def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
        """Look at the loss now and then: on a GPU, each look waits for the device."""
        if batch % 50 == 49:
            self._check_losses(logs)

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        """Look at losses and weights."""
        # The test loss shows what the last step of an epoch did.
        self._check_losses(logs)
        variables = [
            variable
            for variable in self.model.weights
            if "float" in variable.dtype and id(variable) not in self._constants
        ]
        for variable in _not_finite(variables):
            raise self._error(f"{variable.path} is not finite after epoch {epoch}")

    def _check_losses(self, logs: dict | None) -> None:
        for name, what in (("loss", "loss"), ("val_loss", "test loss")):
            loss = float((logs or {}).get(name, 0.0))
            if not math.isfinite(loss):
                raise self._error(f"the {what} is not finite ({loss}) in epoch {self.epoch}")

    def _error(self, what: str) -> InputError:
        kept = ""
        if self.kept_in is not None and self.kept_in.exists():
            kept = f"; the epochs before are kept in {self.kept_in}: delete it to start over"
        return InputError(
            f"{what}: choose a lower learning rate (`lr`), or check the `scaling` of images{kept}"
        )


def _not_finite(variables: Sequence[keras.Variable]) -> list[keras.Variable]:
    if not variables:
        return []
    # One look for all: each one waits for the device.
    finite = ops.stack([ops.all(ops.isfinite(variable)) for variable in variables])
    pairs = zip(variables, ops.convert_to_numpy(finite), strict=True)
    return [variable for variable, is_finite in pairs if not is_finite]


class FreshValidation(keras.callbacks.Callback):
    """Evaluates on a new pass over test batches after every epoch, as `val_...` of the logs.

    The `validation_data` of fit restarts a generator by repeating its first two batches, and
    drops what was read ahead: it would see other images each epoch.

    Args:
        batches: function giving an iterator of one pass over the test batches.
        steps: `int`. Batches of a pass; all the iterator has by default.
    """

    def __init__(self, batches: Callable[[], Iterator[Any]], steps: int | None = None):
        super().__init__()
        self.batches, self.steps = batches, steps
        self._source: BatchSource | None = None

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        """Evaluate, and add the results to the logs, for callbacks that come later."""
        if self._source is None:
            self._source = BatchSource(self.batches)
        results = self.model.evaluate(
            self._source(),
            steps=self.steps,
            verbose=0,
            return_dict=True,
            callbacks=current_devices().callbacks(),
        )
        if logs is not None:
            logs.update({f"val_{name}": value for name, value in results.items()})

    def close(self) -> None:
        """Let go of the test batches, which TensorFlow would keep."""
        if self._source is not None:
            self._source.close()
            self._source = None

    def on_train_end(self, logs: dict | None = None) -> None:
        """Let go of the test batches."""
        self.close()


class EpochCheckpoint(keras.callbacks.Callback):
    """Keeps the logs of finished epochs, and all a training needs to go on after them.

    Put it last, so that it saves what the callbacks before it did. A training goes on as if it
    had never been stopped where everything random is a function of the epoch or a variable of
    the model.

    Args:
        checkpoint: `TrainingCheckpoint`, or `None` to keep logs only.
        on_epoch: function called with `history` after each epoch, or `None`.

    Attributes:
        history: one dict an epoch: `epoch`, `lr` where it is logged, and Keras' other logs; those
            restored included.

    Example:
        >>> saver = EpochCheckpoint(TrainingCheckpoint("training.npz"))
        >>> done = saver.restore(model)  # Compiled, with its optimiser built.
        >>> model.fit(batches(done), initial_epoch=done, epochs=20, steps_per_epoch=500,
        ...           shuffle=False, callbacks=[saver])
    """

    def __init__(
        self,
        checkpoint: TrainingCheckpoint | None,
        on_epoch: Callable[[History], None] | None = None,
    ):
        super().__init__()
        self.checkpoint, self.on_epoch = checkpoint, on_epoch
        self.history: History = []

    def restore(self, model: keras.Model) -> int:
        """Put the saved state into a model that is compiled, and whose optimiser is built.

        Returns:
            The number of finished epochs: fit's `initial_epoch`.

        Raises:
            InputError: if the file is damaged, or belongs to another training.
        """
        self.history = self.checkpoint.restore(model) if self.checkpoint else []
        return len(self.history)

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        """Append the logs, and write the checkpoint."""
        numbers = {name: float(value) for name, value in (logs or {}).items()}
        rate = {"lr": numbers.pop("lr")} if "lr" in numbers else {}
        self.history.append({"epoch": epoch, **rate, **numbers})
        if self.checkpoint:
            last = epoch + 1 == self.params["epochs"]
            self.checkpoint.save(self.model, self.history, last=last)
        if self.on_epoch:
            self.on_epoch(self.history)
