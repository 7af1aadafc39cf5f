"""Single-filter decisions against the worked example and a literal loop."""

import tracemalloc

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from sfp_keras.errors import InputError
from sfp_keras.filters import decisions as module
from sfp_keras.filters import filter_decisions

KERNEL = np.array([[1, 0, 2, 0], [0, 3, 0, 1]], float)[:, None, :]
INPUTS = {0: [(1, 0), (0, 0)], 1: [(0, 2), (3, 1)], 2: [(0, 0), (0, 0)], 3: [(1, 1)]}


def test_worked_example():
    labels = np.array([label for label, inputs in INPUTS.items() for _ in inputs])
    outputs = np.array([x for inputs in INPUTS.values() for x in inputs], float)[:, :, None]
    decisions = filter_decisions(outputs, labels, KERNEL, matrices_of=0)
    rows = [[0, 0, 1, 0], [0, 0.5, 0.5, 0], [0, 0, 0, 0], [0, 1, 0, 0]]
    np.testing.assert_array_equal(decisions.rows[0], rows)
    np.testing.assert_array_equal(decisions.by_input, [[1, 2, 0, 1]])
    np.testing.assert_array_equal(decisions.by_output, [[0, 2, 2, 0]])
    np.testing.assert_array_equal(decisions.correct, [[0, 1, 0, 0]])
    np.testing.assert_array_equal(decisions.label_counts, [2, 2, 2, 1])
    assert decisions.accuracy_of_active[0] == 0.25
    assert decisions.accuracy[0] == pytest.approx(1 / 7)
    assert decisions.share_of_favourite[0] == 0.5


def literal_counts(outputs, labels, kernel):
    _, filters, units = kernel.shape
    counts = np.zeros((filters, units, units), int)
    for f in range(filters):
        for x, label in zip(outputs.tolist(), labels, strict=True):
            fields = [sum(x[p][f] * w[f, j] for p, w in enumerate(kernel)) for j in range(units)]
            if any(fields):
                counts[f, label, fields.index(max(fields))] += 1
    return counts


@settings(max_examples=60, deadline=None, derandomize=True)
@given(
    *(st.integers(0, 10**6), st.integers(1, 5), st.integers(1, 3), st.integers(1, 4)),
    *(st.integers(1, 12), st.booleans()),
)
@example(0, 5, 3, 4, 1, False)  # Every input and filter a block of its own.
def test_literal_loop(seed, k, p, f, at_once, roomy):
    rng = np.random.default_rng(seed)
    # Small whole numbers give ties and inputs that decide nothing; negative outputs as after a
    # linear bottleneck.
    outputs = rng.integers(-1, 3, (9, p, f)) * rng.integers(0, 2, (9, 1, f))
    kernel, labels = rng.integers(-2, 3, (p, f, k)), rng.integers(0, k, 9)
    expected = literal_counts(outputs, labels, kernel)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "_INPUTS_AT_ONCE", at_once)
        patch.setattr(module, "BLOCK_BYTES", 2**20 if roomy else 1)
        whole = filter_decisions(outputs, labels, kernel, slice(None))
        alone = filter_decisions(outputs, labels, kernel)
    np.testing.assert_array_equal(whole.counts, expected)
    np.testing.assert_array_equal(whole.by_input, expected.sum(axis=2))
    np.testing.assert_array_equal(whole.by_output, expected.sum(axis=1))
    np.testing.assert_array_equal(whole.correct, expected.diagonal(axis1=1, axis2=2))
    np.testing.assert_array_equal(whole.label_counts, np.bincount(labels, minlength=k))
    parts = filter_decisions(outputs[:4], labels[:4], kernel, slice(None)) + filter_decisions(
        outputs[4:], labels[4:], kernel, slice(None)
    )
    for name, value in vars(whole).items():
        np.testing.assert_array_equal(getattr(parts, name), value)
        if name not in ("filters", "counts"):
            np.testing.assert_array_equal(getattr(alone, name), value)
    assert whole.inputs == 9
    assert alone.counts.shape == alone.rows.shape == (0, k, k)


