"""What training and inference ask of devices, answered for one device: as Keras does it."""

import contextlib
import time
import weakref
from collections.abc import Callable, Iterator
from typing import Any

import keras
import numpy as np
from keras import ops

Batches = Callable[[], Iterator[Any]]


class Devices:
    """One device: everything as Keras does it.

    Attributes:
        count: `int`. Devices of all processes.
        processes: `int`.
        process: `int`. Number of this process; 0 keeps the results.
        random_on_each: `bool`. Whether layers draw random numbers on each device for itself.
        met: `bool`. Whether the processes have met, in `all_agree`.
    """

    count = 1
    processes = 1
    process = 0
    random_on_each = False
    met = False

    def scope(self) -> contextlib.AbstractContextManager[Any]:
        """Where networks are made and used."""
        return contextlib.nullcontext()

    def source(self, batches: Batches) -> Any:
        """What `fit` and `evaluate` read: one pass of `batches`, whose batches may differ in size.

        Args:
            batches: function that gives the same batches at every call.
        """
        # Keras knows generators, not iterators.
        return (keras.tree.map_structure(_in_width, batch) for batch in batches())

    def training(self, model: keras.Model) -> contextlib.AbstractContextManager[Any]:
        """Around the `fit` of a model, which is left as it was."""
        return contextlib.nullcontext()

    def callbacks(self) -> list[keras.callbacks.Callback]:
        """What `fit` and `evaluate` need beside."""
        return []

    def mean_of_all(self, mean: Any, count: Any) -> Any:
        """Turn the mean loss of a device's `count` images into its part of the batch's mean."""
        return mean

    def predict(self, model: keras.Model, images: Any) -> list[np.ndarray]:
        """Run a model in inference mode.

        Args:
            model: `keras.Model` of one input.
            images: (n, ...).

        Returns:
            An array (n, ...) for each output.
        """
        outputs = model.predict_on_batch(images)
        return [ops.convert_to_numpy(output) for output in keras.tree.flatten(outputs)]

    def all_agree(self, value: str | None) -> bool:
        """Meet the other processes.

        Args:
            value: `str`. What must be the same in all of them; `None` of a process that failed.

        Returns:
            Whether it is.
        """
        return value is not None

    def broadcast(self, data: bytes) -> bytes:
        """What process 0 gives, in every process."""
        return data


class Lent:
    """A function that gives batches, until it is closed.

    TensorFlow keeps for good what it was given to call, and with it all that this reaches: once
    closed, nothing.

    Args:
        batches: function that gives the same batches at every call.
    """

    def __init__(self, batches: Batches):
        self._batches: Batches | None = batches
        self._given: list[weakref.ref[Iterator[Any]]] = []

    def __call__(self) -> Iterator[Any]:
        """A pass of the batches."""
        given = self._pass()
        self._given.append(weakref.ref(given))
        return given

    def _pass(self) -> Iterator[Any]:
        if self._batches is not None:
            yield from self._batches()

    def close(self) -> None:
        """Let go of the batches and of all that makes them."""
        self._batches = None
        for reference in self._given:
            if (given := reference()) is not None:
                _close(given)


class Passes:
    """One pass of batches after another, as `evaluate` reads them: call it for the next.

    Keras gives TensorFlow, which keeps them, two batches of every generator. So there is one data
    set for all passes, of a function that keeps no batch.

    Args:
        devices: `Devices`.
        batches: function that gives the same batches at every call.
    """

    def __init__(self, devices: Devices, batches: Batches):
        self._devices, self._batches = devices, batches
        self._begun: list[tuple[Any, Iterator[Any]]] = []
        self._dataset: Any = None

    def __call__(self) -> Any:
        """The next pass."""
        if keras.backend.backend() != "tensorflow" or self._devices.count > 1:
            return self._devices.source(self._batches)
        if self._dataset is None:
            import tensorflow as tf

            rest = self._batches()
            first = next(rest)
            self._begun = [(first, rest)]
            signature = keras.tree.map_structure(
                lambda x: tf.TensorSpec((None, *x.shape[1:]), x.dtype), first
            )
            dataset = tf.data.Dataset.from_generator(self._pass, output_signature=signature)
            self._dataset = dataset.prefetch(tf.data.AUTOTUNE)
        return self._dataset

    def _pass(self) -> Iterator[Any]:
        if self._begun:
            first, rest = self._begun.pop()
            yield first
            del first
            yield from rest
        else:
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


def _in_width(array: Any) -> Any:
    """The array in the width the backend computes in.

    JAX has no 64-bit numbers unless it is asked for them, and warns of every 64-bit type that
    Keras names to it. TensorFlow takes them as they are.
    """
    if keras.backend.backend() != "jax" or not hasattr(array, "dtype"):
        return array
    import jax

    dtype = jax.dtypes.canonicalize_dtype(array.dtype)
    return array if array.dtype == dtype else array.astype(dtype)


def filled(images: np.ndarray, count: int) -> np.ndarray:
    """Repeat the last image until the batch can be cut into `count` equal parts."""
    missing = -len(images) % count
    return np.concatenate([images, images[-1:].repeat(missing, axis=0)]) if missing else images
