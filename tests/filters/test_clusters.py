import literal_procedure as literal
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from sfp_keras.errors import InputError
from sfp_keras.filters import FilterClusters, FilterFields, diagonal_labels, find_clusters


@st.composite
def boolean_matrices(draw):
    labels = draw(st.integers(1, 9))
    filters = draw(st.integers(1, 3))
    boolean = draw(hnp.arrays(bool, (filters, labels, labels)))
    if draw(st.booleans()):  # Random matrices are seldom symmetric, the real ones often nearly.
        boolean |= boolean.transpose(0, 2, 1)
    if draw(st.booleans()):
        boolean |= np.eye(labels, dtype=bool)
    return boolean


def check_invariants(boolean, clusters):
    ones = boolean.sum(axis=(1, 2))
    squares = [sum(len(c) ** 2 for c in clusters.members(f)) for f in range(len(boolean))]
    np.testing.assert_array_equal(clusters.noise + squares, ones)
    np.testing.assert_array_equal(clusters.in_cluster, boolean.diagonal(axis1=1, axis2=2))
    for index, matrix in enumerate(boolean):
        members = clusters.members(index)
        labels = [label for cluster in members for label in cluster]
        assert len(labels) == len(set(labels))
        for number, cluster in enumerate(members):
            assert matrix[np.ix_(cluster, cluster)].all()
            for other in members[:number]:
                both = [*other, *cluster]
                assert not matrix[np.ix_(both, both)].all()


@settings(deadline=None, derandomize=True, max_examples=300)
@given(boolean_matrices())
@example(np.zeros((2, 4, 4), bool))
@example(np.ones((2, 4, 4), bool))
@example(np.eye(4, dtype=bool)[None])
@example(np.ones((1, 1, 1), bool))
@example(np.zeros((1, 1, 1), bool))
@example(np.array([[[1, 1, 0], [1, 1, 1], [0, 1, 1]]], bool))
def test_equals_the_literal_procedure(boolean):
    clusters = find_clusters(boolean)
    for index, matrix in enumerate(boolean.astype(int).tolist()):
        expected = literal.find_clusters(matrix)
        assert clusters.members(index) == expected
        assert clusters.noise[index] == literal.count_noise(matrix, expected)
        assert clusters.num_clusters[index] == len(expected)
        assert clusters.permutation(index).tolist() == literal.permutation(len(matrix), expected)
    lengths = [len(c) for f in range(len(boolean)) for c in clusters.members(f)]
    assert clusters.sizes().tolist() == lengths
    np.testing.assert_array_equal(clusters.ones_per_row, boolean.sum(axis=2))
    np.testing.assert_array_equal(clusters.dead, ~boolean.any(axis=(1, 2)))
    check_invariants(boolean, clusters)


@pytest.mark.parametrize("labels", [64, 65, 130])
@pytest.mark.parametrize("density", [0.05, 0.6, 0.97])
def test_equals_the_literal_procedure_on_larger_matrices(labels, density):
    rng = np.random.default_rng(labels)
    boolean = rng.random((3, labels, labels)) < density
    boolean[1] |= boolean[1].T
    boolean[2] |= boolean[2].T | np.eye(labels, dtype=bool)
    clusters = find_clusters(boolean)
    for index in range(3):
        assert clusters.members(index) == literal.find_clusters(boolean[index].tolist())
    check_invariants(boolean, clusters)


def test_worked_example(case_1, case_1_fields):
    for source in (case_1_fields, np.array(case_1["boolean"]), np.array(case_1["boolean"]) > 0):
        clusters = find_clusters(source)
        assert [clusters.members(f) for f in range(3)] == case_1["clusters"]
        assert [clusters.permutation(f).tolist() for f in range(3)] == case_1["permutation"]
        assert clusters.noise.tolist() == case_1["noise"]
        assert clusters.dead.tolist() == [False, False, True]
        assert clusters.num_clusters.tolist() == [2, 1, 0]
        assert clusters.sizes().tolist() == [2, 1, 3]
        assert clusters.size_of_label.tolist() == [[2, 0, 2, 1], [0, 3, 3, 3], [0, 0, 0, 0]]
        assert clusters.ones_in_clusters.tolist() == [2, 3, 5, 4]
        assert (clusters.cluster_id.dtype, clusters.ones_per_row.dtype) == (np.int16, np.int32)


