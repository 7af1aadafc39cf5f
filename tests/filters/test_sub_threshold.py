"""Histograms of sub-threshold fields against counting them one by one."""

import literal_procedure as literal
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from sfp_keras.errors import InputError
from sfp_keras.filters import FilterFields, find_clusters, sub_threshold_fields


def test_worked_example(case_1, case_1_fields):
    found = sub_threshold_fields(find_clusters(case_1_fields), case_1_fields)
    expected = case_1["figure_5c"]
    for histogram, values in (
        (found.cluster_rows, expected["cluster_rows_filter_1"]),
        (found.other_rows, expected["other_rows"]),
    ):
        assert histogram.size == len(values)
        assert histogram.mean == pytest.approx(np.mean(values), abs=5e-5)
        assert histogram.below == sum(value < -1 for value in values)
        assert histogram.above == 0
        np.testing.assert_array_equal(
            histogram.counts, np.histogram(values, histogram.edges.astype(float))[0]
        )
    # Filter 0: elements of (0, 2) and (3); filter 1: of (1, 2, 3).
    inside = [v / 24 for v in (16, 14, 12, 9, 14)]
    inside += [v / 11 for v in (8, 11, 11, 9, 8, 8, 6, 10, 10)]
    assert found.cluster_mean == pytest.approx(np.mean(inside))
    assert found.threshold == 0.3


@st.composite
def layers(draw):
    labels, filters = draw(st.integers(1, 5)), draw(st.integers(1, 4))
    values = st.integers(-4, 6)
    features = draw(hnp.arrays(np.int64, (labels, 2, filters), elements=values))
    kernel = draw(hnp.arrays(np.int64, (2, filters, labels), elements=values))
    counts = draw(st.lists(st.integers(0, 2), min_size=labels, max_size=labels))
    return FilterFields(features, kernel, np.array(counts), (2,))


DEAD = FilterFields(np.ones((3, 1, 2)), -np.ones((1, 2, 3)), np.ones(3, int), ())
FULL = FilterFields(np.ones((3, 1, 2)), np.ones((1, 2, 3)), np.ones(3, int), ())


@pytest.mark.filterwarnings("ignore:.*no inputs and get zero fields")
@settings(deadline=None, derandomize=True, max_examples=150)
@given(layers(), st.sampled_from(["0.3", "0.5", "0"]), st.booleans())
@example(DEAD, "0.3", False)
@example(FULL, "0.3", True)
def test_equals_counting_one_by_one(fields, threshold, own_edges):
    edges = np.array([-2, -0.5, 0, 0.125, 0.25]) if own_edges else None
    clusters = find_clusters(fields, float(threshold))
    found = sub_threshold_fields(clusters, fields, 4 if edges is None else edges)
    cluster_rows, other_rows, inside = [], [], []
    for f in range(fields.num_filters):
        matrix = fields.matrix(f).astype(int).tolist()
        if max(map(max, matrix)) <= 0:
            continue
        normalized = literal.normalize(matrix)
        boolean = literal.clip(normalized, threshold)
        groups = literal.find_clusters(boolean)
        for i, row in enumerate(normalized):
            in_cluster = any(i in group for group in groups)
            for j, value in enumerate(row):
                if literal.in_a_block(groups, i, j):
                    inside.append(float(value))
                elif boolean[i][j] == 0 and fields.label_counts[i]:
                    (cluster_rows if in_cluster else other_rows).append(np.float32(value))
    for histogram, values in ((found.cluster_rows, cluster_rows), (found.other_rows, other_rows)):
        wanted = np.linspace(-1, float(threshold), 5) if edges is None else edges
        np.testing.assert_array_equal(histogram.edges, wanted.astype(np.float32))
        low, *_, high = histogram.edges
        for b, count in enumerate(histogram.counts):
            left, right = histogram.edges[b : b + 2]
            assert count == sum(left <= v < right or v == right == high for v in values)
        assert histogram.below == sum(v < low for v in values)
        assert histogram.above == sum(v > high for v in values)
        assert histogram.size == len(values)
        assert same(histogram.mean, np.mean(values) if values else np.nan)
    assert same(found.cluster_mean, np.mean(inside) if inside else np.nan)


def same(actual, expected):
    return actual == pytest.approx(expected, rel=1e-5, abs=1e-6, nan_ok=True)


def test_a_number_of_bins_and_its_edges_give_the_same():
    rng = np.random.default_rng(0)
    features, kernel = rng.normal(size=(40, 2, 800)), rng.normal(size=(2, 800, 40))
    fields = FilterFields(features, kernel, np.ones(40, int), (2,))
    assert len(list(fields.blocks())) > 1
    clusters = find_clusters(fields)
    equal = sub_threshold_fields(clusters, fields)
    given_edges = sub_threshold_fields(clusters, fields, equal.other_rows.edges)
    for one, other in (
        (equal.cluster_rows, given_edges.cluster_rows),
        (equal.other_rows, given_edges.other_rows),
    ):
        for name, value in vars(one).items():
            np.testing.assert_array_equal(getattr(other, name), value)
    ones = int(clusters.ones_per_row.sum())
    assert equal.cluster_rows.size + equal.other_rows.size == 800 * 40 * 40 - ones
    assert equal.other_rows.edges[40] == 0
    np.testing.assert_allclose(np.diff(equal.other_rows.edges), 0.025, rtol=1e-4)


def test_a_field_at_the_threshold_is_in_the_last_bin():
    fields = FilterFields([[[10]], [[3]]], [[[1, 1]]], np.ones(2, int), ())
    found = sub_threshold_fields(find_clusters(fields), fields)
    assert found.other_rows.counts.tolist() == [0] * 51 + [2]


def test_transposed_fields_give_other_histograms():
    matrix = np.array([[10, -5, 0], [1, 2, 2], [2, 1, 2]])
    first, second = (
        FilterFields(m[:, :, None], np.eye(3)[:, None], np.ones(3, int), (3,))
        for m in (matrix, matrix.T)
    )
    means = [
        sub_threshold_fields(find_clusters(fields), fields).cluster_rows.mean
        for fields in (first, second)
    ]
    assert means == pytest.approx([-0.25, 0.15])


def test_arguments_are_checked(case_1_fields):
    clusters = find_clusters(case_1_fields)
    for bins, message in ((0, "at least 1"), ([1, 1], "increase"), ([1], "two edges"), ("x", "b")):
        with pytest.raises(InputError, match=f"bins.*{message}"):
            sub_threshold_fields(clusters, case_1_fields, bins)
    with pytest.raises(InputError, match="3 filters and 4 labels; `clusters` have 2 and 4"):
        sub_threshold_fields(find_clusters(np.ones((2, 4, 4), bool)), case_1_fields)
    with pytest.raises(InputError, match="other fields"):
        sub_threshold_fields(find_clusters(np.ones((3, 4, 4), bool)), case_1_fields)
