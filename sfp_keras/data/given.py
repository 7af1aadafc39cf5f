"""A data set of what a Python program holds: arrays, or batches of images and labels."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from sfp_keras.data.batches.labelled import (
    as_labels,
    is_arrays,
    one_hot_batches,
    one_hot_width,
)
from sfp_keras.data.dataset import ImageDataset, ImageSplit, check_finite_pixels
from sfp_keras.data.label_order import read_class_names, shorten, spell_names
from sfp_keras.data.missing_labels import warn_of_missing_labels
from sfp_keras.errors import InputError

NAME = "arrays"


def given_dataset(
    train: Any,
    test: Any,
    class_names: Sequence[str] | str | Path | None = None,
    *,
    memory: int | None = None,
) -> ImageDataset:
    """The data set of training and test images that are at hand.

    Images are not scaled: uint8 stays, other types become float32. Arrays that are mapped from
    files are read as needed; batches are passed over once and held in memory.

    Args:
        train: training images (N, H, W, C), or (N, H, W) of grey ones, with labels: a pair of
            arrays `(x, y)`, or batches of such pairs, see `labelled_batches`. Labels are whole
            numbers from 0, (N,) or (N, 1), or one-hot (N, K).
        test: the same of the test images.
        class_names: K names, label by label, or a text file with one a line. Where `train` has
            the same names in another order, as `keras.utils.image_dataset_from_directory` gives
            them, its images get the labels of this one. Default: the names that `train` has, or
            the labels' numbers, up to K of one-hot labels. A `test` with names of its own is
            labelled by them.
        memory: `int`. Bytes that images of batches may take. Default: any number.

    Returns:
        An `ImageDataset` named `"arrays"`.

    Raises:
        InputError: if images or labels are of another form, the two parts differ, or a number
            below the largest label has no image and neither `class_names` nor one-hot labels say
            that there is such a label.
    """
    given = {"train": train, "test": test}
    held = {name: _held(data, name, memory) for name, data in given.items()}
    own = {name: _own_names(data) for name, data in given.items()}
    names: Any = own["train"] or None
    if class_names is not None:
        names = spell_names(read_class_names(class_names))
    # Other names than those of `train` are new ones for its labels; the same ones are their order.
    known = names if names and set(own["train"]) <= set(names) else own["train"]
    for name, classes in own.items():
        if own["train"] and classes and classes != known:
            held[name] = _labelled_by_name(held[name], name, classes, known)
    labels = {name: labels for name, (_, labels, _) in held.items()}
    widths = set().union(*(found for _, _, found in held.values()))
    if len(widths) > 1:
        raise InputError(
            "`train` and `test`: one-hot labels have "
            f"{' and '.join(map(str, sorted(widths)))} columns; give all one for each label"
        )
    width = max(widths, default=0)
    names = _numbers(labels, width) if names is None else _checked_names(names, labels)
    if width not in (0, len(names)):
        raise InputError(
            f"`class_names` has {len(names)} names, the one-hot labels have {width} columns"
        )
    images = {name: _images(images, name) for name, (images, _, _) in held.items()}
    if len({array.dtype for array in images.values()}) > 1:
        images = {name: array.astype(np.float32) for name, array in images.items()}
    shapes = {name: array.shape[1:] for name, array in images.items()}
    if shapes["train"] != shapes["test"]:
        raise InputError(
            f"`train` has images of shape {shapes['train']}, `test` of {shapes['test']}: give all "
            "of one shape, that of the network's input"
        )
    dataset = ImageDataset(
        NAME,
        train=ImageSplit(images["train"], labels["train"]),
        test=ImageSplit(images["test"], labels["test"]),
        class_names=names,
        original_labels=tuple(range(len(names))),
    )
    warn_of_missing_labels(dataset)
    return dataset


_Held = tuple[np.ndarray, np.ndarray, set[int]]


def _held(data: Any, argument: str, memory: int | None) -> _Held:
    """All images and labels, and the numbers of columns of one-hot ones."""
    if is_arrays(data):
        # Arrays that are mapped from a file stay so.
        images, labels = np.asanyarray(data[0]), as_labels(data[1], argument)
        widths = {one_hot_width(data[1])} - {0}
        if len(images) != len(labels):
            raise InputError(f"`{argument}`: {len(images)} images and {len(labels)} labels")
    else:
        images, labels, widths = _collected(data, argument, memory)
    if not len(labels):
        raise InputError(f"`{argument}` holds no images")
    return images, labels, widths


def _collected(data: Any, argument: str, memory: int | None) -> _Held:
    parts, held = [], 0
    for batch in one_hot_batches(data, argument):
        parts.append(batch)
        held += batch[0].nbytes
        # Joined, they are there twice.
        if memory is not None and 2 * held > memory:
            raise InputError(
                f"`{argument}`: more than {held / 2**30:.1f} GiB of images do not fit into memory; "
                "take fewer, or give a folder of classes, which is read as needed"
            )
    if not parts:
        return np.zeros((0, 1, 1, 1)), np.zeros(0, np.int64), set()
    images, labels, widths = zip(*parts, strict=True)
    shapes = {array.shape[1:] for array in images}
    if len(shapes) > 1:
        raise InputError(f"`{argument}`: images differ in shape: {shorten(list(map(str, shapes)))}")
    return np.concatenate(images), np.concatenate(labels), set(widths) - {0}


def _images(images: np.ndarray, argument: str) -> np.ndarray:
    """Images (N, H, W, C), uint8 or float32."""
    if np.ma.is_masked(images):
        raise InputError(f"`{argument}`: some pixels are masked; fill them, as by x.filled(0)")
    if images.ndim == 3:
        images = images[..., None]
    if images.ndim != 4 or images.dtype.kind not in "uifb":
        raise InputError(
            f"`{argument}`: images are {images.dtype} {images.shape}; give numbers "
            "(N, height, width, channels)"
        )
    if images.dtype == np.uint8:
        return images
    # Those in a file are not read before they are used.
    if images.dtype != np.float32 or not isinstance(images, np.memmap):
        images = images.astype(np.float32, copy=False)
        check_finite_pixels(images, f"`{argument}`")
    return images


def _own_names(data: Any) -> tuple[str, ...]:
    names = getattr(data, "class_names", None)
    return spell_names([*map(str, names)]) if isinstance(names, list | tuple) else ()


def _labelled_by_name(
    held: _Held, argument: str, classes: Sequence[str], known: Sequence[str]
) -> _Held:
    """Images with the labels that other names have: folders are numbered each by itself."""
    images, labels, _ = held
    others = [name for name in classes if known.count(name) != 1]
    if others:
        raise InputError(
            f"`{argument}`: its classes {shorten(others)} are none, or more than one, of "
            f"{shorten(known)}, those of `train` or `class_names`"
        )
    if labels.max() >= len(classes):
        raise InputError(
            f"`{argument}`: labels run up to {labels.max()}, it has {len(classes)} classes"
        )
    return images, np.array([known.index(name) for name in classes])[labels], set()


def _numbers(labels: dict[str, np.ndarray], width: int) -> tuple[str, ...]:
    """The numbers of the labels as names; there are no gaps between them unless K is known."""
    found = np.unique(np.concatenate(list(labels.values())))
    count = max(int(found[-1]) + 1, width)
    if len(found) < count and not width:
        first = f"{found[0]}, " if found[0] else ""
        raise InputError(
            f"`train` and `test` have {len(found)} labels, numbered {first}up to {found[-1]} with "
            "numbers left out: number them from 0 without gaps "
            "(names, y = np.unique(y, return_inverse=True)), or name all by `class_names`"
        )
    if count < 2:
        raise InputError("`train` and `test` have one label: signal and noise need at least two")
    return tuple(map(str, range(count)))


def _checked_names(names: Any, labels: dict[str, np.ndarray]) -> tuple[str, ...]:
    names = spell_names(read_class_names(names))
    if len(names) < 2:
        raise InputError(f"`class_names` has {len(names)} names: at least two labels are needed")
    for argument, numbers in labels.items():
        if numbers.max() >= len(names):
            raise InputError(
                f"`{argument}`: labels run up to {numbers.max()}, `class_names` has {len(names)} "
                f"names, for 0 to {len(names) - 1}"
            )
    return names