def test_afcc_mask_of_the_worked_example(case_1, case_1_fields):
    # Weight (p, f) -> j is kept where j is in a cluster of f.
    mask = np.tile(find_clusters(case_1_fields).in_cluster, (2, 1))
    np.testing.assert_array_equal(mask, case_1["afcc_mask_rows_p_times_F_plus_f"])
    assert mask.sum() == case_1["afcc_kept"]


def test_figure_5c_of_the_worked_example(case_1, case_1_fields):
    clusters = find_clusters(case_1_fields)
    normalized = case_1_fields.normalized(slice(None))
    below = ~case_1_fields.boolean(slice(None))
    rows = np.broadcast_to(clusters.in_cluster[:, :, None], below.shape)
    live = ~clusters.dead[:, None, None]
    expected = case_1["figure_5c"]
    cluster_rows, other_rows = normalized[live & below & rows], normalized[live & below & ~rows]
    # The first two belong to filter 0, whatever the entry's name says.
    np.testing.assert_allclose(cluster_rows, expected["cluster_rows_filter_1"], atol=5e-5)
    np.testing.assert_allclose(other_rows, expected["other_rows"], atol=5e-5)


def test_figure_6c_of_the_worked_example(case_1, case_1_fields):
    in_cluster = find_clusters(case_1_fields).in_cluster
    sums = (case_1_fields.matrices(slice(None)) * in_cluster[:, :, None]).sum(axis=0)
    np.testing.assert_array_equal(sums[0], case_1["figure_6c_S"]["row_0"])
    np.testing.assert_array_equal(sums[2], case_1["figure_6c_S"]["row_2"])


def test_greedy_order(golden):
    case = golden["greedy_order"]
    matrix = np.eye(case["boolean_is_identity_of"], dtype=bool)
    for i, j in case["plus_symmetric_pairs"]:
        matrix[i, j] = matrix[j, i] = True
    clusters = find_clusters(matrix)
    assert clusters.members(0) == case["clusters"]
    assert clusters.noise.tolist() == [case["noise"]]
    backwards = find_clusters(matrix[::-1, ::-1])
    members = [sorted(3 - label for label in c) for c in backwards.members(0)]
    assert members == case["reversed"]["clusters"]
    assert backwards.noise.tolist() == [case["reversed"]["noise"]]


def test_paper_1_figure_4b(golden):
    case = golden["paper_1_figure_4b"]
    matrix = np.zeros((10, 10), bool)
    for block in case["blocks"]:
        matrix[np.ix_(block, block)] = True
    for i, j in case["plus_ones"]:
        matrix[i, j] = True
    clusters = find_clusters(matrix)
    assert clusters.members(0) == case["blocks"]
    assert clusters.noise.tolist() == [case["noise"]]
    assert clusters.permutation(0).tolist() == case["permutation"]


@pytest.mark.parametrize("labels", [1, 3, 1000])
def test_degenerate_matrices(labels):
    zeros = find_clusters(np.zeros((labels, labels), bool))
    assert (zeros.num_clusters[0], zeros.noise[0], zeros.dead[0]) == (0, 0, True)
    assert zeros.permutation(0).tolist() == list(range(labels))
    assert zeros.sizes().shape == (0,)
    ones = find_clusters(np.ones((labels, labels), bool))
    assert ones.members(0) == [list(range(labels))]
    assert ones.noise.tolist() == [0]
    identity = find_clusters(np.eye(labels, dtype=bool))
    assert identity.members(0) == [[label] for label in range(labels)]
    assert identity.noise.tolist() == [0]


def test_fields_without_a_positive_value_have_no_cluster():
    for features in (np.zeros((3, 1, 2)), np.ones((3, 1, 2))):
        fields = FilterFields(features, -np.ones((1, 2, 3)), np.ones(3, int), ())
        clusters = find_clusters(fields)
        assert clusters.dead.all()
        assert not clusters.in_cluster.any()
        assert clusters.num_clusters.tolist() == clusters.noise.tolist() == [0, 0]


