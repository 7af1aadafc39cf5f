"""Batches are joined so that every step of an epoch is made once, in its order."""

import itertools

import numpy as np
import pytest

from sfp_keras.training import TrainingData


def batches(epoch, images, size):
    while True:
        for begin in range(0, images, size):
            rows = np.arange(begin, min(begin + size, images))
            yield {"row": rows + 1000 * epoch}, rows
        epoch += 1


@pytest.mark.parametrize("images", [1, 8, 64, 100, 640, 4990, 5003])
def test_no_step_is_lost_or_made_twice(images):
    size = 10
    steps, full = -(-images // size), images // size
    data = TrainingData(
        lambda epoch: batches(epoch, images, size),
        steps,
        lambda: itertools.islice(batches(0, images, size), steps),
        steps,
        full_steps=full,
        full_validation_steps=full,
    ).together()
    calls = data.batches(3)
    for epoch in (3, 4):
        joined = list(itertools.islice(calls, data.steps_per_epoch))
        rows = np.concatenate([inputs["row"].reshape(-1) for inputs, _ in joined])
        np.testing.assert_array_equal(rows, np.arange(images) + 1000 * epoch)
        for inputs, labels in joined:
            assert inputs["row"].shape == labels.shape
            assert labels.ndim == 1 or labels.shape[1] == size
    tested = list(data.validation())
    assert len(tested) == data.validation_steps
    np.testing.assert_array_equal(
        np.concatenate([labels.reshape(-1) for _, labels in tested]), np.arange(images)
    )
    # The calls are few, and of at most three shapes, each of which is compiled.
    assert data.steps_per_epoch <= max(1, full // 16) + 20
    assert len({labels.shape for _, labels in joined}) <= 3


def test_batches_of_unknown_sizes_stay_as_they_are():
    data = TrainingData(lambda epoch: batches(epoch, 25, 10), 3)
    assert data.together().steps_per_epoch == 3
