import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sfp_keras.data import ImageDataset, ImageSplit, label_subset
from sfp_keras.errors import InputError


def _dataset(num_labels, superclasses=None):
    labels = np.tile(np.arange(num_labels), 3)
    images = np.zeros((len(labels), 2, 2, 3), np.uint8)
    images[:, 0, 0, 0] = labels  # the image tells its label
    split = ImageSplit(images, labels)
    names = tuple(f"class{i}" for i in range(num_labels))
    return ImageDataset("made", split, split, names, tuple(range(num_labels)), superclasses)


CIFAR100 = _dataset(100, np.random.default_rng(0).permutation(np.arange(100) % 20))


@pytest.mark.parametrize("seed", range(5))
def test_superclasses_are_drawn_evenly(seed):
    for labels, each in ((10, 1), (20, 1), (40, 2), (60, 3), (80, 4)):
        counts = np.bincount(label_subset(CIFAR100, labels, seed).superclasses, minlength=20)
        assert counts.max() == each
        assert labels < 20 or counts.min() == each


@settings(deadline=None, derandomize=True, max_examples=60)
@given(st.integers(1, 30), st.integers(0, 2**40), st.data())
def test_subsets_are_nested_whatever_the_superclasses(num_labels, seed, data):
    groups = data.draw(
        st.none()
        | st.lists(st.integers(0, 5), min_size=num_labels, max_size=num_labels).map(
            lambda values: np.array(values, np.int64)
        )
    )
    dataset = _dataset(num_labels, groups)
    small, large = sorted(data.draw(st.tuples(*2 * [st.integers(1, num_labels)])))
    inner = label_subset(dataset, small, seed).original_labels
    outer = label_subset(dataset, large, seed).original_labels
    assert set(inner) <= set(outer)
    assert len(inner) == small
    assert list(inner) == sorted(inner)


def test_images_names_and_labels_stay_together():
    subset = label_subset(CIFAR100, 7, seed=4)
    assert set(subset.train.labels) == set(range(7))
    shown = subset.train.images[:, 0, 0, 0]
    np.testing.assert_array_equal(np.array(subset.original_labels)[subset.train.labels], shown)
    assert subset.class_names == tuple(f"class{i}" for i in subset.original_labels)
    assert len(subset.test) == 21


def test_a_subset_of_a_subset_keeps_the_first_labels():
    outer = label_subset(CIFAR100, 30, seed=1)
    inner = label_subset(outer, 5, seed=2)
    assert set(inner.original_labels) <= set(outer.original_labels)
    shown = inner.train.images[:, 0, 0, 0]
    np.testing.assert_array_equal(np.array(inner.original_labels)[inner.train.labels], shown)


def test_seeds_differ_and_repeat():
    chosen = [label_subset(CIFAR100, 10, seed).original_labels for seed in (0, 1, 0)]
    assert chosen[0] == chosen[2] != chosen[1]
    # Written down once; another choice would make runs incomparable with earlier ones.
    assert label_subset(_dataset(10), 3, seed=0).original_labels == (0, 1, 9)


def test_all_labels_are_the_dataset_itself():
    assert label_subset(CIFAR100, 100, seed=3) is CIFAR100


@pytest.mark.parametrize("labels", [0, -1, 101])
def test_too_many_or_no_labels_are_refused(labels):
    with pytest.raises(InputError, match=f"`labels`={labels} must be from 1 to 100"):
        label_subset(CIFAR100, labels)
