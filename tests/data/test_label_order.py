from pathlib import Path

import numpy as np
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


def test_a_gap_among_names_is_refused_for_it_would_shift_labels() -> None:
    for given in ("0,1,2,,3,4,5,6,7,8,9", [*"012", " ", *"3456789"]):
        with pytest.raises(InputError, match="nothing stands between '2' and the next name"):
            load_dataset("digits", class_names=given)
    data = load_dataset("digits", class_names=",".join(["", *"0123456789", ""]))
    assert data.class_names == tuple("0123456789")
    assert load_dataset("digits", class_names=range(10)).class_names == data.class_names
    with pytest.raises(InputError, match="the first name is empty"):
        load_dataset("digits", class_names=["", *"123456789"])


def test_classes_of_one_name_are_not_put_into_an_order(tmp_path: Path) -> None:
    labels = np.repeat([0, 1, 2], 4)
    images = np.zeros((12, 2, 2, 3), np.uint8)
    names = np.array(["crane", "dog", "crane"])
    np.savez(tmp_path / "cranes.npz", x=images, y=labels, class_names=names)
    assert load_dataset("arrays", tmp_path / "cranes.npz").num_labels == 3
    with pytest.raises(InputError, match="more than one of the data set's classes is called crane"):
        load_dataset("arrays", tmp_path / "cranes.npz", class_names=["dog", "crane"])


def test_names_with_commas_may_be_many():
    names = [*"0123456789", *(f"a name of no digit, number {i}" for i in range(300))]
    text = ",".join(name.replace(",", "") for name in names)
    assert load_dataset("digits", class_names=text).num_labels == 310
