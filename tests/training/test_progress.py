"""What a phase shows: the time it will take, then how far it is."""

import io

import pytest
from rich.console import Console

from sfp_keras.progress import Progress, duration
from sfp_keras.training import FitProgress


def test_each_epoch_is_one_line_with_its_numbers_where_there_is_no_terminal():
    text = io.StringIO()
    progress = Progress("heads", Console(file=text, width=40), line_seconds=0)
    callback = FitProgress(progress)
    callback.set_params({"epochs": 3, "steps": 2})
    callback.on_train_begin()
    for epoch in (1, 2):
        callback.on_epoch_begin(epoch)
        for batch in range(2):
            callback.on_train_batch_end(batch)
        callback.on_epoch_end(
            epoch, {"loss": 0.5, "val_layer2_accuracy": 0.25, "val_layer13_accuracy": 0.75}
        )
    callback.close()
    lines = text.getvalue().splitlines()
    assert lines[0] == "heads: going on after epoch 1 of 3"
    assert lines[1].startswith(
        "heads: epoch 2/3  loss 0.5000  test accuracy layer2 0.2500, layer13 0.7500"
    )
    assert lines[1].endswith("left")
    assert "3/3" in lines[2]


def test_items_pass_through_in_order():
    console = Console(file=io.StringIO())
    assert list(Progress("fields", console).over(iter(range(7)), 7)) == list(range(7))


class Training:
    """What Keras calls of a callback, on a clock of its own."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, alike: int = 1):
        self.now, self.text = 0.0, io.StringIO()
        monkeypatch.setattr("time.monotonic", lambda: self.now)
        self.progress = Progress("training", Console(file=self.text, width=80), alike=alike)

    def run(
        self, epochs: int, steps: int, step: float, validation: float, compiling: float = 20.0
    ) -> list[tuple[float, str]]:
        """Train; returns when each announcement came, and what it says."""
        said: list[tuple[float, str]] = []
        shown = FitProgress(self.progress, validation_steps=steps // 2)
        shown.set_params({"epochs": epochs, "steps": steps})
        shown.on_train_begin()
        for epoch in range(epochs):
            shown.on_epoch_begin(epoch)
            for batch in range(steps):
                self.now += step + compiling * (epoch == batch == 0)
                shown.on_train_batch_end(batch, {"loss": 1.0})
                self._note(said)
            self.now += validation + compiling / 2 * (epoch == 0)
            shown.on_epoch_end(epoch, {"loss": 1.0})
            self._note(said)
        shown.close()
        return said

    def _note(self, said: list[tuple[float, str]]) -> None:
        lines = [line for line in self.text.getvalue().splitlines() if "about" in line]
        said += [(self.now, line) for line in lines[len(said) :]]


def seconds_of(line: str) -> float:
    number, unit = line.split("about ")[1].split()[:2]
    return float(number) * {"s": 1, "min": 60, "h": 3600}[unit]


@pytest.mark.parametrize("validation", [0.1, 0.5, 1.0], ids="{} epochs".format)
@pytest.mark.parametrize(
    ("epochs", "steps", "step"),
    [(3, 100, 0.5), (100, 20, 0.01), (2, 100, 0.05), (30, 100, 0.25), (4, 3, 10.0), (30, 1, 0.9)],
)
def test_what_is_said_first_is_kept(
    monkeypatch: pytest.MonkeyPatch, epochs: int, steps: int, step: float, validation: float
) -> None:
    training = Training(monkeypatch)
    said = training.run(epochs, steps, step, validation * steps * step)
    when, line = said[0]
    assert when < 0.1 * training.now + 45
    assert 0.5 < seconds_of(line) / (training.now - when) < 2
    assert len(said) <= 2


def test_what_was_far_off_is_corrected_once(monkeypatch: pytest.MonkeyPatch) -> None:
    training = Training(monkeypatch)
    # Saving, or drawing, takes five times as long as the steps.
    first, second = training.run(epochs=50, steps=100, step=0.2, validation=100)
    assert seconds_of(first[1]) < 0.5 * training.now
    assert second[1].startswith("training: about")
    assert second[1].endswith("for 49 more epochs")
    assert 0.8 < seconds_of(second[1]) / (training.now - second[0]) < 1.2


def test_phases_that_follow_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    training = Training(monkeypatch, alike=4)
    ((_, line),) = training.run(epochs=3, steps=100, step=0.2, validation=3)
    assert line == "training: about 78 s for 3 epochs, 5 min for all 4"


def test_parts_without_a_size_are_not_timed(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    text = io.StringIO()
    progress = Progress("report", Console(file=text))
    sizes = [0, 1, 0, *[1, 0] * 19]
    for size in progress.over(sizes, sum(sizes), size=lambda one: one, unit="figures"):
        now[0] += size * (30 if now[0] == 0 else 2)  # The first one loads matplotlib.
    assert text.getvalue().splitlines()[0] == "report: about 34 s for 20 figures"


@pytest.mark.parametrize(
    ("seconds", "words"), [(0.2, "1 s"), (40, "40 s"), (700, "12 min"), (12600, "3.5 h")]
)
def test_durations_in_words(seconds, words):
    assert duration(seconds) == words


def test_accuracies_of_several_outputs_are_shown_in_their_order():
    text = io.StringIO()
    progress = Progress("heads", Console(file=text), outputs=["layer2", "layer10"])
    callback = FitProgress(progress)
    callback.set_params({"epochs": 1, "steps": 1})
    callback.on_train_begin()
    callback.on_epoch_begin(0)
    callback.on_epoch_end(0, {"val_layer10_accuracy": 0.25, "val_layer2_accuracy": 0.75})
    assert "test accuracy layer2 0.7500, layer10 0.2500" in text.getvalue()


def test_a_pass_shows_how_far_it_is_how_fast_and_what_is_left(monkeypatch):
    now = [0.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    text = io.StringIO()
    progress = Progress("features", Console(file=text, width=40, soft_wrap=True))
    batches = [range(100)] * 9 + [range(50)]
    for _ in progress.over(batches, 1950, begin=1000, size=len, unit="images"):
        now[0] += 90 if not now[0] else 10  # The first compiles.
    assert text.getvalue().splitlines() == [
        "features: going on after 1,000 of 1,950 images",
        "features: about 75 s for 950 images",
        "features: 1,400 of 1,950 images  10.0 images/s  55 s left",
        "features: 1,700 of 1,950 images  10.0 images/s  25 s left",
    ]


def test_a_terminal_has_a_bar_and_no_lines(monkeypatch):
    now = [0.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    text = io.StringIO()
    progress = Progress("features", Console(file=text, force_terminal=True), line_seconds=0)
    for _ in progress.over(range(9), 9):
        now[0] += 1
    assert "left" not in text.getvalue()
