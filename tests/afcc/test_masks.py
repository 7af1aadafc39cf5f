"""Masks of AFCC and of its controls, against their definitions."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sfp_keras import cluster_mask, find_clusters, layer_statistics, magnitude_mask
from sfp_keras import random_label_mask as random_labels
from sfp_keras.errors import InputError


def random_clusters(seed, filters=6, labels=5):
    boolean = np.random.default_rng(seed).random((filters, labels, labels)) < 0.4
    boolean[0, 0, 0] = True
    return find_clusters(boolean)


@settings(deadline=None, derandomize=True, max_examples=40)
@given(st.integers(0, 10**6), st.integers(1, 4))
def test_a_weight_is_kept_where_its_label_is_in_a_cluster_of_its_filter(seed, positions):
    clusters = random_clusters(seed)
    mask = cluster_mask(clusters, positions)
    expected = np.zeros((positions, 6, 5), bool)
    for filter_index in range(6):
        for cluster in clusters.members(filter_index):
            for label in cluster:
                expected[:, filter_index, label] = True
    np.testing.assert_array_equal(mask, expected, strict=True)
    # Kept weights are P times the sum of the labels' signals, K times equation 1.
    assert mask.sum() == pytest.approx(positions * 5 * layer_statistics(clusters).signal)


@settings(deadline=None, derandomize=True, max_examples=60)
@given(st.integers(0, 10**6), st.integers(1, 40), st.integers(2, 12), st.floats(0.02, 1.0))
def test_random_labels_are_as_many_a_filter_and_equally_often_used(seed, filters, labels, share):
    rng = np.random.default_rng(seed)
    mask = np.repeat((rng.random((1, filters, labels)) < share), 2, axis=0)
    drawn = random_labels(mask, seed)
    np.testing.assert_array_equal(drawn[0], drawn[1])
    np.testing.assert_array_equal(drawn[0].sum(1), mask[0].sum(1))
    uses = drawn[0].sum(0)
    assert uses.max() - uses.min() <= 1
    np.testing.assert_array_equal(drawn, random_labels(mask, seed))


def test_other_seeds_draw_other_labels():
    mask = np.zeros((1, 50, 10), bool)
    mask[:, :, :2] = True
    drawn = [random_labels(mask, seed) for seed in range(3)]
    assert (drawn[0] != drawn[1]).any()
    assert (drawn[1] != drawn[2]).any()


@settings(deadline=None, derandomize=True, max_examples=40)
@given(st.integers(0, 10**6), st.data())
def test_magnitude_keeps_exactly_the_largest(seed, data):
    kernel = np.random.default_rng(seed).integers(-3, 4, (2, 3, 4)).astype(np.float32)
    kept = data.draw(st.integers(1, 24))
    mask = magnitude_mask(kernel, kept)
    assert mask.shape == kernel.shape
    assert mask.sum() == kept
    if kept < 24:
        assert np.abs(kernel[mask]).min() >= np.abs(kernel[~mask]).max()


def test_what_cannot_be_masked_is_told():
    with pytest.raises(InputError, match=r"no filter has a cluster.*lower threshold"):
        cluster_mask(find_clusters(np.zeros((2, 3, 3), bool)))
    with pytest.raises(InputError, match="positions"):
        cluster_mask(random_clusters(0), 0)
    with pytest.raises(InputError, match="received 25"):
        magnitude_mask(np.ones((2, 3, 4)), 25)
    with pytest.raises(InputError, match="all positions"):
        random_labels(np.random.default_rng(0).random((2, 3, 4)) < 0.5)
    with pytest.raises(InputError, match=r"received \(3, 4\)"):
        random_labels(np.ones((3, 4), bool))
