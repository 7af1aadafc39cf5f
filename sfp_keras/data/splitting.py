"""One set of labelled images into a training and a test part, label by label."""

import re
from collections.abc import Sequence

import numpy as np

from sfp_keras.data.dataset import ImageSplit
from sfp_keras.data.seeded_random import random_words
from sfp_keras.errors import InputError

# The usual names of splits; of several that could be the test split the first is taken.
_KINDS = {
    "train": ("train", "training", "trn", "trainval"),
    "test": ("test", "testing", "tst"),
    "validation": (
        *("val", "validation", "valid", "dev", "eval", "evaluation", "holdout", "development"),
    ),
}
SPLIT_NAMES = tuple(name for names in _KINDS.values() for name in names)
_WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")
_ENDING = re.compile(r"(set|data|images|split)$")


def split_kind(name: str) -> str | None:
    """Which split a name is usually given to.

    Args:
        name: `str`. Such as `valid`, `Testing`, `seg_train`, `val2017` or `TrainingSet`.

    Returns:
        `"train"`, `"test"`, `"validation"`, or `None` where no word of the name says one.
    """
    words = {word.lower() for word in _WORD.findall(name)}
    words |= {_ENDING.sub("", word) for word in words}
    return next((kind for kind, names in _KINDS.items() if words & set(names)), None)


def stratified_split(
    labels: np.ndarray, test_fraction: float = 0.2, keys: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Split so that each label has the same fraction of test images.

    Args:
        labels: array (N,) of int64.
        test_fraction: `float` between 0 and 1. Default 0.2. Of a label's n images
            `round(n * test_fraction)` go to the test part, at least one and not all where n > 1;
            a single image goes to the training part.
        keys: array (N,), sortable; the images of a label with the smallest keys go to the test
            part. Default: fixed random numbers.

    Returns:
        The indices of the training part and of the test part, ascending, int64.

    Raises:
        InputError: if `test_fraction` is not between 0 and 1.
    """
    if not 0 < test_fraction < 1:
        raise InputError(f"`test_fraction` must be between 0 and 1, got {test_fraction}")
    if keys is None:
        keys = random_words(len(labels), "split")
    order = np.lexsort((keys, labels))
    _, starts, counts = np.unique(labels[order], return_index=True, return_counts=True)
    wanted = np.clip(np.rint(counts * test_fraction), 1, np.maximum(counts - 1, 0)).astype(np.int64)
    rank = np.arange(len(labels)) - np.repeat(starts, counts)
    in_test = np.zeros(len(labels), dtype=bool)
    in_test[order] = rank < np.repeat(wanted, counts)
    return np.flatnonzero(~in_test), np.flatnonzero(in_test)


def divide_split(split: ImageSplit, test_fraction: float = 0.2) -> tuple[ImageSplit, ImageSplit]:
    """Divide the images of one split, label by label, in a way that is always the same.

    Images in memory are reordered where they are, so that they are never there twice; `split`
    must not be used afterwards.

    Args:
        split: `ImageSplit`.
        test_fraction: `float`. Default 0.2.

    Returns:
        The training and the test part, see `stratified_split`.
    """
    train, test = stratified_split(split.labels, test_fraction)
    if not split.in_memory:
        return split.select(train), split.select(test)
    images = np.asarray(split.images)
    _reorder(images, np.concatenate([train, test]).tolist())
    return (
        ImageSplit(images[: len(train)], split.labels[train]),
        ImageSplit(images[len(train) :], split.labels[test]),
    )


def _reorder(images: np.ndarray, order: list[int]) -> None:
    """Do `images[:] = images[order]` with room for one image, cycle by cycle."""
    moved = [False] * len(order)
    for start in range(len(order)):
        if moved[start]:
            continue
        first, here = images[start].copy(), start
        while order[here] != start:
            images[here] = images[order[here]]
            moved[here] = True
            here = order[here]
        images[here] = first
        moved[here] = True


def choose_split(only_split: str, there: Sequence[str], source: str) -> str:
    """Find the one split that is to be used.

    Args:
        only_split: `str`. Its name in any case, or another name of its kind (`split_kind`), such as
            `val` for `validation`.
        there: the names of the splits there are.
        source: `str`, what has them, for the error.

    Returns:
        One of `there`.

    Raises:
        InputError: if none of them is meant.
    """

    def lower(name: str) -> str:
        return name.lower()

    def kind(name: str) -> str:
        return split_kind(name) or name.lower()

    if only_split in there:
        return only_split
    for alike in (lower, kind):
        meant = [name for name in there if alike(name) == alike(only_split)]
        if len(meant) == 1:
            return meant[0]
    raise InputError(
        f"`only_split`={only_split}: {source} has no such split; it has "
        + (", ".join(there) or "none, so leave `only_split` out")
    )