@settings(deadline=None, derandomize=True, max_examples=60)
@given(st.data(), st.sampled_from([0.0, 0.3, 0.5, 0.9]))
def test_fields_and_their_boolean_matrices_give_the_same(data, threshold):
    values = st.integers(-4, 5)
    features = data.draw(hnp.arrays(np.int64, (4, 2, 5), elements=values))
    kernel = data.draw(hnp.arrays(np.int64, (2, 5, 4), elements=values))
    fields = FilterFields(features, kernel, np.ones(4, int), (2,))
    clusters = find_clusters(fields, threshold)
    same = find_clusters(fields.boolean(slice(None), threshold), threshold)
    np.testing.assert_array_equal(clusters.cluster_id, same.cluster_id)
    np.testing.assert_array_equal(clusters.ones_per_row, same.ones_per_row)
    assert clusters.threshold == same.threshold == threshold
    np.testing.assert_array_equal(clusters.dead, fields.maxima() <= 0)


def test_results_do_not_depend_on_blocks():
    rng = np.random.default_rng(5)
    features = rng.random((60, 2, 310)) ** 4
    kernel = rng.normal(size=(2, 310, 60))
    fields = FilterFields(features, kernel, np.ones(60, int), (2,))
    assert len(list(fields.blocks())) > 1
    whole = find_clusters(fields)
    for index in (0, 150, 309):
        alone = find_clusters(fields.boolean(index))
        np.testing.assert_array_equal(alone.cluster_id[0], whole.cluster_id[index])
        np.testing.assert_array_equal(alone.ones_per_row[0], whole.ones_per_row[index])


def test_input_is_validated():
    for wrong in (np.zeros((2, 3, 4)), np.zeros(3, bool), np.zeros((0, 2, 2), bool)):
        with pytest.raises(InputError, match="shape"):
            find_clusters(wrong)
    for wrong in (np.full((2, 2), 0.5), np.full((2, 2), 2), np.full((2, 2), -1)):
        with pytest.raises(InputError, match="not Boolean"):
            find_clusters(wrong)
    with pytest.raises(InputError, match="threshold"):
        find_clusters(np.eye(2, dtype=bool), 1.0)


def test_a_filter_that_is_not_there_is_named():
    clusters = FilterClusters(np.zeros((3, 4), int), np.ones((3, 4), int))
    assert clusters.members(2) == [[0, 1, 2, 3]]
    for of_one in (clusters.members, clusters.permutation):
        for wrong in (99, 1.5):
            with pytest.raises(InputError, match=rf"`filter_index`={wrong}: .* numbered 0 to 2"):
                of_one(wrong)
        with pytest.raises(InputError, match="`filter_index` must be one number"):
            of_one([1, 2])


def test_stored_arrays_are_validated():
    numbers, ones = np.array([[0, -1]]), np.array([[1, 2]])
    assert FilterClusters(numbers, ones).noise.tolist() == [2]
    for arguments, message in (
        ((numbers[0], ones), "one shape"),
        ((numbers, ones[:, :1]), "one shape"),
        ((numbers + 2, ones), "`cluster_id` must hold integers from -1 to 1"),
        ((numbers, ones + 1), "`ones_per_row` must hold integers from 0 to 2"),
        ((numbers * 1.0, ones), "`cluster_id` must hold"),
        ((numbers, ones, 2.0), "threshold"),
    ):
        with pytest.raises(InputError, match=message):
            FilterClusters(*arguments)


@pytest.mark.parametrize("positions", [1, 3])
@pytest.mark.parametrize("threshold", [0.0, 0.3, 0.6])
def test_andc_keeps_what_afcc_keeps(positions, threshold):
    rng = np.random.default_rng(positions)
    features = np.maximum(rng.normal(size=(6, positions, 40)), 0)
    features[..., 7] = 0  # A dead node.
    kernel = rng.normal(size=(positions, 40, 6))
    kernel[:, 8] = -np.abs(kernel[:, 8])
    fields = FilterFields(features, kernel, np.full(6, 5), (positions,))
    found = diagonal_labels(fields, threshold)
    for node in range(40):
        matrix = sum(np.outer(features[:, p, node], kernel[p, node]) for p in range(positions))
        for label in range(6):
            one = matrix.max() > 0 and matrix[label, label] / matrix.max() > threshold
            assert found[node, label] == one
    for reverse in (False, True):
        clusters = find_clusters(fields, threshold, reverse=reverse)
        np.testing.assert_array_equal(found, clusters.in_cluster)
    whole = fields.boolean(slice(None), threshold)
    np.testing.assert_array_equal(found, diagonal_labels(whole))
    assert found.any()
    assert not found[[7, 8]].any()
