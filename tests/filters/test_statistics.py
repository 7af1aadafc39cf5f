import math

import literal_procedure as literal
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from sfp_keras.errors import InputError
from sfp_keras.filters import (
    FilterFields,
    find_clusters,
    label_statistics,
    layer_statistics,
    signal_to_noise,
)


def test_worked_example_layer(case_1, case_1_fields):
    statistics = layer_statistics(find_clusters(case_1_fields))
    expected = case_1["layer"]
    assert (statistics.filters, statistics.labels) == (3, 4)
    for name in ("noise", "noise_clustered", "clusters", "cluster_size"):
        assert getattr(statistics, name) == expected[name]
    for size, fraction in statistics.size_fractions.items():
        assert fraction == pytest.approx(expected["size_fraction"][str(size)])
    assert list(statistics.size_fractions) == [1, 2, 3]
    for name, value in case_1["equations"].items():
        assert getattr(statistics, name) == pytest.approx(value, rel=1e-12)
    assert statistics.dead_filters == case_1["dead_filters"]
    assert statistics.zero_signal_labels == 0


def test_worked_example_labels(case_1, case_1_fields):
    statistics = label_statistics(find_clusters(case_1_fields), case_1_fields)
    expected = case_1["fields_accumulated"]
    for actual, desired in (
        (statistics.appearances, case_1["signal"]),
        (statistics.signal, case_1["signal"]),
        (statistics.noise_internal * 3, case_1["noise_internal_times_3"]),
        (statistics.noise_external * 3, case_1["noise_external_times_3"]),
        (statistics.field_signal, expected["signal"]),
        (statistics.field_noise_internal * 3, expected["noise_internal_times_3"]),
        (statistics.field_noise_external * 3, expected["noise_external_times_3"]),
    ):
        np.testing.assert_allclose(actual, desired, rtol=1e-12)
    without = label_statistics(find_clusters(case_1_fields))
    assert without.field_signal is without.field_noise_internal is None
    assert without.field_noise_external is None
    np.testing.assert_array_equal(without.noise_external, statistics.noise_external)


@pytest.mark.parametrize(
    ("layer", "averages"),
    [
        ("layer10", {"filters": 512, "noise": 16.3, "clusters": 2.6, "cluster_size": 2.0}),
        ("layer4", {"filters": 128, "noise": 552.4, "clusters": 5.1, "cluster_size": 2.8}),
    ],
)
def test_equations_on_paper_2_table_1(golden, layer, averages):
    equations = signal_to_noise(labels=100, **averages)
    for name, value in golden["equations_on_table_1"][layer].items():
        assert getattr(equations, name) == pytest.approx(value, rel=5e-3), name


@st.composite
def integer_fields(draw):
    labels, filters = draw(st.integers(2, 6)), draw(st.integers(1, 5))
    positions = draw(st.integers(1, 2))
    values = st.integers(-4, 6)
    features = draw(hnp.arrays(np.int64, (labels, positions, filters), elements=values))
    kernel = draw(hnp.arrays(np.int64, (positions, filters, labels), elements=values))
    counts = draw(st.lists(st.integers(1, 9), min_size=labels, max_size=labels))
    return FilterFields(features, kernel, np.array(counts), (positions,))


NOTHING = FilterFields(np.zeros((3, 1, 2)), np.zeros((1, 2, 3)), np.ones(3, int), ())
EVERYTHING = FilterFields(np.ones((3, 1, 2)), np.ones((1, 2, 3)), np.ones(3, int), ())


@settings(deadline=None, derandomize=True, max_examples=150)
@given(integer_fields())
@example(NOTHING)
@example(EVERYTHING)
def test_statistics_equal_literal_sums(fields):
    clusters = find_clusters(fields)
    labels, filters = fields.num_labels, fields.num_filters
    matrices = [fields.matrix(f).astype(int).tolist() for f in range(filters)]
    booleans = [literal.clip(literal.normalize(matrix)) for matrix in matrices]
    members = [literal.find_clusters(boolean) for boolean in booleans]
    noises = [literal.count_noise(b, m) for b, m in zip(booleans, members, strict=True)]
    sizes = [len(cluster) for found in members for cluster in found]

    layer = layer_statistics(clusters)
    assert layer.noise == pytest.approx(sum(noises) / filters)
    clustered = [noise for noise, found in zip(noises, members, strict=True) if found]
    assert same(layer.noise_clustered, sum(clustered) / len(clustered) if clustered else math.nan)
    assert layer.clusters == pytest.approx(len(sizes) / filters)
    assert same(layer.cluster_size, sum(sizes) / len(sizes) if sizes else math.nan)
    assert layer.size_fractions == {s: sizes.count(s) / len(sizes) for s in sorted(set(sizes))}
    assert layer.dead_filters == sum(max(map(max, matrix)) <= 0 for matrix in matrices)
    in_any = {label for found in members for cluster in found for label in cluster}
    assert layer.zero_signal_labels == labels - len(in_any)

    label = label_statistics(clusters, fields)
    signal, internal, external = literal.label_sums(booleans, members)
    others = labels - 1
    np.testing.assert_array_equal(label.appearances, signal)
    np.testing.assert_allclose(label.signal, signal)
    np.testing.assert_allclose(label.noise_internal, np.array(internal) / others)
    np.testing.assert_allclose(label.noise_external, np.array(external) / others)
    inputs = sum(fields.label_counts.tolist()) / labels
    signal, internal, external = literal.label_sums(booleans, members, matrices)
    np.testing.assert_allclose(label.field_signal, np.array(signal) * inputs)
    np.testing.assert_allclose(label.field_noise_internal, np.array(internal) * inputs / others)
    np.testing.assert_allclose(label.field_noise_external, np.array(external) * inputs / others)

    # What the equations, made from averages, share with the sums over labels.
    assert label.signal.mean() == pytest.approx(layer.signal)
    assert label.noise_external.mean() == pytest.approx(layer.noise_external * labels / others)
    assert label.noise_internal.mean() >= layer.noise_internal - 1e-9


