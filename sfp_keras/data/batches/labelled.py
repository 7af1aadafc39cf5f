"""Labelled images in the forms that users have them, as batches of arrays."""

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from sfp_keras.data.batches.ending import ending
from sfp_keras.errors import InputError

FORMS = "a pair of arrays (x, y), or batches (x, y) such as a tf.data.Dataset or a list gives"


# Numbers above are no labels, and would not fit into int64.
_LARGEST = 2**62


def is_arrays(data: Any) -> bool:
    """Whether `data` is a pair of arrays (x, y), and not batches of them."""
    return isinstance(data, tuple | list) and len(data) == 2 and hasattr(data[0], "shape")


def labelled_batches(
    data: Any, argument: str = "batches", batch_size: int = 100
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Pass once over labelled images.

    Args:
        data: a pair of arrays `(x, y)`; or batches of such pairs: a `tf.data.Dataset`, a
            `keras.utils.PyDataset`, a list, a generator.
        argument: `str`. What the user calls `data`; errors begin with it.
        batch_size: `int`. Images at once, of arrays. Default 100.

    Yields:
        Images (n, ...) and labels (n,) of int64.

    Raises:
        InputError: if `data` is nothing of that, is not batched or does not end, images and
            labels differ in number, or labels are no whole numbers from 0.
    """
    for images, labels, _ in one_hot_batches(data, argument, batch_size):
        yield images, labels


def one_hot_batches(
    data: Any, argument: str = "batches", batch_size: int = 100
) -> Iterator[tuple[np.ndarray, np.ndarray, int]]:
    """As `labelled_batches`, with the number of labels that each batch's one-hot rows have.

    Yields:
        Images (n, ...), labels (n,) of int64, and K; 0 where labels are numbers.
    """
    if is_arrays(data):
        yield from _slices(data, argument, batch_size)
        return
    mend = "give one pass over the images, such as `take(n)` of it"
    for batch in ending(_iterable(data, argument), argument, mend):
        yield _pair(batch, argument)


def one_hot_width(y: Any) -> int:
    """The number of labels of one-hot rows (n, K); 0 of numbers."""
    shape = np.shape(y)
    return shape[1] if len(shape) == 2 and shape[1] > 1 else 0


def as_labels(y: Any, argument: str = "y") -> np.ndarray:
    """Labels as int64 (n,).

    Args:
        y: whole numbers (n,) or (n, 1), of any type; or one-hot (n, K).
        argument: `str`. What the user calls them; errors begin with it.

    Raises:
        InputError: if they are something else.
    """
    if np.ma.is_masked(y):
        raise InputError(f"`{argument}`: some labels are masked; leave these images out")
    labels = np.asarray(y)
    if labels.ndim == 2 and labels.dtype.kind != "O":
        labels = labels[:, 0] if labels.shape[1] == 1 else _of_one_hot(labels, argument)
    if labels.ndim != 1:
        raise InputError(
            f"`{argument}`: labels of shape {labels.shape}; give one whole number an image, (n,)"
        )
    if (
        labels.dtype.kind == "f"
        and ((labels == np.rint(labels)) & (np.abs(labels) <= _LARGEST)).all()
    ):
        labels = labels.astype(np.int64)
    if labels.dtype.kind not in "iub":
        kind = "texts" if labels.dtype.kind in "UOST" else f"numbers of {labels.dtype}"
        raise InputError(
            f"`{argument}`: labels are {kind}; give whole numbers from 0: "
            "names, y = np.unique(y, return_inverse=True)"
        )
    if labels.size and labels.min() < 0:
        raise InputError(f"`{argument}`: label {labels.min()}; labels are counted from 0")
    if labels.size and labels.max() >= _LARGEST:
        raise InputError(f"`{argument}`: label {labels.max()}; labels are counted from 0")
    return labels.astype(np.int64)


def _of_one_hot(rows: np.ndarray, argument: str) -> np.ndarray:
    labels = rows.argmax(1) if rows.size else np.zeros(len(rows), np.int64)
    if rows.dtype.kind not in "iubf" or (rows.sum(1) != 1).any() or (rows.max(1) != 1).any():
        raise InputError(
            f"`{argument}`: labels of shape {rows.shape} are not one-hot; give one whole number an "
            "image, such as y.argmax(1) of probabilities"
        )
    return labels


def _slices(
    data: Any, argument: str, batch_size: int
) -> Iterator[tuple[np.ndarray, np.ndarray, int]]:
    x, y, width = data[0], as_labels(data[1], argument), one_hot_width(data[1])
    if len(x) != len(y):
        raise InputError(f"`{argument}`: {len(x)} images and {len(y)} labels")
    for start in range(0, len(y), batch_size):
        yield np.asarray(x[start : start + batch_size]), y[start : start + batch_size], width


def _iterable(data: Any, argument: str) -> Iterable[Any]:
    shapes = getattr(data, "element_spec", None)  # Of a tf.data.Dataset.
    if isinstance(shapes, tuple) and len(shapes) == 2 and _rank(shapes[1]) == 0:
        raise InputError(f"`{argument}` gives single images: batch it, `{argument}.batch(100)`")
    if hasattr(data, "__iter__") and not isinstance(data, str | bytes | dict | np.ndarray):
        return data
    if hasattr(data, "__getitem__") and hasattr(data, "num_batches"):
        return _Indexed(data)
    raise InputError(f"`{argument}`: received {type(data).__name__}; give {FORMS}")


class _Indexed:
    """A `keras.utils.PyDataset`, which never raises the error that ends a sequence."""

    def __init__(self, data: Any):
        self._data = data

    @property
    def num_batches(self) -> Any:
        return self._data.num_batches

    def __len__(self) -> int:
        return len(self._data) if hasattr(self._data, "__len__") else self._data.num_batches

    def __iter__(self) -> Iterator[Any]:
        return (self._data[place] for place in range(len(self)))


def _rank(spec: Any) -> int | None:
    return getattr(getattr(spec, "shape", None), "rank", None)


def _pair(batch: Any, argument: str) -> tuple[np.ndarray, np.ndarray, int]:
    # A third part, weights of images, means nothing here.
    images, labels = np.asarray(batch[0]), np.asarray(batch[1])
    if not labels.ndim:
        raise InputError(f"`{argument}` gives single images: give them in batches (x, y)")
    width = one_hot_width(labels)
    labels = as_labels(labels, argument)
    if len(images) != len(labels):
        raise InputError(f"`{argument}`: a batch has {len(images)} images and {len(labels)} labels")
    return images, labels, width
