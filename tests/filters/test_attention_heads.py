"""The head by label matrix against literal loops, and its test against chance."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from sfp_keras import head_specialization
from sfp_keras.errors import InputError
from sfp_keras.filters import FilterClusters, FilterFields, find_clusters


def clusters_of(member):
    """Clusters of one label each, of nodes with the labels of a Boolean (F, K)."""
    numbers = np.where(member, member.cumsum(axis=1) - 1, -1)
    return FilterClusters(numbers, member.astype(int))


def fields_of(member, strength):
    """Fields of one position for each label, on the label's own unit alone."""
    labels = member.shape[1]
    features = np.eye(labels)[:, :, None] * (member * strength).T[None]
    kernel = np.repeat(np.eye(labels)[:, None], len(member), axis=1)
    return FilterFields(features, kernel, np.ones(labels, int), (labels,))


@settings(deadline=None, derandomize=True, max_examples=40)
@given(st.data())
def test_equals_literal_loops(data):
    heads, size = data.draw(st.integers(1, 4)), data.draw(st.integers(1, 3))
    labels, positions = data.draw(st.integers(1, 5)), data.draw(st.integers(1, 2))
    nodes = heads * size
    values = st.integers(-4, 6)
    features = data.draw(hnp.arrays(np.int64, (labels, positions, nodes), elements=values))
    kernel = data.draw(hnp.arrays(np.int64, (positions, nodes, labels), elements=values))
    fields = FilterFields(features, kernel, np.ones(labels, int), (positions,))
    clusters = find_clusters(fields)
    found = head_specialization(clusters, heads, fields, permutations=5)
    assert (found.num_heads, found.nodes_per_head) == (heads, size)
    counts, sums = np.zeros((heads, labels), int), np.zeros((heads, labels))
    for node in range(nodes):
        for label in range(labels):
            if any(label in cluster for cluster in clusters.members(node)):
                counts[node // size, label] += 1
                sums[node // size, label] += fields.matrix(node)[label, label]
    for shares, expected in ((found.nodes, counts), (found.fields, sums)):
        np.testing.assert_array_equal(shares.matrix, expected)
        led = [0.0] * heads
        for label in range(labels):
            column = expected[:, label].tolist()
            if sum(column) == 0:
                assert shares.leading_head[label] == -1
                assert not shares.leads[:, label].any()
                for values_of in (shares.share, shares.expected_share, shares.label_p_values):
                    assert np.isnan(values_of[label])
                continue
            strongest = [h for h in range(heads) if column[h] == max(column)]
            assert shares.leading_head[label] == strongest[0]
            assert np.flatnonzero(shares.leads[:, label]).tolist() == strongest
            assert shares.share[label] == pytest.approx(max(column) / sum(column))
            assert shares.share[label] >= 1 / heads - 1e-12
            assert shares.shares[:, label] == pytest.approx(np.array(column) / sum(column))
            for head in strongest:
                led[head] += 1 / len(strongest)
        assert shares.labels_led == pytest.approx(led)
        present = [share for share in shares.share if not np.isnan(share)]
        mean = np.mean(present) if present else np.nan
        assert shares.mean_share == pytest.approx(mean, nan_ok=True)
    frame = found.to_frame()
    assert frame["nodes_head0"].tolist() == counts[0].tolist()
    assert frame["field_leading_head"].tolist() == found.fields.leading_head.tolist()


def test_the_null_is_that_of_all_assignments():
    member = np.array([[1, 0, 1], [1, 1, 0], [0, 1, 0], [1, 0, 0], [0, 1, 0], [1, 0, 0]], bool)
    strength = np.array([3.0, 1, 2, 5, 1, 4])[:, None]
    fields = fields_of(member, strength)
    found = head_specialization(find_clusters(fields), 2, fields, permutations=20_000, seed=3)
    for shares, weights in ((found.nodes, member * 1.0), (found.fields, member * strength)):
        totals = weights.sum(axis=0)
        null = [
            np.maximum(first, totals - first) / totals
            for first in (weights[list(c)].sum(axis=0) for c in itertools.combinations(range(6), 3))
        ]
        exact = np.mean(null, axis=0)
        np.testing.assert_allclose(shares.expected_share, exact, atol=0.01)
        assert shares.expected_mean_share == pytest.approx(exact.mean(), abs=0.01)
        for label in range(3):
            exact = np.mean([one[label] >= shares.share[label] - 1e-9 for one in null])
            assert shares.label_p_values[label] == pytest.approx(exact, abs=0.015)
        exact = np.mean([one.mean() >= shares.mean_share - 1e-9 for one in null])
        assert shares.p_value == pytest.approx(exact, abs=0.015)
    # The only node with a label has a head, whichever it is.
    assert found.nodes.share[2] == found.nodes.expected_share[2] == 1
    assert found.nodes.label_p_values[2] == 1


def test_p_values_are_uniform_where_labels_do_not_depend_on_heads():
    rng = np.random.default_rng(0)
    p_values = []
    for repeat in range(300):
        member = rng.random((32, 12)) < 0.25
        fields = fields_of(member, rng.gamma(1, 1, (32, 1)))
        clusters = clusters_of(member)
        found = head_specialization(clusters, 4, fields, permutations=99, seed=repeat)
        p_values.append((found.nodes.p_value, found.fields.p_value))
    for values in np.transpose(p_values):
        ordered = np.sort(values)
        # Kolmogorov and Smirnov's distance, at 1% for 300 values; equal shares make it larger.
        assert np.abs(ordered - np.arange(1, 301) / 300).max() < 1.63 / np.sqrt(300)


def test_planted_experts_are_found_and_shares_named():
    rng = np.random.default_rng(1)
    head_of = np.arange(64) // 16
    own = np.arange(12)[None] // 3 == head_of[:, None]
    member = rng.random((64, 12)) < np.where(own, 0.8, 0.05)
    found = head_specialization(clusters_of(member), 4)
    assert found.fields is None
    assert found.nodes.leading_head.tolist() == [0] * 3 + [1] * 3 + [2] * 3 + [3] * 3
    assert found.nodes.labels_led.tolist() == [3] * 4
    assert found.nodes.mean_share > 0.7 > 0.45 > found.nodes.expected_mean_share > 1 / 4
    assert found.nodes.p_value == 1 / 10_000
    assert found.nodes.label_p_values.max() < 0.02
    again = head_specialization(clusters_of(member), 4)
    np.testing.assert_array_equal(again.nodes.expected_share, found.nodes.expected_share)
    assert len(repr(found)) < 700


def test_blocks_change_nothing(monkeypatch):
    member = np.random.default_rng(2).random((12, 4)) < 0.4
    whole = head_specialization(clusters_of(member), 3, permutations=50)
    monkeypatch.setattr("sfp_keras.filters.attention_heads._BLOCK", 100)
    blocks = head_specialization(clusters_of(member), 3, permutations=50)
    assert (whole.nodes.p_value, whole.nodes.expected_mean_share) == pytest.approx(
        (blocks.nodes.p_value, blocks.nodes.expected_mean_share)
    )


def test_heads_that_no_label_is_in_have_no_p_value():
    found = head_specialization(clusters_of(np.zeros((4, 3), bool)), 2, permutations=9)
    assert np.isnan([found.nodes.mean_share, found.nodes.p_value]).all()
    assert found.nodes.labels_led.tolist() == [0, 0]


def test_what_is_no_layer_of_heads_is_refused():
    clusters = clusters_of(np.eye(6, dtype=bool))
    with pytest.raises(InputError, match="`heads`=4: 6 nodes"):
        head_specialization(clusters, 4)
    for name, least, values in (
        ("heads", 1, (0, 2.0, "2", True, None)),
        ("permutations", 1, (0, 1.5, "9", None)),
        ("seed", 0, (-1, 0.5, "a", None)),
    ):
        for value in values:
            with pytest.raises(InputError, match=f"`{name}` must be a whole number from {least}"):
                head_specialization(clusters, **{"heads": 2, name: value})
    with pytest.raises(InputError, match="pass those of one layer"):
        head_specialization(clusters, 2, fields_of(np.eye(4, dtype=bool), 1.0))
    with pytest.raises(InputError, match="`clusters` must be FilterClusters"):
        head_specialization(fields_of(np.eye(4, dtype=bool), 1.0), 2)


@settings(deadline=None, derandomize=True, max_examples=80)
@given(st.data())
def test_nodes_of_one_position_have_rank_one_and_two_blocks_at_most(data):
    labels = data.draw(st.integers(2, 7))
    values = st.integers(-9, 9)
    features = data.draw(hnp.arrays(np.int64, (labels, 1, 3), elements=values))
    kernel = data.draw(hnp.arrays(np.int64, (1, 3, labels), elements=values))
    fields = FilterFields(features, kernel, np.ones(labels, int), ())
    for node in range(3):
        assert np.linalg.matrix_rank(fields.matrix(node)) <= 1
        above = fields.boolean(node)
        # Blocks: sets of rows and columns such that no element above the threshold is in another's.
        blocks = []
        for row in range(labels):
            columns = set(np.flatnonzero(above[row]).tolist())
            if not columns:
                continue
            apart = []
            rows = {row}
            for other_rows, other_columns in blocks:
                if other_columns & columns:
                    rows, columns = rows | other_rows, columns | other_columns
                else:
                    apart.append((other_rows, other_columns))
            blocks = [*apart, (rows, columns)]
        assert len(blocks) <= 2
        signs = {
            (np.sign(features[i, 0, node]), np.sign(kernel[0, node, j]))
            for i, j in np.argwhere(above)
        }
        assert signs <= {(1, 1), (-1, -1)}
