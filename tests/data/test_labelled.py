"""Labelled images in the forms that users have them."""

import itertools

import numpy as np
import pytest

from sfp_keras.data import as_labels, labelled_batches
from sfp_keras.data.batches.ending import ending
from sfp_keras.errors import InputError

X = np.arange(7 * 4, dtype=np.float32).reshape(7, 2, 2, 1)
Y = np.array([0, 2, 1, 1, 0, 2, 2])


def together(batches):
    parts = list(batches)
    return [len(x) for x, _ in parts], *(
        np.concatenate(arrays) for arrays in zip(*parts, strict=True)
    )


class Indexed:
    """As `keras.utils.PyDataset`: it has a number of batches, and no end when walked through."""

    num_batches = 2

    def __len__(self):
        return 2

    def __getitem__(self, place):
        return X[place * 4 : place * 4 + 4], Y[place * 4 : place * 4 + 4]


class Numbered:
    """One that says its number alone, as Keras asks for."""

    num_batches = 2
    __getitem__ = Indexed.__getitem__


class Counted:
    """A `keras.utils.PyDataset` that says its number, and has no length."""

    num_batches = 2

    def __iter__(self):
        return iter([(X[:4], Y[:4]), (X[4:], Y[4:])])


def test_batches_that_say_their_number_may_be_many():
    assert sum(len(x) for x, _ in ending(Counted(), "x", "give fewer", most=5)) == len(X)
    uncounted = list(Counted())
    with pytest.raises(InputError, match="has given 7 images and does not end"):
        list(ending((batch for batch in uncounted), "x", "give fewer", most=5))


@pytest.mark.parametrize(
    ("data", "sizes"),
    [
        ((X, Y), [3, 3, 1]),
        ((X, Y[:, None]), [3, 3, 1]),
        ((X, np.eye(3)[Y]), [3, 3, 1]),
        ((X, Y.astype(np.float32).tolist()), [3, 3, 1]),
        ([(X[:5], Y[:5]), (X[5:], Y[5:, None])], [5, 2]),
        ([(X, Y, np.ones(7))], [7]),
        (Indexed(), [4, 3]),
        (Numbered(), [4, 3]),
        (((X[i : i + 2], Y[i : i + 2]) for i in range(0, 7, 2)), [2, 2, 2, 1]),
    ],
    ids=[
        "arrays",
        "column",
        "one-hot",
        "floats",
        "list",
        "weights",
        "indexed",
        "numbered",
        "generator",
    ],
)
def test_every_form_gives_the_same_images(data, sizes):
    found, images, labels = together(labelled_batches(data, batch_size=3))
    assert found == sizes
    np.testing.assert_array_equal(images, X)
    np.testing.assert_array_equal(labels, Y)
    assert labels.dtype == np.int64


def test_a_dataset_of_tensorflow_in_batches():
    tf = pytest.importorskip("tensorflow")
    single = tf.data.Dataset.from_tensor_slices((X, Y))
    found, images, labels = together(labelled_batches(single.batch(4), "train"))
    assert found == [4, 3]
    np.testing.assert_array_equal(images, X)
    np.testing.assert_array_equal(labels, Y)
    with pytest.raises(InputError, match=r"`train` gives single images: batch it"):
        list(labelled_batches(single, "train"))
    with pytest.raises(InputError, match="`train` never ends"):
        list(labelled_batches(single.batch(4).repeat(), "train"))


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ((X, Y[:5]), "`test`: 7 images and 5 labels"),
        ([(X, Y[:5])], "`test`: a batch has 7 images and 5 labels"),
        (X, "`test`: received ndarray; give a pair of arrays"),
        ({"x": X}, "`test`: received dict; give"),
        ([X], "`test` gives an array .*, not batches"),
        (zip(X, Y, strict=True), "`test` gives single images"),
        ((X, np.array([[0, None, 1]] * 7)), "`test`: labels of shape .7, 3.; give one whole"),
        ((X, ["a"] * 7), "`test`: labels are texts; give whole numbers"),
        ((X, Y - 1), "`test`: label -1; labels are counted from 0"),
        ((X, Y / 2), "`test`: labels are numbers of float64"),
        ((X, np.where(Y, Y, np.inf)), "`test`: labels are numbers of float64"),
        (
            (X, Y.astype(np.uint64) + np.uint64(2**63)),
            "`test`: label 9223372036854775810; labels are counted",
        ),
        ((X, np.ma.masked_equal(Y, 1)), "`test`: some labels are masked"),
        ((X, np.full((7, 3), 1 / 3)), "`test`: labels of shape .7, 3. are not one-hot"),
        ((X, np.zeros((7, 2, 2))), "`test`: labels of shape .7, 2, 2."),
    ],
)
def test_what_is_something_else_is_refused(data, message):
    with pytest.raises(InputError, match=message):
        list(labelled_batches(data, "test"))


def test_batches_that_do_not_end_are_refused(monkeypatch):
    monkeypatch.setattr("sfp_keras.data.batches.ending.ending.__defaults__", (20,))
    with pytest.raises(InputError, match="`train` has given 21 images and does not end"):
        list(labelled_batches(itertools.cycle([(X, Y)]), "train"))


def test_labels_of_two_classes_may_be_booleans():
    np.testing.assert_array_equal(as_labels(Y > 0), (Y > 0).astype(int))
