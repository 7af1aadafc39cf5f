"""Batches for Keras' `fit` and `evaluate`, of which TensorFlow keeps nothing."""

import itertools
import time
import weakref
from collections import deque
from collections.abc import Iterator, Sequence
from typing import Any

import keras

from sfp_keras.distribution.current import current_devices
from sfp_keras.distribution.one_device import Batches
from sfp_keras.errors import InputError


class BatchSource:
    """What `fit` and `evaluate` read of a function that gives batches: call it for a pass.

    TensorFlow keeps for good what it was given to call, and with it all that this reaches: a
    generator, and two of its batches, for every `fit` and `evaluate`. So there is one data set for
    all passes, of a function that keeps no batch and, once closed, nothing at all.

    Args:
        batches: function that gives the same batches at every call.

    Raises:
        InputError: at the first pass, if there are no batches.
    """

    def __init__(self, batches: Batches):
        self._batches: Batches | None = batches
        self._given: list[weakref.ref[Iterator[Any]]] = []
        self._begun: list[Iterator[Any]] = []
        self._looked_at: deque[Any] = deque()
        self._dataset: Any = None

    def __call__(self) -> Any:
        """The next pass."""
        devices = current_devices()
        if keras.backend.backend() != "tensorflow" or devices.count > 1:
            return devices.source(self._watched)
        if self._dataset is None:
            self._dataset = self._new_dataset()
        return self._dataset

    def close(self) -> None:
        """Let go of the batches and of all that makes them."""
        self._batches = self._dataset = None
        self._begun.clear()
        self._looked_at.clear()
        for reference in self._given:
            if (given := reference()) is not None:
                _close(given)

    def _new_dataset(self) -> Any:
        import tensorflow as tf

        rest = self._watched()
        # As many as Keras looks at: their shapes may differ.
        self._looked_at.extend(itertools.islice(rest, 2))
        if not self._looked_at:
            raise InputError("`batches` gives none")
        self._begun.append(rest)
        signature = keras.tree.map_structure(
            lambda *arrays: tf.TensorSpec(_common_shape(arrays), arrays[0].dtype),
            *self._looked_at,
        )
        dataset = tf.data.Dataset.from_generator(self._all, output_signature=signature)
        return dataset.prefetch(tf.data.AUTOTUNE)

    def _all(self) -> Iterator[Any]:
        """A pass, of which the first one begins with the batches that were looked at."""
        if self._begun:
            rest = self._begun.pop()
            while self._looked_at:
                yield self._looked_at.popleft()
        else:
            rest = self._watched()
        yield from rest

    def _watched(self) -> Iterator[Any]:
        """A pass that is closed with the source."""
        given = self._pass()
        self._given.append(weakref.ref(given))
        return given

    def _pass(self) -> Iterator[Any]:
        if self._batches is None:
            return
        for batch in self._batches():
            # Weights that are None, as Keras takes them, have no place in a data set.
            yield tuple(part for part in batch if part is not None)
            del batch


def _common_shape(arrays: Sequence[Any]) -> list[int | None]:
    """The shape of batches, open where they differ and in the number of images."""
    sizes = zip(*(array.shape[1:] for array in arrays), strict=True)
    return [None, *(size[0] if len(set(size)) == 1 else None for size in sizes)]


def _close(generator: Any) -> None:
    """Close a generator, as soon as nobody reads ahead in it any more."""
    for _ in range(100):
        try:
            generator.close()
        except ValueError:  # It is running, in a thread of TensorFlow's that is about to end.
            time.sleep(0.05)
        else:
            return