def test_matrices_of_chosen_filters():
    rng = np.random.default_rng(1)
    outputs, kernel = rng.normal(size=(20, 2, 7)), rng.normal(size=(2, 7, 3))
    labels = rng.integers(0, 3, 20)
    whole = filter_decisions(outputs, labels, kernel, slice(None))
    assert whole.filters.tolist() == list(range(7))
    for chosen, numbers in (
        (5, [5]),
        ([-1, 2], [2, 6]),
        ([4, 4], [4]),
        (slice(1, 3), [1, 2]),
        (np.arange(7) > 4, [5, 6]),
        ([], []),
    ):
        some = filter_decisions(outputs, labels, kernel, chosen)
        assert some.filters.tolist() == numbers
        np.testing.assert_array_equal(some.counts, whole.counts[numbers])
        np.testing.assert_array_equal(some.correct, whole.correct)
    with pytest.raises(InputError, match="`filters`=7: filters are numbered 0 to 6"):
        filter_decisions(outputs, labels, kernel, 7)
    with pytest.raises(InputError, match="other filters"):
        _ = whole + filter_decisions(outputs, labels, kernel, 3)


@pytest.mark.parametrize("dtype", [np.float16, np.float32])
def test_real_numbers_over_several_blocks(dtype):
    rng = np.random.default_rng(2)
    outputs = np.maximum(rng.normal(size=(2100, 4, 6)), 0).astype(dtype)
    kernel = rng.normal(size=(4, 6, 50)).astype(np.float32)
    labels = rng.integers(0, 50, 2100).astype(np.uint8)
    decisions = filter_decisions(outputs, labels, kernel, slice(None))
    for f in range(6):
        active = outputs[:, :, f].any(axis=1)
        chosen = (outputs[:, :, f].astype(np.float64) @ kernel[:, f]).argmax(axis=1)
        expected = np.zeros((50, 50), int)
        np.add.at(expected, (labels[active], chosen[active]), 1)
        np.testing.assert_array_equal(decisions.counts[f], expected)


def test_a_filter_with_one_rectified_output_favours_a_single_label():
    rng = np.random.default_rng(3)
    outputs, labels = np.maximum(rng.normal(size=(50, 1, 8)), 0), rng.integers(0, 5, 50)
    decisions = filter_decisions(outputs, labels, rng.normal(size=(1, 8, 5)))
    assert decisions.share_of_favourite.tolist() == [1] * 8


def test_memory_without_matrices_is_bounded():
    rng = np.random.default_rng(4)
    outputs = rng.normal(size=(1500, 2, 40)).astype(np.float32)
    kernel = rng.normal(size=(2, 40, 400)).astype(np.float32)
    tracemalloc.start()
    decisions = filter_decisions(outputs, rng.integers(0, 400, 1500), kernel, [7])
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 12e6  # All fields would take 96 MB, all matrices 51 MB.
    assert decisions.counts.nbytes == 8 * 400**2
    # What is kept of all filters takes no K * K numbers.
    kept = ("by_input", "by_output", "correct")
    assert sum(getattr(decisions, name).nbytes for name in kept) == 24 * 40 * 400


def test_a_filter_that_never_decides_has_no_accuracy_of_active_inputs():
    decisions = filter_decisions(np.zeros((3, 1, 1)), np.array([0, 1, 1]), np.ones((1, 1, 2)))
    assert np.isnan(decisions.accuracy_of_active[0])
    assert np.isnan(decisions.share_of_favourite[0])
    assert decisions.accuracy[0] == 0


def test_no_inputs():
    decisions = filter_decisions(np.zeros((0, 2, 3)), np.zeros(0, int), np.ones((2, 3, 4)), [1])
    assert (decisions.inputs, decisions.counts.sum()) == (0, 0)
    assert decisions.accuracy.tolist() == [0, 0, 0]


def test_shapes_and_labels_are_checked():
    with pytest.raises(InputError, match=r"\(3, 1, 1\).*\(2, 1, 2\)"):
        filter_decisions(np.zeros((3, 1, 1)), np.zeros(3, int), np.ones((2, 1, 2)))
    for wrong, message in (
        (np.array([2]), r"`labels` must lie in 0 \.\. 1, got 2 \.\. 2"),
        (np.array([-1]), "`labels` must lie"),
        (np.array([0.0]), "float64"),
        (np.array([0, 1]), "`labels` must be 1 integers"),
    ):
        with pytest.raises(InputError, match=message):
            filter_decisions(np.zeros((1, 1, 1)), wrong, np.ones((1, 1, 2)))
