"""Single-filter decisions against the worked example and a literal loop."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sfp_keras.errors import InputError
from sfp_keras.filters import filter_decisions

KERNEL = np.array([[1, 0, 2, 0], [0, 3, 0, 1]], float)[:, None, :]
INPUTS = {0: [(1, 0), (0, 0)], 1: [(0, 2), (3, 1)], 2: [(0, 0), (0, 0)], 3: [(1, 1)]}


def test_worked_example():
    labels = np.array([label for label, inputs in INPUTS.items() for _ in inputs])
    outputs = np.array([x for inputs in INPUTS.values() for x in inputs], float)[:, :, None]
    decisions = filter_decisions(outputs, labels, KERNEL)
    rows = [[0, 0, 1, 0], [0, 0.5, 0.5, 0], [0, 0, 0, 0], [0, 1, 0, 0]]
    np.testing.assert_array_equal(decisions.rows[0], rows)
    assert decisions.accuracy_of_active[0] == 0.25
    assert decisions.accuracy[0] == pytest.approx(1 / 7)


@settings(max_examples=40, deadline=None, derandomize=True)
@given(seed=st.integers(0, 10**6), k=st.integers(1, 5), p=st.integers(1, 3), f=st.integers(1, 4))
def test_literal_loop(seed, k, p, f):
    rng = np.random.default_rng(seed)
    # Small whole numbers give ties and inputs that decide nothing.
    outputs = rng.integers(0, 3, (9, p, f)) * rng.integers(0, 2, (9, 1, f))
    kernel, labels = rng.integers(-2, 3, (p, f, k)), rng.integers(0, k, 9)
    expected = np.zeros((f, k, k), int)
    for g in range(f):
        for x, label in zip(outputs, labels, strict=True):
            fields = [sum(x[q, g] * kernel[q, g, j] for q in range(p)) for j in range(k)]
            if any(fields):
                expected[g, label, fields.index(max(fields))] += 1
    whole = filter_decisions(outputs, labels, kernel)
    np.testing.assert_array_equal(whole.counts, expected)
    parts = filter_decisions(outputs[:4], labels[:4], kernel) + filter_decisions(
        outputs[4:], labels[4:], kernel
    )
    np.testing.assert_array_equal(parts.counts, expected)
    assert parts.inputs == 9


def test_a_filter_that_never_decides_has_no_accuracy_of_active_inputs():
    decisions = filter_decisions(np.zeros((3, 1, 1)), np.array([0, 1, 1]), np.ones((1, 1, 2)))
    assert np.isnan(decisions.accuracy_of_active[0])
    assert decisions.accuracy[0] == 0


def test_shapes_and_labels_are_checked():
    with pytest.raises(InputError, match=r"\(3, 1, 1\).*\(2, 1, 2\)"):
        filter_decisions(np.zeros((3, 1, 1)), np.zeros(3, int), np.ones((2, 1, 2)))
    with pytest.raises(InputError, match="labels must lie"):
        filter_decisions(np.zeros((1, 1, 1)), np.array([2]), np.ones((1, 1, 2)))
