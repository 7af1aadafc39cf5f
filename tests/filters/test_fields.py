import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sfp_keras.errors import InputError
from sfp_keras.filters import FilterFields


def make(labels=5, positions=4, filters=7, seed=0, counts=None):
    rng = np.random.default_rng(seed)
    return FilterFields(
        rng.normal(size=(labels, positions, filters)).astype(np.float32),
        rng.normal(size=(positions, filters, labels)).astype(np.float32),
        np.full(labels, 3) if counts is None else counts,
        (positions,),
    )


def test_worked_example_matrices_and_boolean(case_1, case_1_fields):
    np.testing.assert_array_equal(case_1_fields.matrices(slice(None)), case_1["matrix"])
    np.testing.assert_array_equal(case_1_fields.boolean(slice(None)), case_1["boolean"])
    for index in range(3):
        np.testing.assert_array_equal(case_1_fields.matrix(index), case_1["matrix"][index])
        np.testing.assert_array_equal(case_1_fields.boolean(index), case_1["boolean"][index])
    np.testing.assert_array_equal(case_1_fields.maxima(), [24, 11, -6])


def test_dead_filter_normalizes_to_zeros(case_1_fields):
    np.testing.assert_array_equal(case_1_fields.normalized(2), np.zeros((4, 4)))
    assert case_1_fields.normalized(0).max() == 1


def test_threshold_is_strict(golden):
    case = golden["strict_threshold"]
    matrix = np.array(case["matrix"])
    fields = FilterFields(matrix[:, :, None], np.eye(2)[:, None], np.ones(2, int), (2,))
    np.testing.assert_array_equal(fields.matrix(0), matrix)
    np.testing.assert_array_equal(fields.boolean(0, case["threshold"]), case["boolean"])


def test_clipping_is_in_float32():
    # 3/10 in float32 equals the float32 threshold 0.3, yet exceeds the float64 one.
    fields = FilterFields([[[10]], [[3]]], [[[1, 1]]], np.ones(2, int), ())
    np.testing.assert_array_equal(fields.boolean(0), [[1, 1], [0, 0]])


def any_float(low):
    return st.floats(low, 2.0**126, width=32, allow_nan=False)


@given(
    matrix=st.lists(any_float(-(2.0**126)), min_size=9, max_size=9),
    threshold=st.one_of(st.sampled_from([0, -0.0, 0.3, 0.5, 2**-149]), st.floats(0, 0.99)),
    near=st.lists(st.integers(-2, 2), min_size=8, max_size=8),
)
def test_clipped_fields_are_the_quotients_above_the_threshold(matrix, threshold, near):
    """Compared with dividing, also for fields a rounding error away from the threshold."""
    values = np.array(matrix, np.float32)
    largest = np.abs(max(values[0], np.float32(0)))
    close = np.abs(largest * np.float32(threshold)).view(np.int32) + np.array(near, np.int32)
    values[1:] = np.where(np.array(near) == 0, values[1:], np.abs(close).view(np.float32))
    values[1:] = np.minimum(values[1:], values[0])
    matrix = values.reshape(3, 3)
    fields = FilterFields(matrix[:, :, None], np.eye(3)[:, None], np.ones(3, int), (3,))
    with np.errstate(divide="ignore", invalid="ignore", over="ignore", under="ignore"):
        above = matrix / matrix.max() > np.float32(threshold)
    np.testing.assert_array_equal(fields.boolean(0, threshold), above & (matrix.max() > 0))
    ((block, matrices, boolean),) = fields.clipped_blocks(threshold)
    np.testing.assert_array_equal(matrices, fields.matrices(block))
    np.testing.assert_array_equal(boolean[0], fields.boolean(0, threshold))


