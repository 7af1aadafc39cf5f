"""Batches for Keras' `fit` and `evaluate`, of which TensorFlow keeps nothing."""

import time
import weakref
from collections.abc import Iterator
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
        self._begun: list[tuple[Any, Iterator[Any]]] = []
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
        for reference in self._given:
            if (given := reference()) is not None:
                _close(given)

    def _new_dataset(self) -> Any:
        import tensorflow as tf

        rest = self._watched()
        first = next(rest, None)
        if first is None:
            raise InputError("`batches` gives none")
        self._begun = [(first, rest)]
        signature = keras.tree.map_structure(
            lambda x: tf.TensorSpec((None, *x.shape[1:]), x.dtype), first
        )
        dataset = tf.data.Dataset.from_generator(self._all, output_signature=signature)
        return dataset.prefetch(tf.data.AUTOTUNE)

    def _all(self) -> Iterator[Any]:
        """A pass, of which the first one goes on behind the batch that was looked at."""
        if self._begun:
            first, rest = self._begun.pop()
            yield first
            del first
            yield from rest
        else:
            yield from self._watched()

    def _watched(self) -> Iterator[Any]:
        """A pass that is closed with the source."""
        given = self._pass()
        self._given.append(weakref.ref(given))
        return given

    def _pass(self) -> Iterator[Any]:
        if self._batches is not None:
            yield from self._batches()


def _close(generator: Any) -> None:
    """Close a generator, as soon as nobody reads ahead in it any more."""
    for _ in range(100):
        try:
            generator.close()
        except ValueError:  # It is running, in a thread of TensorFlow's that is about to end.
            time.sleep(0.05)
        else:
            return
