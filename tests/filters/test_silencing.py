"""Fields against literal silencing: zero all weights but one filter's, forward every input."""

import literal_procedure as literal
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from sfp_keras.errors import InputError
from sfp_keras.filters import FilterFields, find_clusters

# Powers of two keep means of integers exact in float32, so that clipping can be compared.
COUNTS = [0, 1, 2, 4]


def forward(inputs, dense_kernel):
    """A bias-free dense head on flattened channels-last stage outputs."""
    return inputs.reshape(len(inputs), len(dense_kernel)) @ dense_kernel


def silenced_matrix(inputs, labels, dense_kernel, num_filters, filter_index):
    kernel = dense_kernel.copy()
    for row in range(len(kernel)):
        if row % num_filters != filter_index:  # The filter is the last axis of a stage.
            kernel[row] = 0
    outputs = forward(inputs, kernel)
    matrix = np.zeros((kernel.shape[1],) * 2)
    for label in range(len(matrix)):
        if (labels == label).any():
            matrix[label] = outputs[labels == label].mean(axis=0)
    return matrix


def fields_of(inputs, labels, dense_kernel):
    _, *shape, filters = inputs.shape
    units = dense_kernel.shape[1]
    counts = np.bincount(labels, minlength=units)
    sums = np.zeros((units, *inputs.shape[1:]))
    np.add.at(sums, labels, inputs)
    means = sums / np.maximum(counts, 1)[:, None, None, None]
    positions = np.prod(shape)
    return FilterFields(
        means.reshape(units, positions, filters),
        dense_kernel.reshape(positions, filters, units),
        counts,
        tuple(shape),
    )


@pytest.mark.filterwarnings("ignore:.*no inputs and get zero fields")
@settings(deadline=None, derandomize=True, max_examples=80)
@given(st.data())
def test_matrices_and_clusters_equal_literal_silencing(data):
    units = data.draw(st.integers(1, 5))
    height, width, filters = (data.draw(st.integers(1, 3)) for _ in range(3))
    counts = data.draw(st.lists(st.sampled_from(COUNTS), min_size=units, max_size=units))
    order = data.draw(st.permutations(np.repeat(range(units), counts).tolist()))
    labels = np.array(order, dtype=int)
    values = st.integers(-3, 9)
    inputs = data.draw(hnp.arrays(float, (len(labels), height, width, filters), elements=values))
    shape = (height * width * filters, units)
    dense_kernel = data.draw(hnp.arrays(float, shape, elements=st.integers(-9, 9)))

    fields = fields_of(inputs, labels, dense_kernel)
    clusters = find_clusters(fields)
    for index in range(filters):
        expected = silenced_matrix(inputs, labels, dense_kernel, filters, index)
        np.testing.assert_array_equal(fields.matrix(index), expected)
        boolean = literal.clip(literal.normalize(expected.tolist()))
        np.testing.assert_array_equal(fields.boolean(index), boolean)
        members = literal.find_clusters(boolean)
        assert clusters.members(index) == members
        assert clusters.noise[index] == literal.count_noise(boolean, members)
        assert clusters.dead[index] == (expected.max() <= 0)


def test_unbalanced_random_inputs():
    rng = np.random.default_rng(3)
    labels = rng.permutation(np.repeat(range(6), [1, 7, 3, 12, 5, 9]))
    inputs = rng.normal(size=(len(labels), 2, 3, 8))
    dense_kernel = rng.normal(size=(48, 6))
    fields = fields_of(inputs, labels, dense_kernel)
    total = forward(inputs, dense_kernel)
    for index in range(8):
        expected = silenced_matrix(inputs, labels, dense_kernel, 8, index)
        np.testing.assert_allclose(fields.matrix(index), expected, rtol=1e-5, atol=1e-5)
    # All filters together are the whole head.
    means = np.array([total[labels == label].mean(axis=0) for label in range(6)])
    whole = fields.matrices(slice(None)).sum(axis=0)
    np.testing.assert_allclose(whole, means, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(("positions", "heads", "size"), [((), 3, 4), ((2, 2), 2, 3), ((5,), 1, 6)])
def test_a_heads_field_is_what_is_left_when_other_heads_nodes_are_silenced(positions, heads, size):
    rng = np.random.default_rng(heads)
    nodes, units = heads * size, 4
    inputs = rng.normal(size=(24, *(positions or (1,)), nodes))
    labels, dense_kernel = np.arange(24) % units, rng.normal(size=(inputs[0].size, units))
    shaped = inputs.reshape(24, 1, -1, nodes)
    fields = fields_of(shaped, labels, dense_kernel)
    by_head = fields.by_heads(heads)
    assert by_head.num_filters == heads
    assert by_head.position_shape == (*fields.position_shape, size)
    for head in range(heads):
        kernel = dense_kernel.copy()
        for row in range(len(kernel)):
            if not size * head <= row % nodes < size * (head + 1):
                kernel[row] = 0
        outputs = inputs.reshape(24, -1) @ kernel
        expected = [outputs[labels == label].mean(0) for label in range(units)]
        np.testing.assert_allclose(by_head.matrix(head), expected, rtol=1e-4, atol=1e-5)
    # A node alone, as a head of one, has the field that it has as a node.
    np.testing.assert_array_equal(
        fields.by_heads(nodes).matrices(slice(None)), fields.matrices(slice(None))
    )


@pytest.mark.parametrize("heads", [0, 5, -2, 2.0, True])
def test_nodes_that_do_not_divide_into_heads(heads):
    fields = FilterFields(np.ones((2, 1, 8)), np.ones((1, 8, 2)), np.array([1, 2]), ())
    wrong = "`heads`=5: 8 nodes, which do not" if heads == 5 else "`heads` must be a whole number"
    with pytest.raises(InputError, match=wrong):
        fields.by_heads(heads)
    with pytest.warns(UserWarning, match="labels have no inputs"):
        one_missing = FilterFields(np.ones((2, 1, 8)), np.ones((1, 8, 2)), np.array([1, 0]), ())
    assert one_missing.by_heads(2).num_filters == 2  # It does not warn again.
