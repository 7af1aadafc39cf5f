"""Signal and noise with sub-threshold fields against sums over filters' matrices."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from sfp_keras.errors import InputError
from sfp_keras.filters import FilterFields, field_sums, find_clusters, summed_fields


def test_worked_example(case_1, case_1_fields):
    sums = summed_fields(find_clusters(case_1_fields), case_1_fields)
    np.testing.assert_array_equal(sums.fields[0], case_1["figure_6c_S"]["row_0"])
    np.testing.assert_array_equal(sums.fields[2], case_1["figure_6c_S"]["row_2"])
    np.testing.assert_array_equal(sums.appearances, case_1["signal"])
    # Row 2: 17 on its own unit; -6, 18 and 29 on the others.
    assert (sums.signal[2], sums.largest_noise[2]) == (17, 29)
    assert sums.noise[2] == pytest.approx(41 / 3)
    assert sums.snr[2] == pytest.approx(51 / 41)
    assert sums.snr_of_largest[2] == pytest.approx(17 / 29)
    # Labels 1 and 3: filter 1; filters 0 and 1.
    signal, noise = 16 + 8 + 17 + 24, (51 + (-16 + 11 + 11) + 41 + (-12 + 6 + 10 + 8 + 6 + 6)) / 3
    assert sums.mean_snr == pytest.approx(signal / noise)
    assert sums.unit_field == pytest.approx(signal / 6)
    assert sums.mean_snr_of_largest == pytest.approx(signal / (23 + 11 + 29 + 16))


@settings(deadline=None, derandomize=True, max_examples=100)
@given(st.data())
def test_equals_sums_over_filters(data):
    labels, filters = data.draw(st.integers(2, 5)), data.draw(st.integers(1, 6))
    values = st.integers(-4, 6)
    features = data.draw(hnp.arrays(np.int64, (labels, 2, filters), elements=values))
    kernel = data.draw(hnp.arrays(np.int64, (2, filters, labels), elements=values))
    fields = FilterFields(features, kernel, np.ones(labels, int), (2,))
    clusters = find_clusters(fields)
    expected = np.zeros((2, labels, labels))
    for f in range(filters):
        for i in range(labels):
            contained = any(i in cluster for cluster in clusters.members(f))
            expected[0 if contained else 1, i] += fields.matrix(f)[i]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(field_sums, "_BLOCK_BYTES", data.draw(st.sampled_from([1, 200, 2**25])))
        sums = summed_fields(clusters, fields)
    np.testing.assert_array_equal(sums.fields, expected[0])
    np.testing.assert_array_equal(sums.others, expected[1])
    for i in range(labels):
        wrong = [expected[0, i, j] for j in range(labels) if j != i]
        assert sums.signal[i] == expected[0, i, i]
        assert sums.noise[i] == pytest.approx(sum(wrong) / (labels - 1))
        assert sums.largest_noise[i] == max(wrong)
        assert (sums.signal[i] > 0) == (sums.appearances[i] > 0)
        for ratio, noise in ((sums.snr, sums.noise[i]), (sums.snr_of_largest, max(wrong))):
            if sums.appearances[i] == 0:
                assert math.isnan(ratio[i])
            elif noise <= 0:
                assert ratio[i] == math.inf
            else:
                assert ratio[i] == pytest.approx(sums.signal[i] / noise)
        assert math.isnan(sums.snr[i]) or sums.snr_of_largest[i] <= sums.snr[i] * (1 + 1e-12)
    if sums.appearances.any():
        mean = sums.signal.mean() / sums.unit_field
        assert mean == pytest.approx(sums.appearances.mean())
    else:
        assert math.isnan(sums.unit_field)
        assert math.isnan(sums.mean_snr)


def test_the_papers_estimate():
    # One filter for each of the 120 triplets, unit fields inside, a small negative field outside
    # the cluster on its own rows: each label is in 36, each pair of labels in 8.
    triplets = [(a, b, c) for a in range(10) for b in range(a) for c in range(b)]
    member = np.zeros((10, 120))
    for f, triplet in enumerate(triplets):
        member[list(triplet), f] = 1
    for outside, expected in ((0, 36 / 8), (-0.05, 36 / (8 - 28 * 0.05)), (-1, math.inf)):
        kernel = np.where(member == 1, 1, outside).T[None]
        fields = FilterFields(member[:, None], kernel, np.ones(10, int), ())
        sums = summed_fields(find_clusters(fields), fields)
        assert sums.appearances.tolist() == [36] * 10
        np.testing.assert_allclose(sums.signal, 36)
        np.testing.assert_allclose(sums.snr, expected)
        assert sums.mean_snr == pytest.approx(expected)
        assert sums.unit_field == 1
        assert not sums.others.any()


def test_one_label_and_other_layers_are_refused(case_1_fields):
    single = FilterFields(np.ones((1, 1, 1)), np.ones((1, 1, 1)), np.ones(1, int), ())
    with pytest.raises(InputError, match="at least two labels"):
        summed_fields(find_clusters(single), single)
    with pytest.raises(InputError, match="pass those of one layer"):
        summed_fields(find_clusters(np.ones((2, 4, 4), bool)), case_1_fields)
