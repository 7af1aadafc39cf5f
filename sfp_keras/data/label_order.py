"""The labels of a data set in the order of a network's outputs."""

import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from sfp_keras.data.dataset import ImageDataset, ImageSplit
from sfp_keras.errors import InputError
from sfp_keras.files import unreadable
from sfp_keras.text import has_text, plain_text, read_lines

# Of a file of names: the 22,000 of ImageNet are half a MiB.
_MOST_BYTES = 16 << 20


def read_class_names(class_names: str | Path | Sequence[str]) -> tuple[str, ...]:
    """Read class names in the order of a network's outputs.

    Args:
        class_names: a text file with one name a line, or the names themselves, as a sequence
            or as one text with commas.

    Returns:
        The names, as `plain_text` spells them; empty lines, and of a text empty names at the begin
        and the end, are left out.

    Raises:
        InputError: if there is no such file, or no name, or an empty one among others.
    """
    if isinstance(class_names, str | Path):
        path = Path(class_names)
        # Names with commas may be longer than the system lets a path be.
        if os.path.isfile(path):
            if path.stat().st_size > _MOST_BYTES:
                raise InputError(
                    f"`class_names`={path} has {path.stat().st_size:,} bytes, which is no list of "
                    "names; give a text file with one name a line"
                )
            try:
                names = [line for line in read_lines(path) if has_text(line)]
            except UnicodeDecodeError:
                raise InputError(
                    f"`class_names`={path} is no text file in UTF-8 or UTF-16"
                ) from None
            except PermissionError as error:
                raise unreadable(f"`class_names`={path}", error) from None
        elif "," in str(class_names):
            names = str(class_names).split(",")
        else:
            raise InputError(
                f"`class_names`={class_names} is no file; give a text file with one name a line, "
                "or the names with commas between"
            )
    else:
        names = [str(name) for name in class_names]
    named = [number for number, name in enumerate(names) if has_text(name)]
    if not named:
        raise InputError(f"`class_names`={class_names} has no names")
    if isinstance(class_names, str | Path):
        names = names[named[0] : named[-1] + 1]
    if len(names) > len(named):
        # Left out, it would shift the labels after it.
        first = next(number for number in range(len(names)) if not has_text(names[number]))
        raise InputError(
            f"`class_names`={class_names}: {_gap(names, first)}; name that label, or leave no gap"
        )
    return tuple(map(plain_text, names))


def _gap(names: Sequence[str], place: int) -> str:
    if not place:
        return "the first name is empty"
    return f"nothing stands between {names[place - 1]!a} and the next name"


def spell_names(names: Sequence[str]) -> tuple[str, ...]:
    """Spell the names of a data set's classes as `plain_text` does.

    Args:
        names: as the source has them. Some may be equal, as two of ImageNet's are.

    Returns:
        The names, in the same order.

    Raises:
        InputError: if two that differ are spelled the same.
    """
    first: dict[str, str] = {}
    for name in names:
        other = first.setdefault(plain_text(name), name)
        if other != name:
            raise InputError(
                f"two labels have names that look the same, {other!a} and {name!a}; rename one"
            )
    return tuple(map(plain_text, names))


def order_labels(dataset: ImageDataset, class_names: Sequence[str]) -> ImageDataset:
    """Give each class the label that a network's outputs have for it.

    Args:
        dataset: `ImageDataset`.
        class_names: the names in the order of the outputs. There may be more than the data set
            has: these labels then have no images.

    Returns:
        An `ImageDataset` whose label i is `class_names[i]`; images are shared.

    Raises:
        InputError: if a class of the data set is not among the names, or twice, or has the name
            of another one.
    """
    alike = [name for name, count in Counter(dataset.class_names).items() if count > 1]
    if alike:
        raise InputError(
            f"`class_names`: more than one of the data set's classes is called {shorten(alike)}; "
            "rename one there"
        )
    counts = Counter(class_names)
    missing = [name for name in dataset.class_names if not counts[name]]
    if missing:
        raise InputError(
            f"`class_names` lacks {len(missing)} of the data set's classes: {shorten(missing)}"
        )
    twice = [name for name in dataset.class_names if counts[name] > 1]
    if twice:
        raise InputError(f"`class_names` has more than one of {shorten(twice)}")
    position = {name: i for i, name in enumerate(class_names)}
    new_label = np.array([position[name] for name in dataset.class_names], np.int64)

    def relabelled(split: ImageSplit) -> ImageSplit:
        return ImageSplit(split.images, new_label[split.labels])

    superclasses = dataset.superclasses
    if superclasses is not None:
        # Names without images get a superclass of their own, so that no group is falsified.
        spare = np.arange(len(class_names)) + superclasses.max() + 1
        spare[new_label] = superclasses
        superclasses = spare
    return replace(
        dataset,
        train=relabelled(dataset.train),
        test=relabelled(dataset.test),
        class_names=tuple(class_names),
        original_labels=tuple(range(len(class_names))),
        superclasses=superclasses,
    )


def superclass_of_label(labels: np.ndarray, coarse: np.ndarray, num_labels: int) -> np.ndarray:
    """Return the superclass of each label, from the labels and superclasses of the images.

    Args:
        labels: array (N,) of int64.
        coarse: array (N,) of int64, the superclass of each image.
        num_labels: `int`, K.

    Returns:
        Array (K,) of int64.

    Raises:
        InputError: if a label has no image, or images of two superclasses.
    """
    superclasses = np.full(num_labels, -1, np.int64)
    superclasses[labels] = coarse
    if (superclasses < 0).any() or (superclasses[labels] != coarse).any():
        raise InputError("the coarse labels do not belong to the fine labels; get the files again")
    return superclasses


def shorten(names: Sequence[str], most: int = 5) -> str:
    """Join the first names with commas and count the others."""
    listed = ", ".join(map(str, names[:most]))
    return f"{listed} and {len(names) - most} more" if len(names) > most else listed
