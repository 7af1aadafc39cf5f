"""What a long phase shows its user: the time it will take, then how far it is."""

import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar

from sfp_keras.console import PlainConsole

# Seconds: what takes less needs no announcement.
_WORTH_SAYING = 5.0
# Items that are timed before there is one, or seconds where they are long.
_TIMED, _LONG = 3, 3.0


class Progress:
    """Progress of one phase on a terminal, or a line now and then elsewhere.

    Args:
        phase: `str`. What runs: "training", "heads", ...
        console: `rich.console.Console`, or `None` for standard output.
        line_seconds: `float`. Least time between two lines where there is no terminal.
        outputs: sequence of `str`. Names of the outputs of a model with several, in the order
            in which their accuracies are shown. Defaults to Keras' order, that of the alphabet.
        alike: `int`. How many phases as long as this one follow at once, this one included: the
            time of all is said too. Defaults to `1`.
    """

    def __init__(
        self,
        phase: str,
        console: Console | None = None,
        line_seconds: float = 30.0,
        outputs: Sequence[str] = (),
        alike: int = 1,
    ):
        self.phase = phase
        self.console = console or PlainConsole(sys.stdout)
        self.line_seconds = line_seconds
        self.outputs = tuple(outputs)
        self.alike = alike

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
            size: function of an item giving its units, from 0. Defaults to one each.
            unit: `str`. What is counted. Defaults to `"batches"`.
        """
        done, timed, said = begin, 0, False
        start: float | None = None
        if begin:
            self.console.print(f"{self.phase}: going on after {begin:,} of {total:,} {unit}")
        with self.bar() as bar:
            task = bar.add_task(self.phase, total=total, completed=begin)
            for item in items:
                now = time.monotonic()
                if start is None:
                    if done > begin:  # The first compiles.
                        start, shown, before = now, now, done
                elif done > before:
                    left = (now - start) / (done - before) * (total - done)
                    if not said and (timed == _TIMED or now - start >= _LONG):
                        self.announce(left, f"{total - begin:,} {unit}")
                        said = True
                    if now - shown >= self.line_seconds:
                        shown = now
                        self._line(done, total, unit, (done - before) / (now - start), left)
                yield item
                units = size(item)
                timed += bool(units) and start is not None
                done += units
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
        """Say how long the phase will take, where that is long enough to matter.

        Args:
            seconds: `float`. From now.
            what: `str`. What takes so long, such as `"20 epochs"`.
        """
        if seconds * self.alike >= _WORTH_SAYING:
            together = f", {duration(seconds * self.alike)} for all {self.alike}"
            self.console.print(
                f"{self.phase}: about {duration(seconds)} for {what}"
                + (together if self.alike > 1 else "")
            )


def duration(seconds: float) -> str:
    """Seconds in words: `40 s`, `12 min`, `3.5 h`."""
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    if seconds < 5400:
        return f"{round(seconds / 60)} min"
    return f"{seconds / 3600:.1f} h"
