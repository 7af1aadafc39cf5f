"""Labelled images that a monitor measures on, again and again."""

import itertools
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np

from sfp_keras.data import as_labels, check_that_it_ends, ending, is_arrays
from sfp_keras.data.batches.ending import check_pair
from sfp_keras.data.dataset import check_finite_pixels
from sfp_keras.errors import InputError

Batch = tuple[np.ndarray, np.ndarray]

# Of batches that come without their number, at every measurement.
_MOST_IMAGES = 200_000
_MEND = "give `steps`, the number of batches to measure on"


class MeasuredImages:
    """Batches (images, labels (n,) int64) of what a user gives; each iteration is a new pass.

    Args:
        x: images: an array, a pair of arrays (images, labels), or an iterable of batches (images,
            labels) that can be passed over again and again (a `tf.data.Dataset`, a list, a
            `keras.utils.PyDataset`), or a function that returns such a pass.
        y: labels (n,), integers, or (n, K), one-hot, where `x` is an array. Defaults to `None`.
        batch_size: `int`. Images at once, where `x` is an array. Defaults to `100`.
        steps: `int`. Batches of a pass. Defaults to `None`: all there are.

    Raises:
        InputError: if `x` is nothing of that or never ends, `x` and `y` differ in length, or
            pixels of an array are not finite.
    """

    def __init__(self, x: Any, y: Any = None, batch_size: int = 100, steps: int | None = None):
        if y is None and is_arrays(x):
            x, y = x
        self._all_labels = y
        self._steps = steps
        self._pass = _passes(x, y, batch_size)
        # Of batches the first alone is looked at: a later one must not end a training.
        if isinstance(x, np.ndarray):
            _check_pixels(x)
        if steps is None:
            check_that_it_ends(x, "x", _MEND)

    def __iter__(self) -> Iterator[Batch]:
        batches = self._pass()
        if self._steps is None and self._all_labels is None:
            batches = ending(batches, "x", _MEND, _MOST_IMAGES)
        for batch in itertools.islice(batches, self._steps):
            check_pair(batch, "x")
            yield np.asarray(batch[0]), _labels(batch[1])

    def first(self) -> Batch:
        """The first batch.

        Raises:
            InputError: if there is none, it is no pair of images and as many labels, or pixels
                are not finite.
        """
        try:
            images, labels = next(iter(self))
        except StopIteration:
            raise InputError("`x` holds no batch of images: give it some to measure on") from None
        except InputError:
            raise
        except (TypeError, IndexError, KeyError, ValueError) as error:
            raise InputError(f"`x` must give batches (images, labels): {error}") from error
        if len(images) != len(labels) or not len(labels):
            raise InputError(
                f"the first batch of `x` has {len(images)} images and {len(labels)} labels"
            )
        _check_pixels(images)
        return images, labels

    def count(self) -> int:
        """The number of images; batches, which do not say it, are passed over for it."""
        if self._all_labels is not None and self._steps is None:
            return len(self._all_labels)
        return sum(len(labels) for _, labels in self)

    def check_labels(self, first: np.ndarray, num_labels: int) -> None:
        """Refuse labels that no output stands for.

        Args:
            first: labels of the first batch; where `y` is given all of its labels are looked at.
            num_labels: `int`. K, the number of outputs.

        Raises:
            InputError: if a label lies outside 0 .. K-1.
        """
        known = first if self._all_labels is None else _labels(self._all_labels)
        if known.min() < 0 or known.max() >= num_labels:
            raise InputError(
                f"`y`: labels run from {known.min()} to {known.max()}, the network has "
                f"{num_labels} outputs: give labels from 0 to {num_labels - 1}"
            )


def _check_pixels(images: np.ndarray) -> None:
    if images.dtype.kind == "f":
        check_finite_pixels(images, "`x`")


def _passes(x: Any, y: Any, batch_size: int) -> Callable[[], Iterable[Any]]:
    """A function that gives the batches of a pass over the images."""
    if y is not None:
        if len(x) != len(y):
            raise InputError(f"`x` has {len(x)} images, `y` has {len(y)} labels")
        starts = range(0, len(x), batch_size)
        return lambda: ((x[i : i + batch_size], y[i : i + batch_size]) for i in starts)
    if callable(x) and not isinstance(x, Iterable):
        return x
    if isinstance(x, np.ndarray | Iterator) or not _is_iterable(x):
        raise InputError(
            "`x` must be an array beside `y`, batches (images, labels) that can be passed over "
            f"again and again, or a function that returns a pass, received {type(x).__name__}"
        )
    return lambda: x if hasattr(x, "__iter__") else (x[i] for i in range(len(x)))


def _is_iterable(x: Any) -> bool:
    return hasattr(x, "__iter__") or (hasattr(x, "__getitem__") and hasattr(x, "__len__"))


def _labels(y: Any) -> np.ndarray:
    labels = np.asarray(y)
    if labels.ndim == 2 and labels.shape[1] > 1:
        # Of smoothed labels the largest counts; of several labels an image none does.
        if ((labels == labels.max(1, keepdims=True)).sum(1) != 1).any():
            raise InputError(
                f"`y`: labels of shape {labels.shape} are not one-hot; give one whole number an "
                "image"
            )
        return labels.argmax(1)
    return as_labels(y, "y")
