"""Labels walked backwards, and statistics over thresholds."""

import literal_procedure as literal
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from sfp_keras.errors import InputError
from sfp_keras.filters import FilterFields, find_clusters, layer_robustness, layer_statistics


@settings(deadline=None, derandomize=True, max_examples=200)
@given(hnp.arrays(bool, st.integers(1, 8).map(lambda k: (2, k, k))), st.booleans(), st.booleans())
@example(np.ones((1, 3, 3), bool), True, True)
def test_walking_backwards_is_finding_clusters_of_reversed_labels(boolean, symmetric, diagonal):
    if symmetric:
        boolean = boolean | boolean.transpose(0, 2, 1)
    if diagonal:
        boolean = boolean | np.eye(boolean.shape[1], dtype=bool)
    backwards = find_clusters(boolean, reverse=True)
    flipped = find_clusters(boolean[:, ::-1, ::-1])
    np.testing.assert_array_equal(backwards.cluster_id, flipped.cluster_id[:, ::-1])
    np.testing.assert_array_equal(backwards.ones_per_row, flipped.ones_per_row[:, ::-1])
    last = boolean.shape[1] - 1
    for f, matrix in enumerate(boolean.astype(int).tolist()):
        expected = literal.find_clusters(matrix, order=range(last, -1, -1))
        assert backwards.members(f) == [sorted(cluster) for cluster in expected]


def test_greedy_order_of_the_worked_example(golden):
    case = golden["greedy_order"]
    matrix = np.eye(case["boolean_is_identity_of"], dtype=bool)
    for i, j in case["plus_symmetric_pairs"]:
        matrix[i, j] = matrix[j, i] = True
    backwards = find_clusters(matrix, reverse=True)
    assert backwards.members(0) == case["reversed"]["clusters"]
    assert backwards.noise.tolist() == [case["reversed"]["noise"]]


def test_fields_walked_backwards(case_1, case_1_fields):
    backwards = find_clusters(case_1_fields, reverse=True)
    known = case_1["mistakes"]["labels in reversed order"]["clusters_filter_0"]
    assert backwards.members(0) == known
    np.testing.assert_array_equal(
        backwards.cluster_id,
        find_clusters(np.array(case_1["boolean"]), reverse=True).cluster_id,
    )


def test_statistics_over_thresholds():
    rng = np.random.default_rng(0)
    features, kernel = rng.random((8, 2, 30)), rng.normal(size=(2, 30, 8))
    fields = FilterFields(features, kernel, np.ones(8, int), (2,))
    rows = layer_robustness(fields)
    assert [row.threshold for row in rows] == [0.3, 0.4, 0.5, 0.6]
    for row in rows:
        clusters = find_clusters(fields, row.threshold)
        assert row.statistics == layer_statistics(clusters)
        members = [clusters.members(f) for f in range(30)]
        assert row.single_cluster == sum(len(found) == 1 for found in members) / 30
        boolean = fields.boolean(slice(None), row.threshold).astype(int).tolist()
        reversed_members = [
            [sorted(c) for c in literal.find_clusters(b, order=range(7, -1, -1))] for b in boolean
        ]
        changed = [sorted(a) != sorted(b) for a, b in zip(members, reversed_members, strict=True)]
        assert row.regrouped == sum(changed) / 30
        sizes = [len(c) for found in reversed_members for c in found]
        assert row.backwards.cluster_size == pytest.approx(np.mean(sizes))
    assert any(row.regrouped for row in rows)


def test_disjoint_blocks_do_not_depend_on_threshold_or_order():
    blocks = np.kron(np.eye(3), np.ones((2, 2)))
    fields = FilterFields(np.eye(6)[:, :, None], blocks[:, None], np.ones(6, int), (6,))
    first, second = layer_robustness(fields, [0.0, 0.9])
    assert first.statistics == first.backwards == second.statistics == second.backwards
    assert (first.regrouped, first.single_cluster, first.statistics.clusters) == (0, 0, 3)


def test_a_threshold_out_of_range_is_refused(case_1_fields):
    with pytest.raises(InputError, match="threshold"):
        layer_robustness(case_1_fields, [0.3, 1.2])
    with pytest.raises(InputError, match="`thresholds` must be several numbers"):
        layer_robustness(case_1_fields, 0.3)
