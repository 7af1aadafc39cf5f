"""What a long phase shows its user: the time it will take, then how far it is."""

import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import keras
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar

from sfp_keras.console import PlainConsole


class Progress:
    """Progress of one phase on a terminal, or a line now and then elsewhere.

    Args:
        phase: `str`. What runs: "training", "heads", ...
        console: `rich.console.Console`, or `None` for standard output.
        line_seconds: `float`. Least time between two lines where there is no terminal.
        outputs: sequence of `str`. Names of the outputs of a model with several, in the order
            in which their accuracies are shown. Defaults to Keras' order, that of the alphabet.
    """

    def __init__(
        self,
        phase: str,
        console: Console | None = None,
        line_seconds: float = 30.0,
        outputs: Sequence[str] = (),
    ):
        self.phase = phase
        self.console = console or PlainConsole(sys.stdout)
        self.line_seconds = line_seconds
        self.outputs = tuple(outputs)

    def callback(self) -> "FitProgress":
        """A Keras callback that reports on a training."""
        return FitProgress(self)

    def over(
        self,
        items: Iterable[Any],
        total: int,
        *,
        begin: int = 0,
        size: Callable[[Any], int] = lambda item: 1,
        unit: str = "batches",
    ) -> Iterator[Any]:
        """Yield from `items`, reporting how many of `total` are done.

        Args:
            items: what is worked on.
            total: `int`. All there is, in units.
            begin: `int`. Units that were done earlier. Defaults to `0`.
            size: function of an item giving its units. Defaults to one each.
            unit: `str`. What is counted. Defaults to `"batches"`.
        """
        done = begin
        if begin:
            self.console.print(f"{self.phase}: going on after {begin:,} of {total:,} {unit}")
        with self.bar() as bar:
            task = bar.add_task(self.phase, total=total, completed=begin)
            for number, item in enumerate(items):
                now = time.monotonic()
                if number == 1:  # The first compiles.
                    start, shown, before = now, now, done
                elif number > 1:
                    left = (now - start) / (done - before) * (total - done)
                    if number == 4:
                        self.announce(left, f"{total - begin:,} {unit}")
                    if now - shown >= self.line_seconds:
                        shown = now
                        self._line(done, total, unit, (done - before) / (now - start), left)
                yield item
                done += size(item)
                bar.update(task, completed=done)

    def _line(self, done: int, total: int, unit: str, speed: float, left: float) -> None:
        if not self.console.is_terminal:
            self.console.print(
                f"{self.phase}: {done:,} of {total:,} {unit}  {speed:,.{0 if speed > 10 else 1}f} "
                f"{unit}/s  {duration(left)} left",
                highlight=False,
            )

    def bar(self) -> Bar:
        """A rich progress bar; silent where standard output is no terminal."""
        return Bar(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            console=self.console,
            disable=not self.console.is_terminal,
            transient=True,
        )

    def announce(self, seconds: float, what: str) -> None:
        """Say how long the phase will take, where that is long enough to matter."""
        if seconds >= 5:
            self.console.print(f"{self.phase}: about {duration(seconds)} for {what}")


class FitProgress(keras.callbacks.Callback):
    """Times the first steps, then shows epochs, loss, accuracy and the time left.

    Close it when the training has ended or was stopped, which Keras does not report to callbacks:
    the cursor of a terminal is hidden until then.

    Args:
        progress: `Progress`.

    Example:
        >>> with contextlib.closing(Progress("training").callback()) as shown:
        ...     model.fit(x, y, epochs=20, verbose=0, callbacks=[shown])
    """

    WARMUP, TIMED = 2, 6

    def __init__(self, progress: Progress):
        super().__init__()
        self.progress = progress
        self.done, self.announced = 0, False
        self.bar = progress.bar()

    def on_train_begin(self, logs: dict | None = None) -> None:
        """Show the bar; which epoch comes first is not known yet."""
        self.first: int | None = None
        self.epochs, self.steps = self.params["epochs"], self.params["steps"]
        self.bar.start()
        self.task = self.bar.add_task(self.progress.phase, total=None)
        self.start = self.shown = time.monotonic()

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
        """Advance the bar; after the first steps, print how long the rest will take."""
        self.done += 1
        self.bar.advance(self.task)
        if self.done == self.WARMUP:
            self.warm = time.monotonic()
        elif self.done == self.WARMUP + self.TIMED and self.steps and not self.announced:
            epochs = self.epochs - (self.first or 0)
            left = epochs * self.steps - self.done
            seconds = (time.monotonic() - self.warm) / self.TIMED * left
            self.progress.announce(seconds, f"{epochs} epochs")
            self.announced = True

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        """Print a line, unless the last one was a moment ago."""
        now = time.monotonic()
        last = epoch + 1 == self.epochs
        if last or now - self.shown >= self.progress.line_seconds:
            self.shown = now
            trained = epoch + 1 - (self.first or 0)
            left = (now - self.start) / trained * (self.epochs - epoch - 1)
            self.progress.console.print(
                f"{self.progress.phase}: epoch {epoch + 1}/{self.epochs}  "
                + _numbers(logs or {}, self.progress.outputs)
                + ("" if last else f"  {duration(left)} left"),
                highlight=False,
                soft_wrap=True,
            )

    def close(self) -> None:
        """Take the bar away."""
        self.bar.stop()


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


def duration(seconds: float) -> str:
    """Seconds in words: `40 s`, `12 min`, `3.5 h`."""
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    if seconds < 5400:
        return f"{round(seconds / 60)} min"
    return f"{seconds / 3600:.1f} h"