def test_features_are_means_not_sums(golden):
    case = golden["mean_not_sum"]
    inputs = [np.array(case["label_0_inputs"]), np.array(case["label_1_inputs"])]
    means, sums = ([reduce(values) for values in inputs] for reduce in (np.mean, np.sum))
    counts = np.array([values.size for values in inputs])
    kernel = np.array(case["kernel"])[None, None]
    right, wrong = (
        FilterFields(np.array(features)[:, None, None], kernel, counts, ()).boolean(0)
        for features in (means, sums)
    )
    np.testing.assert_array_equal(right, case["boolean"])
    assert (wrong != right).any()


@pytest.mark.parametrize("positions", [1, 2, 4, 9])
@pytest.mark.parametrize("labels", [1, 3, 10, 33])
def test_one_filter_and_many_agree_to_the_last_bit(labels, positions):
    fields = make(labels, positions, filters=6)
    matrices = fields.matrices(slice(None))
    assert matrices.dtype == np.float32
    boolean, normalized = fields.boolean(slice(None)), fields.normalized([3, 0])
    for index in range(6):
        np.testing.assert_array_equal(fields.matrix(index), matrices[index])
        np.testing.assert_array_equal(fields.boolean(index), boolean[index])
        if labels > 1:  # A single label is a dot product, which NumPy sums in another order.
            single = np.ascontiguousarray(fields.features[:, :, index]) @ fields.kernel[:, index]
            np.testing.assert_array_equal(fields.matrix(index), single)
    np.testing.assert_array_equal(normalized[1], fields.normalized(0))


def test_selections():
    fields = make()
    whole = fields.matrices(slice(None))
    mask = np.arange(7) % 3 == 0
    for chosen in (slice(2, 5), slice(None, None, -2), [6, 0, 6], np.array([-1, 2]), mask, []):
        np.testing.assert_array_equal(fields.matrices(chosen), whole[chosen])
        assert fields.boolean(chosen).shape == whole[chosen].shape
    assert fields.boolean(-1).shape == fields.normalized(np.int64(2)).shape == (5, 5)
    for wrong in (7, [0, 9], "x", 1.5, [[0, 1]], None):
        with pytest.raises(InputError, match="filters"):
            fields.boolean(wrong)
    with pytest.raises(InputError, match="are numbered 0 to"):
        fields.matrix(7)


def test_blocks_cover_all_filters_in_order():
    fields = make(filters=11)
    blocks = list(fields.blocks(max_bytes=4 * 5 * 5 * 3))
    assert [b.stop - b.start for b in blocks] == [3, 3, 3, 2]
    assert [i for b in blocks for i in range(11)[b]] == list(range(11))
    assert [b.stop - b.start for b in fields.blocks(max_bytes=1)] == [1] * 11


def test_selections_longer_than_a_block():
    fields = make(labels=40, positions=1, filters=700)
    assert len(list(fields.blocks())) == 2
    normalized = fields.normalized(slice(None))
    np.testing.assert_array_equal(fields.boolean(slice(None)), normalized > np.float32(0.3))
    np.testing.assert_array_equal(fields.maxima(), fields.matrices(slice(None)).max(axis=(1, 2)))


def test_missing_label_gets_zero_rows_and_one_warning():
    features = np.ones((3, 2, 2), np.float32)
    features[1] = np.nan
    counts = np.array([2, 0, 1])
    with pytest.warns(UserWarning, match="1 of 3 labels have no inputs.*: 1$") as caught:
        fields = FilterFields(features, np.ones((2, 2, 3)), counts, (2,))
    assert len(caught) == 1
    assert caught[0].filename == __file__
    assert np.isnan(features[1]).all()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        np.testing.assert_array_equal(fields.matrix(0), [[2, 2, 2], [0, 0, 0], [2, 2, 2]])
        assert fields.inputs_per_label == 1


