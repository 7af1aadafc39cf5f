"""When an accuracy might be guessing."""

import pytest

from sfp_keras.workflows.phases.accuracy import is_guessing, near_chance


@pytest.mark.parametrize(
    ("accuracy", "num_labels", "near"),
    [
        *((0.5, 2, True), (0.65, 2, False), (0.95, 2, False), (0.34, 3, True), (0.55, 3, False)),
        *((0.012, 100, True), (0.02, 100, False)),
    ],
)
def test_near_chance(accuracy: float, num_labels: int, near: bool) -> None:
    assert near_chance(accuracy, num_labels) == near


@pytest.mark.parametrize(
    ("correct", "images", "num_labels", "guesses"),
    [
        # Guesses among ten labels are right in 100 of 1,000, within 10 or so.
        *((100, 1000, 10, True), (110, 1000, 10, True), (123, 1000, 10, False)),
        # Of many images little is enough, of few nothing but nearly all.
        *((1040, 10_000, 10, True), (1080, 10_000, 10, False), (3, 12, 10, False)),
        *((1, 12, 10, True), (5, 12, 3, True), (8, 12, 3, False)),
        # Labels in another order are worse than guesses.
        *((0, 100, 10, True), (2, 100, 2, True), (55, 100, 2, True), (64, 100, 2, False)),
    ],
)
def test_guessing_is_told_by_the_number_of_images(
    correct: int, images: int, num_labels: int, guesses: bool
) -> None:
    assert is_guessing(correct / images, num_labels, images) == guesses
