"""Passes over batches that end."""

import math
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from sfp_keras.errors import InputError

# Of images that come without their number: ImageNet has 1.3 million.
MOST_IMAGES = 2_000_000
# Of those that say their number, such as a million repetitions: the largest sets have 20 million.
MOST_KNOWN_IMAGES = 100_000_000
_UNSAID = object()


def check_that_it_ends(batches: Any, argument: str, mend: str) -> None:
    """Refuse batches that are known never to end.

    Args:
        batches: anything that gives batches; `tf.data` and Keras' data sets know how many.
        argument: `str`. What the user calls them.
        mend: `str`. What the user can do.

    Raises:
        InputError: if they never end.
    """
    if _number(batches) == math.inf:
        raise InputError(f"`{argument}` never ends: {mend}")


def ending(
    batches: Iterable[Any], argument: str, mend: str, most: int = MOST_IMAGES
) -> Iterator[Any]:
    """Pass batches (images, labels) on, as long as there is an end in sight.

    Args:
        batches: as of `check_that_it_ends`.
        argument: `str`. What the user calls them.
        mend: `str`. What the user can do.
        most: `int`. Images, where batches come without their number. Defaults to `2_000_000`.

    Yields:
        The batches.

    Raises:
        InputError: if they are no pairs, never end, come without their number and are more than
            `most` images, or say that there are more than can be passed over.
    """
    check_that_it_ends(batches, argument, mend)
    number, images = _number(batches), 0
    for batch in batches:
        check_pair(batch, argument)
        if not images and number is not None and number * len(batch[0]) > MOST_KNOWN_IMAGES:
            raise InputError(
                f"`{argument}` has {number:,} batches of {len(batch[0])} images, which is as good "
                f"as without end: {mend}"
            )
        images += len(batch[0])
        if images > most and number is None:
            raise InputError(f"`{argument}` has given {images:,} images and does not end: {mend}")
        yield batch


def check_pair(batch: Any, argument: str) -> None:
    """Refuse what is no batch (images, labels); weights of images may be a third part.

    Args:
        batch: what batches gave.
        argument: `str`. What the user calls them.

    Raises:
        InputError: if it is something else, or its images are named ones.
    """
    if isinstance(batch, Mapping):
        keys = ", ".join(map(str, batch))
        raise InputError(
            f"`{argument}` gives dicts ({keys}), not batches (images, labels): map it, as by "
            "ds.map(lambda batch: (batch['image'], batch['label']))"
        )
    if not isinstance(batch, tuple | list) or len(batch) not in (2, 3):
        what = type(batch).__name__
        if isinstance(batch, tuple | list):
            what += f" of {len(batch)}"
        elif hasattr(batch, "shape"):
            what = f"an array {batch.shape}"
        raise InputError(
            f"`{argument}` gives {what}, not batches (images, labels): give a pair of NumPy arrays "
            "(images, labels), or batches that are such pairs, as of a tf.data.Dataset"
        )
    if isinstance(batch[0], Mapping):
        keys = ", ".join(map(str, batch[0]))
        raise InputError(
            f"`{argument}` gives images as dicts ({keys}): map it, as by "
            f"ds.map(lambda images, labels: (images[{next(iter(batch[0]), '')!r}], labels))"
        )


def _number(batches: Any) -> float | None:
    """How many batches there are, as they say themselves; infinite, or `None` where unknown."""
    if callable(cardinality := getattr(batches, "cardinality", None)):
        # tf.data: -1 is infinite, -2 unknown.
        number = int(cardinality())
        return {-1: math.inf, -2: None}.get(number, number)
    try:
        # Of keras.utils.PyDataset: None where it is infinite.
        said = getattr(batches, "num_batches", _UNSAID)
    except NotImplementedError:
        return None
    if said is None or isinstance(said, int):
        return math.inf if said is None else said
    return len(batches) if hasattr(batches, "__len__") else None
