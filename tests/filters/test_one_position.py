"""Stages with one position, whose matrices are not made: as from the matrices, bit by bit."""

import numpy as np
import pytest

from sfp_keras.errors import InputError
from sfp_keras.filters import FilterFields, find_clusters
from sfp_keras.filters.one_position import count_at_least

LABELS, FILTERS = 130, 6
RNG = np.random.default_rng(0)


def normal(scale=1.0):
    return RNG.normal(size=(LABELS, FILTERS)) * scale


def small_integers():
    return RNG.integers(-3, 4, (LABELS, FILTERS)).astype(float)


def powers(low, high):
    return 2.0 ** RNG.integers(low, high, (LABELS, FILTERS))


FACTORS = {
    "both signs": (normal(), normal()),
    "features of ReLU": (np.maximum(normal(), 0), normal()),
    "ties": (small_integers(), small_integers()),
    "thirds": (np.abs(small_integers()) / 7, np.abs(small_integers()) / 3),
    "all alike": (np.ones((LABELS, FILTERS)), np.ones((LABELS, FILTERS))),
    "nowhere positive": (np.abs(normal()), -np.abs(normal())),
    "zeros alone": (np.maximum(normal(), 0), -np.zeros((LABELS, FILTERS))),
    "products below the normal numbers": (normal(1e-22), normal(1e-21)),
    "smallest numbers": (powers(-70, -60), powers(-88, -78) * RNG.choice([1, 1.25, 1.5], FILTERS)),
}


@pytest.fixture(params=FACTORS)
def fields(request):
    features, kernel = (array.astype(np.float32) for array in FACTORS[request.param])
    return FilterFields(features[:, None], kernel.T[None], np.ones(LABELS, int), (1, 1))


@pytest.mark.parametrize("threshold", [0.0, 0.25, 0.3, 0.5, 0.99, 1 - 2.0**-24])
def test_clusters_and_ones_are_those_of_the_matrices(fields, threshold):
    assert fields.without_matrices
    boolean = fields.boolean(slice(None), threshold)
    for reverse in (False, True):
        found = find_clusters(fields, threshold, reverse=reverse)
        expected = find_clusters(boolean, threshold, reverse=reverse)
        np.testing.assert_array_equal(found.cluster_id, expected.cluster_id)
        np.testing.assert_array_equal(found.ones_per_row, expected.ones_per_row)
    order = RNG.permutation(LABELS)[:9]
    for index, (rows, columns, matrix, ones) in enumerate(fields.parts_above(threshold)):
        assert ones.sum() == boolean[index].sum()
        np.testing.assert_array_equal(ones, boolean[index][np.ix_(rows, columns)])
        assert matrix.tobytes() == fields.matrix(index)[np.ix_(rows, columns)].tobytes()
        part = fields.boolean_of(index, order, threshold)
        np.testing.assert_array_equal(part, boolean[index][np.ix_(order, order)])


def test_maxima_are_those_of_the_matrices(fields):
    assert fields.maxima().tobytes() == fields.matrices(slice(None)).max(axis=(1, 2)).tobytes()


def test_products_that_round_to_the_limit_count():
    rng = np.random.default_rng(1)
    features, kernel = (rng.normal(size=300).astype(np.float32) for _ in range(2))
    products = features[:, None] * kernel
    for least in [*products[products > 0][:40], np.float32(1e-45), np.float32(np.inf)]:
        expected = (products >= least).sum(axis=1)
        np.testing.assert_array_equal(count_at_least(features, kernel, least), expected)


def test_a_product_too_large_for_float32_is_refused():
    features, kernel = np.full((2, LABELS, 1, 2), 1e30, np.float32)
    kernel = kernel.T.reshape(1, 2, LABELS).copy()
    kernel[:, 0] = 1
    fields = FilterFields(features, kernel, np.ones(LABELS, int), ())
    with pytest.raises(InputError, match="fields of filter 1 are too large"):
        find_clusters(fields)
    with pytest.raises(InputError, match="fields of filter 1 are too large"):
        fields.maxima()
