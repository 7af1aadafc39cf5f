"""What a phase shows: the time it will take, then how far it is."""

import io

import pytest
from rich.console import Console

from sfp_keras.training import Progress
from sfp_keras.training.progress import duration


def test_each_epoch_is_one_line_with_its_numbers_where_there_is_no_terminal():
    text = io.StringIO()
    progress = Progress("heads", Console(file=text, width=40), line_seconds=0)
    callback = progress.callback()
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


@pytest.mark.parametrize(
    ("seconds", "words"), [(0.2, "1 s"), (40, "40 s"), (700, "12 min"), (12600, "3.5 h")]
)
def test_durations_in_words(seconds, words):
    assert duration(seconds) == words


def test_accuracies_of_several_outputs_are_shown_in_their_order():
    text = io.StringIO()
    progress = Progress("heads", Console(file=text), outputs=["layer2", "layer10"])
    callback = progress.callback()
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
        "features: about 55 s for 950 images",
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
