import pytest

from sfp_keras.data import load_dataset
from sfp_keras.errors import InputError


def test_digits_in_another_order_with_names_to_spare():
    plain = load_dataset("digits")
    data = load_dataset("digits", class_names=["none", *"9876543210"])
    assert data.num_labels == 11
    assert data.original_labels == tuple(range(11))
    names = [data.class_names[label] for label in data.test.labels]
    assert names == [plain.class_names[label] for label in plain.test.labels]
    assert 0 not in data.train.labels


def test_missing_and_double_names_are_refused():
    with pytest.raises(InputError, match="`class_names` lacks 1 of the data set's classes: 9"):
        load_dataset("digits", class_names="0,1,2,3,4,5,6,7,8")
    with pytest.raises(InputError, match="`class_names` has more than one of 3"):
        load_dataset("digits", class_names="0,1,2,3,3,4,5,6,7,8,9")
    with pytest.raises(InputError, match="has no names"):
        load_dataset("digits", class_names=[])


def test_names_with_commas_may_be_many():
    names = [*"0123456789", *(f"a name of no digit, number {i}" for i in range(300))]
    text = ",".join(name.replace(",", "") for name in names)
    assert load_dataset("digits", class_names=text).num_labels == 310