def test_shapes_and_values_are_validated():
    good = {
        "features": np.ones((3, 4, 2)),
        "kernel": np.ones((4, 2, 3)),
        "label_counts": np.ones(3, int),
        "position_shape": (2, 2),
    }
    fields = FilterFields(**good)
    assert (fields.num_labels, fields.num_positions, fields.num_filters) == (3, 4, 2)
    assert fields.features.dtype == fields.kernel.dtype == np.float32
    assert fields.label_counts.dtype == np.int64
    nan, huge = np.ones((4, 2, 3)), np.ones((3, 4, 2))
    nan[0, 0, 0], huge[0, 0, 0] = np.nan, 1e39
    for name, wrong, message in (
        ("kernel", np.ones((2, 4, 3)), r"\(2, 4, 3\).*\(4, 2, 3\)"),
        ("kernel", nan, "`kernel` holds NaN"),
        ("features", huge, "`features` holds NaN or infinite"),
        ("features", np.ones((3, 8)), r"`features` has shape \(3, 8\)"),
        ("features", np.ones((0, 4, 2)), r"`features` has shape \(0, 4, 2\)"),
        ("features", np.full((3, 4, 2), "a"), "`features` must be an array of real numbers"),
        ("features", np.full((3, 4, 2), 1 + 2j), "`features` must be an array of real numbers"),
        ("kernel", np.full((4, 2, 3), "1.5"), "`kernel` must be an array of real numbers"),
        ("position_shape", 4, r"`position_shape` must be the shape .*, not 4"),
        ("position_shape", (2.0, 2), r"`position_shape` must be the shape .*, not \(2.0, 2\)"),
        ("position_shape", (-2, -2), r"\(-2, -2\) has a size below 1"),
        ("label_counts", np.ones(4, int), "`label_counts` must be 3"),
        ("label_counts", np.array([1, -1, 1]), "non-negative"),
        ("label_counts", np.ones(3), "float64"),
        ("position_shape", (3, 2), r"\(3, 2\) has 6 positions.*P = 4"),
    ):
        with pytest.raises(InputError, match=message) as caught:
            FilterFields(**{**good, name: wrong})
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize("threshold", [-0.1, 1, 1 - 1e-12, np.nan, np.inf, "0.3", None, 10**400])
def test_threshold_is_validated(threshold):
    with pytest.raises(InputError, match=r"`threshold` must be a number.*not"):
        make().boolean(0, threshold)


def test_fields_too_large_for_float32_are_refused():
    fields = FilterFields(np.full((2, 2, 3), 1e30), np.full((2, 3, 2), 1e30), [1, 1], (2,))
    with pytest.raises(InputError, match="filter 1 are too large"):
        fields.boolean(1)
    with pytest.raises(InputError, match="too large"):
        fields.maxima()


def test_selectivity_by_hand():
    # Filters: one class alone; all alike; 3 against a rest of 1; silent; negative rest.
    means = np.array([[4, 2, 3, 0, 1], [0, 2, 2, 0, -3], [0, 2, 0, 0, -3]], float)
    features = np.stack([means - 1, means + 1], axis=1)  # Two positions with this mean.
    fields = FilterFields(features, np.zeros((2, 5, 3)), np.ones(3, int), (2,))
    np.testing.assert_allclose(fields.selectivity(), [1, 0, 0.5, np.nan, np.nan])


def test_selectivity_leaves_out_missing_labels():
    features = np.array([[[3.0]], [[1.0]], [[0.0]]])
    with pytest.warns(UserWarning, match="no inputs"):
        fields = FilterFields(features, np.zeros((1, 1, 3)), np.array([1, 1, 0]), ())
    np.testing.assert_allclose(fields.selectivity(), [0.5])
    alone = FilterFields(features[:1], np.zeros((1, 1, 1)), np.array([1]), ())
    assert np.isnan(alone.selectivity()).all()


@pytest.mark.parametrize("positions", [1, 4])
def test_filters_are_counted_from_the_end_too(positions):
    fields, labels = make(positions=positions), np.array([3, 0])
    expected = fields.boolean(-2)[np.ix_(labels, labels)]
    np.testing.assert_array_equal(fields.boolean_of(-2, labels), expected)
    with pytest.raises(InputError, match="`filters`"):
        fields.boolean_of(7, labels)
