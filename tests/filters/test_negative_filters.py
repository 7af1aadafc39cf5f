"""Filters whose fields are negative throughout, against the published code's procedure."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from literal_procedure import clip, count_noise
from literal_procedure import find_clusters as literal_clusters

from sfp_keras.errors import InputError
from sfp_keras.filters import (
    FilterFields,
    as_in_published_code,
    find_clusters,
    negative_filters,
)


def published(matrix):
    """Division by the largest element, also where it is negative."""
    maximum = max(max(row) for row in matrix)
    return [[Fraction(value) / Fraction(maximum or 1) for value in row] for row in matrix]


@settings(deadline=None, derandomize=True, max_examples=50)
@given(st.data())
def test_the_clusters_are_those_of_the_published_code(data):
    values = st.integers(-3, 2)
    features = data.draw(hnp.arrays(np.int64, (3, 2, 4), elements=st.integers(0, 3)))
    kernel = data.draw(hnp.arrays(np.int64, (2, 4, 3), elements=values))
    fields = FilterFields(features, kernel, np.ones(3, int), (2,))
    ours = find_clusters(fields)
    negative = negative_filters(fields, ours)
    theirs = as_in_published_code(ours, negative)
    for number in range(4):
        matrix = sum(np.outer(features[:, p, number], kernel[p, number]) for p in range(2)).tolist()
        boolean = clip(published(matrix))
        clusters = literal_clusters(boolean)
        sizes = sorted(map(len, clusters))
        found = np.bincount(theirs.cluster_id[number] + 1, minlength=2)[1:]
        assert sorted(found[found > 0].tolist()) == sizes
        assert theirs.noise[number] == count_noise(boolean, clusters)
        assert negative[number] == (max(map(max, matrix)) < 0)
    np.testing.assert_array_equal(theirs.cluster_id[~negative], ours.cluster_id[~negative])


def test_other_fields_are_told():
    fields = FilterFields(np.ones((3, 1, 2)), -np.ones((1, 2, 3)), np.ones(3, int), ())
    fewer = FilterFields(np.ones((3, 1, 1)), -np.ones((1, 1, 3)), np.ones(3, int), ())
    with pytest.raises(InputError, match="`clusters` are of 1 filters and 3 labels, `fields` of 2"):
        negative_filters(fields, find_clusters(fewer))
