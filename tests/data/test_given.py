"""Data sets of what a Python program holds."""

import numpy as np
import pytest

from sfp_keras.data import given_dataset
from sfp_keras.errors import InputError

RNG = np.random.default_rng(0)
X = RNG.integers(0, 256, (12, 5, 4, 3), dtype=np.uint8)
Y = np.arange(12) % 3
HALVES = [(X[:7], Y[:7, None]), (X[7:], Y[7:, None])]


class Named(list):
    """As `keras.utils.image_dataset_from_directory` names its classes."""

    class_names = ("a", "b", "c")


@pytest.mark.parametrize("data", [(X, Y), (X, np.eye(3)[Y]), HALVES, iter(HALVES)])
def test_arrays_and_batches_are_one_data_set(data):
    dataset = given_dataset(data, (X[:3], Y[:3]))
    assert dataset.class_names == ("0", "1", "2")
    assert dataset.train.dtype == np.uint8
    np.testing.assert_array_equal(dataset.train.images, X)
    np.testing.assert_array_equal(dataset.train.labels, Y)
    assert len(dataset.test) == 3


def test_images_are_not_scaled():
    for images, dtype in ((X, np.uint8), (X / 255, np.float32), (X.astype(int), np.float32)):
        dataset = given_dataset((images, Y), (images, Y))
        assert dataset.train.dtype == dtype
        np.testing.assert_array_equal(dataset.train.images, images.astype(dtype))
    # Of two types, both are floats; grey images have an axis for their channel.
    dataset = given_dataset((X[..., 0], Y), (X[..., 0] / 255, Y))
    assert dataset.train.dtype == np.float32
    assert dataset.image_shape == (5, 4, 1)


def test_images_in_a_file_stay_there(tmp_path):
    np.save(tmp_path / "x.npy", X)
    mapped = np.load(tmp_path / "x.npy", mmap_mode="r")
    assert not given_dataset((mapped, Y), (X, Y)).train.in_memory


def test_names_come_with_the_data_or_are_given():
    test = (X, Y)
    assert given_dataset(Named(HALVES), test).class_names == ("a", "b", "c")
    assert given_dataset(Named(HALVES), test, "x,y,z").class_names == ("x", "y", "z")
    # Of names, some may have no images.
    assert given_dataset(test, test, ["x", "y", "z", "w"]).num_labels == 4


def test_classes_of_the_same_names_get_the_same_labels():
    """Each folder's classes are numbered by themselves."""
    train = Named([(X, Y)])
    test = Named([(X, np.where(Y == 2, 0, 1))])
    test.class_names = ["c", "b"]
    dataset = given_dataset(train, test)
    np.testing.assert_array_equal(dataset.test.labels, np.where(Y == 2, 2, 1))
    assert dataset.class_names == ("a", "b", "c")
    # In the order of a network's outputs, some of which have no images.
    dataset = given_dataset(train, test, ["c", "other", "a", "b"])
    assert dataset.class_names == ("c", "other", "a", "b")
    np.testing.assert_array_equal(dataset.train.labels, np.array([2, 3, 0])[Y])
    np.testing.assert_array_equal(dataset.test.labels, np.where(Y == 2, 0, 3))
    # New names for all, and more than `train` has.
    assert (
        given_dataset(train, test, "x,y,z").test.labels.tolist() == np.where(Y == 2, 2, 1).tolist()
    )
    test.class_names = ["c", "z"]
    dataset = given_dataset(train, test, "a,z,b,c")
    np.testing.assert_array_equal(dataset.train.labels, np.array([0, 2, 3])[Y])
    np.testing.assert_array_equal(dataset.test.labels, np.where(Y == 2, 3, 1))
    with pytest.raises(
        InputError, match="`test`: its classes z are none, or more than one, of a, "
    ):
        given_dataset(train, test)


def test_classes_of_one_name_stay_as_they_are():
    """As two of ImageNet's are called."""
    train = Named([(X, Y)])
    train.class_names = ("a", "a", "b")
    np.testing.assert_array_equal(given_dataset(train, train, ["a", "a", "b"]).train.labels, Y)
    with pytest.raises(InputError, match="`train`: its classes a, a are none, or more than one"):
        given_dataset(train, train, ["b", "a", "a"])


@pytest.mark.parametrize(
    ("batch", "message"),
    [
        ({"image": X, "label": Y}, r"`train` gives dicts \(image, label\), not batches .*ds.map"),
        (({"image": X}, Y), r"`train` gives images as dicts \(image\): map it, .*'image'"),
        (X, r"`train` gives an array \(.*\), not batches"),
    ],
)
def test_batches_in_dicts_are_told(batch, message):
    with pytest.raises(InputError, match=message):
        given_dataset([batch], (X, Y))


@pytest.mark.parametrize("batched", [False, True])
@pytest.mark.parametrize("given", [Y, Y + 1], ids=["last", "first"])
def test_one_hot_labels_say_how_many_there_are(given, batched):
    """Also where the last of them has no image; numbers say less."""
    hot = np.eye(4)[given]
    train = [(X[:7], hot[:7]), (X[7:], hot[7:])] if batched else (X, hot)
    dataset = given_dataset(train, (X, given))
    assert dataset.class_names == ("0", "1", "2", "3")
    np.testing.assert_array_equal(dataset.train.labels, given)


def test_one_hot_labels_of_several_widths_are_refused():
    with pytest.raises(InputError, match="one-hot labels have 3 and 4 columns"):
        given_dataset((X, np.eye(3)[Y]), (X, np.eye(4)[Y]))
    with pytest.raises(InputError, match="has 3 names, the one-hot labels have 4 columns"):
        given_dataset((X, np.eye(4)[Y]), (X, Y), "a,b,c")


@pytest.mark.parametrize(
    ("train", "names", "message"),
    [
        ((X, Y), ["", "b", "c"], "`class_names`=.*the first name is empty"),
        ((X, Y + 1), None, "numbered 1, up to 3 with numbers left out"),
        ((X, Y * 2), None, "have 3 labels, numbered up to 4"),
        ((X, Y * 0), None, "have one label"),
        ((X, Y), ["x", "y"], "`train`: labels run up to 2, `class_names` has 2 names"),
        (
            (X[:, :3], Y),
            None,
            r"`train` has images of shape \(3, 4, 3\), `test` of \(5, 4, 3\): give",
        ),
        ((X[..., 0, 0], Y), None, r"`train`: images are uint8 \(12, 5\)"),
        ((X / np.where(X > 200, np.nan, 1), Y), None, "`train`: images hold NaN"),
        ((np.ma.masked_greater(X, 200), Y), None, "`train`: some pixels are masked"),
        ((X[:0], Y[:0]), None, "`train` holds no images"),
        ([], None, "`train` holds no images"),
        ([(X, Y), (X[:, :3], Y)], None, "`train`: images differ in shape"),
    ],
)
def test_what_does_not_fit_is_refused(train, names, message):
    labels = np.asarray(train[1]) if isinstance(train, tuple) and len(train[1]) else Y
    with pytest.raises(InputError, match=message):
        given_dataset(train, (X, labels), names)


def test_batches_larger_than_memory_are_refused():
    with pytest.raises(InputError, match="GiB of images do not fit into memory"):
        given_dataset(HALVES, HALVES, memory=X.nbytes)
