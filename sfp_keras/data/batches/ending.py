"""Passes over batches that end."""

from collections.abc import Iterable, Iterator
from typing import Any

from sfp_keras.errors import InputError

# Of images that come without their number: ImageNet has 1.3 million.
MOST_IMAGES = 2_000_000


def check_that_it_ends(batches: Any, argument: str, mend: str) -> None:
    """Refuse batches that are known never to end.

    Args:
        batches: anything that gives batches; `tf.data` and Keras' data sets know how many.
        argument: `str`. What the user calls them.
        mend: `str`. What the user can do.

    Raises:
        InputError: if they never end.
    """
    if _length(batches) == "endless":
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
        InputError: if they never end, or come without their number and are more than `most`
            images.
    """
    check_that_it_ends(batches, argument, mend)
    known, images = _length(batches) == "known", 0
    for batch in batches:
        images += len(batch[0])
        if images > most and not known:
            raise InputError(f"`{argument}` has given {images:,} images and does not end: {mend}")
        yield batch


def _length(batches: Any) -> str:
    """What batches say of their number: known, unknown or endless."""
    if callable(cardinality := getattr(batches, "cardinality", None)):
        # tf.data: -1 is infinite, -2 unknown.
        return {-1: "endless", -2: "unknown"}.get(int(cardinality()), "known")
    try:
        # Of keras.utils.PyDataset: None where it is infinite.
        number = getattr(batches, "num_batches", 0)
    except NotImplementedError:
        return "unknown"
    if number is None:
        return "endless"
    return "known" if hasattr(batches, "__len__") else "unknown"
