"""When an accuracy might be guessing."""

import pytest

from sfp_keras.workflows.phases.accuracy import near_chance


@pytest.mark.parametrize(
    ("accuracy", "num_labels", "near"),
    [
        *((0.5, 2, True), (0.65, 2, False), (0.95, 2, False), (0.34, 3, True), (0.55, 3, False)),
        *((0.012, 100, True), (0.02, 100, False)),
    ],
)
def test_near_chance(accuracy: float, num_labels: int, near: bool) -> None:
    assert near_chance(accuracy, num_labels) == near