def same(actual, expected):
    return actual == pytest.approx(expected, nan_ok=True)


@settings(deadline=None, derandomize=True, max_examples=100)
@given(hnp.arrays(bool, st.integers(2, 7).map(lambda k: (3, k, k))))
def test_transposing_changes_only_the_external_noise_of_labels(boolean):
    clusters, transposed = find_clusters(boolean), find_clusters(boolean.transpose(0, 2, 1))
    np.testing.assert_array_equal(clusters.cluster_id, transposed.cluster_id)
    np.testing.assert_array_equal(clusters.noise, transposed.noise)
    first, second = layer_statistics(clusters), layer_statistics(transposed)
    for name, value in vars(first).items():
        np.testing.assert_equal(getattr(second, name), value)
    one, two = label_statistics(clusters), label_statistics(transposed)
    np.testing.assert_array_equal(one.signal, two.signal)
    np.testing.assert_array_equal(one.noise_internal, two.noise_internal)
    assert one.noise_external.sum() == pytest.approx(two.noise_external.sum())


def test_rows_are_input_labels():
    # Input label 0 excites unit 1 as well: external noise of label 0, not of label 1.
    clusters = find_clusters(np.array([[1, 1], [0, 1]]))
    assert label_statistics(clusters).noise_external.tolist() == [1, 0]


def test_reversed_label_order_keeps_the_averages_of_disjoint_blocks():
    matrix = np.zeros((1, 6, 6), bool)
    for block in ([0, 3], [1, 2, 5]):
        matrix[0][np.ix_(block, block)] = True
    forward, backward = (
        layer_statistics(find_clusters(m)) for m in (matrix, matrix[:, ::-1, ::-1])
    )
    assert forward == backward


def test_zero_denominators():
    singles = layer_statistics(find_clusters(np.eye(4, dtype=bool)))
    assert (singles.signal, singles.noise_internal, singles.noise_external) == (1, 0, 0)
    assert singles.snr_internal == singles.snr_external == math.inf
    noise_only = layer_statistics(find_clusters(~np.eye(4, dtype=bool)))
    assert (noise_only.clusters, noise_only.signal, noise_only.snr_external) == (0, 0, 0)
    assert (noise_only.noise, noise_only.noise_external) == (12, 0.75)
    for value in (noise_only.cluster_size, noise_only.snr_internal, noise_only.noise_clustered):
        assert math.isnan(value)
    nothing = layer_statistics(find_clusters(np.zeros((2, 4, 4), bool)))
    assert math.isnan(nothing.snr_external)
    assert (nothing.dead_filters, nothing.zero_signal_labels) == (2, 4)
    assert nothing.size_fractions == {}


def test_accumulated_fields_use_the_mean_number_of_inputs():
    fields = FilterFields(np.ones((2, 1, 1)), np.ones((1, 1, 2)), np.array([1, 5]), ())
    statistics = label_statistics(find_clusters(fields), fields)
    assert statistics.field_signal.tolist() == [3, 3]
    with pytest.warns(UserWarning, match="no inputs"):
        missing = FilterFields(np.ones((2, 1, 1)), np.ones((1, 1, 2)), np.array([6, 0]), ())
    statistics = label_statistics(find_clusters(missing), missing)
    assert statistics.field_signal.tolist() == [3, 0]
    assert statistics.field_noise_external.tolist() == [3, 0]


def test_clusters_of_other_fields_are_refused():
    features, kernel = np.eye(4)[:, None], np.eye(4)[None]
    fields = FilterFields(features, kernel, np.ones(4, int), ())
    others = FilterFields(features, np.ones((1, 4, 4)), np.ones(4, int), ())
    with pytest.raises(InputError, match="other fields"):
        label_statistics(find_clusters(others), fields)


def test_field_sums_over_several_blocks():
    rng = np.random.default_rng(1)
    features, kernel = rng.integers(-3, 5, (60, 1, 310)), rng.integers(-3, 5, (1, 310, 60))
    fields = FilterFields(features, kernel, np.ones(60, int), ())
    assert len(list(fields.blocks())) > 1
    statistics = label_statistics(find_clusters(fields), fields)
    total = np.where(fields.boolean(slice(None)), fields.matrices(slice(None)), 0).sum((0, 2))
    parts = statistics.field_noise_internal + statistics.field_noise_external
    np.testing.assert_allclose(statistics.field_signal + parts * 59, total)


def test_one_label_is_refused():
    clusters = find_clusters(np.ones((3, 1, 1), bool))
    assert clusters.num_clusters.tolist() == [1, 1, 1]
    for statistics in (layer_statistics, label_statistics):
        with pytest.raises(InputError, match="at least two labels"):
            statistics(clusters)


def test_fields_of_another_layer_are_refused(case_1_fields):
    clusters = find_clusters(np.ones((2, 4, 4), bool))
    with pytest.raises(InputError, match="3 filters and 4 labels; `clusters` have 2 and 4"):
        label_statistics(clusters, case_1_fields)
