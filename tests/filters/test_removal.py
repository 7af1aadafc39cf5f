"""Silenced filters against zeroed weights and a loop over inputs."""

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from sfp_keras.errors import InputError
from sfp_keras.filters import correct_without
from sfp_keras.filters import removal as module


def literal_right(outputs, labels, kernel, silenced):
    """Zero the silenced filters' weights; decide input by input."""
    left = kernel.copy()
    left[:, silenced] = 0
    right = np.zeros(kernel.shape[2], int)
    for x, label in zip(outputs, labels, strict=True):
        fields = (x[:, :, None] * left).sum((0, 1)).tolist()
        right[label] += fields.index(max(fields)) == label
    return right


@settings(max_examples=80, deadline=None, derandomize=True)
@given(
    *(st.integers(0, 10**6), st.integers(2, 5), st.integers(1, 3), st.integers(1, 6)),
    *(st.sampled_from([1, 4, 2048]), st.sampled_from([np.float32, np.float64])),
)
@example(0, 3, 2, 5, 1, np.float32)
def test_zeroed_weights(seed, k, p, f, at_once, dtype):
    rng = np.random.default_rng(seed)
    # Small whole numbers are exact in any order, and give ties and inputs nothing responds to.
    outputs = (rng.integers(-1, 3, (11, p, f)) * rng.integers(0, 2, (11, 1, f))).astype(dtype)
    kernel = rng.integers(-2, 3, (p, f, k)).astype(dtype)
    labels = rng.integers(0, k, 11)
    masks = [np.zeros(f, bool), np.ones(f, bool), *(rng.integers(0, 2, (4, f)) > 0)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "_INPUTS_AT_ONCE", at_once)
        right = correct_without(outputs, labels, kernel, masks)
    np.testing.assert_array_equal(
        right, [literal_right(outputs, labels, kernel, mask) for mask in masks]
    )


def test_an_input_no_filter_left_responds_to_gets_the_first_label():
    # What is left of these fractions after subtraction is not zero, and would favour label 1.
    outputs = np.full((1, 1, 4), 0.1, np.float32)
    outputs[..., 3] = 0
    kernel = np.array([[[0.7, 0.1]], [[0.2, 0.3]], [[0.1, 0.6]], [[0.0, 5.0]]], np.float32)
    kernel = kernel.transpose(1, 0, 2)
    for silenced in ([1, 1, 1, 0], [1, 1, 1, 1]):
        right = correct_without(outputs, np.array([0]), kernel, [np.array(silenced, bool)])
        assert right.tolist() == [[1, 0]]
    dead = kernel.copy()
    dead[:, 2:] = 0
    outputs[..., 3] = 1
    silenced = np.array([1, 1, 0, 0], bool)
    assert correct_without(outputs, np.array([0]), dead, [silenced]).tolist() == [[1, 0]]


def test_no_masks_and_no_inputs():
    kernel = np.ones((1, 2, 3), np.float32)
    nothing = np.zeros((0, 1, 2), np.float32)
    assert correct_without(nothing, np.zeros(0, int), kernel, []).shape == (0, 3)
    assert correct_without([[[1.0, 0.0]]], [0], kernel.tolist(), []).shape == (0, 3)
    mask = np.zeros(2, bool)
    assert correct_without(nothing, np.zeros(0, int), kernel, [mask]).tolist() == [[0, 0, 0]]


@pytest.mark.parametrize("mask", [np.zeros(3, bool), np.zeros(2, int), np.zeros((1, 2), bool)])
def test_masks_that_do_not_fit_are_refused(mask):
    with pytest.raises(InputError, match="bool arrays"):
        correct_without(np.ones((1, 1, 2)), np.array([0]), np.ones((1, 2, 2)), [mask])
