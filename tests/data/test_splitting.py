import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sfp_keras.data.splitting import stratified_split
from sfp_keras.errors import InputError


@settings(deadline=None, derandomize=True, max_examples=50)
@given(st.lists(st.integers(0, 4), max_size=60), st.floats(0.01, 0.99))
def test_every_label_is_split_alike_and_no_image_lost(labels, fraction):
    labels = np.array(labels, np.int64)
    train, test = stratified_split(labels, fraction)
    assert sorted([*train, *test]) == list(range(len(labels)))
    for label in np.unique(labels):
        count = (labels == label).sum()
        tested = (labels[test] == label).sum()
        if count == 1:
            assert tested == 0
        else:
            assert 1 <= tested < count
            assert abs(tested - fraction * count) <= 1


def test_fifty_images_a_label_give_the_papers_ten_test_images():
    labels = np.repeat(np.arange(3), 50)
    _, test = stratified_split(labels, 0.2)
    assert np.bincount(labels[test]).tolist() == [10, 10, 10]


def test_keys_decide():
    train, test = stratified_split(np.zeros(5, np.int64), 0.4, np.array([5, 1, 4, 2, 3]))
    assert test.tolist() == [1, 3]
    assert train.tolist() == [0, 2, 4]


@pytest.mark.parametrize("fraction", [0.0, 1.0, -1, 2])
def test_fraction_outside_0_and_1_is_refused(fraction):
    with pytest.raises(InputError, match="`test_fraction`"):
        stratified_split(np.zeros(3, np.int64), fraction)
