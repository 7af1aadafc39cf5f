import itertools

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from sfp_keras.probing import ClassMeans


@settings(deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    rows=st.integers(0, 60),
    labels=st.integers(1, 7),
    cuts=st.lists(st.integers(0, 60), max_size=4),
)
def test_means_are_the_literal_ones_and_the_same_in_any_batches(seed, rows, labels, cuts):
    rng = np.random.default_rng(seed)
    x = rng.gamma(0.3, size=(rows, 5)).astype(np.float32) * 10 ** rng.uniform(-3, 3)
    y = rng.integers(0, labels, rows)
    whole, parts = ClassMeans(labels, 5), ClassMeans(labels, 5)
    whole.add(x, y)
    edges = [0, *sorted(min(cut, rows) for cut in cuts), rows]
    for begin, end in itertools.pairwise(edges):
        parts.add(x[begin:end], y[begin:end])
    np.testing.assert_array_equal(whole.sums, parts.sums)
    np.testing.assert_array_equal(parts.counts, np.bincount(y, minlength=labels))
    for label in range(labels):
        literal = x[y == label].astype(np.float64).mean(0) if (y == label).any() else np.zeros(5)
        np.testing.assert_allclose(parts.means()[label], literal, rtol=1e-6, atol=0)
