"""A Keras callback that says how long a training will take, and shows how far it is."""

import time
from collections.abc import Sequence

import keras

from sfp_keras.progress import Progress, duration


class FitProgress(keras.callbacks.Callback):
    """Times the first steps, then shows epochs, loss, accuracy and the time left.

    Long epochs are announced after their first steps, short ones when a whole one has been timed,
    with its validation and what other callbacks do. After each of the first two epochs an
    announcement that was far off is corrected.

    Close it when the training has ended or was stopped, which Keras does not report to callbacks:
    the cursor of a terminal is hidden until then.

    Args:
        progress: `Progress`.
        validation_steps: `int`. Batches evaluated after each epoch. Defaults to `0`.

    Example:
        >>> with contextlib.closing(FitProgress(Progress("training"))) as shown:
        ...     model.fit(x, y, epochs=20, verbose=0, callbacks=[shown])
    """

    # Steps: the first compiles; seconds that are timed at least, where steps are long.
    WARMUP, TIMED, LONG_STEPS = 2, 6, 10.0
    # Of an epoch, in seconds: shorter ones are timed whole.
    SHORT_EPOCH = 10.0
    # An evaluation has a third of a step's arithmetic, and compiles in half the time.
    EVALUATION, COMPILATION = 1 / 3, 1 / 2
    # Times that differ by more are said again.
    FAR = 1.5

    def __init__(self, progress: Progress, validation_steps: int = 0):
        super().__init__()
        self.progress, self.validation_steps = progress, validation_steps
        self.done, self.step_seconds, self.first_step = 0, 0.0, 0.0
        # When the training was said to end.
        self.said: float | None = None
        self.bar = progress.bar()

    def on_train_begin(self, logs: dict | None = None) -> None:
        """Show the bar; which epoch comes first is not known yet."""
        self.first: int | None = None
        self.epochs, self.steps = self.params["epochs"], self.params["steps"]
        self.bar.start()
        self.task = self.bar.add_task(self.progress.phase, total=None)
        self.shown = self.stepped = time.monotonic()

    def on_epoch_begin(self, epoch: int, logs: dict | None = None) -> None:
        """At the first, count the steps to come."""
        if self.first is not None:
            return
        self.first = epoch
        if self.steps:
            self.bar.update(self.task, total=(self.epochs - epoch) * self.steps)
        if epoch:
            self.progress.console.print(
                f"{self.progress.phase}: going on after epoch {epoch} of {self.epochs}"
            )

    def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
        """Advance the bar; after the first steps, say how long the rest takes."""
        self.done += 1
        self.bar.advance(self.task)
        if self.done == 1:
            _wait(logs)
            self.first_step = time.monotonic() - self.stepped
        elif self.done == self.WARMUP:
            _wait(logs)
            self.warm = time.monotonic()
        elif self.done > self.WARMUP and self.steps and not self.step_seconds:
            steps = self.done - self.WARMUP
            if steps == self.TIMED or time.monotonic() - self.warm >= self.LONG_STEPS:
                _wait(logs)
                self.step_seconds = (time.monotonic() - self.warm) / steps
                self._announce_steps()
        if self.steps and batch + 1 == self.steps:
            _wait(logs)
        self.stepped = time.monotonic()

    def _announce_steps(self) -> None:
        epochs = self.epochs - (self.first or 0)
        evaluation = self.EVALUATION * self.validation_steps
        epoch = self.step_seconds * (self.steps + evaluation)
        if epochs <= 2 or epoch >= self.SHORT_EPOCH:
            left = epochs * epoch - self.done * self.step_seconds
            self._announce(left + self._compilation(), f"{epochs} epoch{'s' if epochs > 1 else ''}")

    def _compilation(self) -> float:
        """Seconds that the first evaluation compiles for, judged by the first step."""
        if not self.validation_steps or not self.step_seconds:
            return 0.0
        return self.COMPILATION * max(0.0, self.first_step - self.step_seconds)

    def _announce(self, seconds: float, what: str) -> None:
        self.said = time.monotonic() + seconds
        self.progress.announce(seconds, what)

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        """Print a line, unless the last one was a moment ago."""
        now = time.monotonic()
        left = self._left(epoch, now)
        last = epoch + 1 == self.epochs
        self._correct(epoch, now, left)
        if last or now - self.shown >= self.progress.line_seconds:
            self.shown = now
            self.progress.console.print(
                f"{self.progress.phase}: epoch {epoch + 1}/{self.epochs}  "
                + _numbers(logs or {}, self.progress.outputs)
                + ("" if last else f"  {duration(left)} left"),
                highlight=False,
                soft_wrap=True,
            )

    def _left(self, epoch: int, now: float) -> float:
        """Seconds to the end, by the epochs after the first, which compiles."""
        trained = epoch + 1 - (self.first or 0)
        if trained == 1:
            self.first_end = now
            # With what the validation and other callbacks took.
            after = now - self.stepped
            seconds = self.step_seconds * (self.steps or 0) + max(
                after - self._compilation(), after / 2
            )
        else:
            seconds = (now - self.first_end) / (trained - 1)
        return seconds * (self.epochs - epoch - 1)

    def _correct(self, epoch: int, now: float, left: float) -> None:
        trained = epoch + 1 - (self.first or 0)
        rest = self.epochs - epoch - 1
        if trained > 2 or not rest:
            return
        if self.said is None:
            # The first epoch's validation compiles, so that a short one is no measure.
            far = trained == 2
        else:
            far = not 1 / self.FAR < left / max(self.said - now, 1.0) < self.FAR
        if far:
            self._announce(left, f"{rest} more epochs" if rest > 1 else "the last epoch")

    def close(self) -> None:
        """Take the bar away."""
        self.bar.stop()


def _wait(logs: dict | None) -> None:
    """Wait for the device, which works on while Python goes ahead."""
    for value in (logs or {}).values():
        float(value)


def _numbers(logs: dict[str, float], outputs: Sequence[str]) -> str:
    shown = {"loss": "loss", "accuracy": "accuracy", "val_accuracy": "test accuracy"}
    parts = [f"{shown[k]} {float(v):.4f}" for k, v in logs.items() if k in shown]
    heads = {
        name.removeprefix("val_").removesuffix("_accuracy"): f"{float(value):.4f}"
        for name, value in logs.items()
        if name.startswith("val_") and name.endswith("_accuracy") and name != "val_accuracy"
    }
    if heads:
        order = [name for name in outputs if name in heads] or list(heads)
        parts.append("test accuracy " + ", ".join(f"{name} {heads[name]}" for name in order))
    return "  ".join(parts)
