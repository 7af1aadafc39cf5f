"""What training and inference ask of devices, answered for one device: as Keras does it."""

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import keras
import numpy as np
from keras import ops

from sfp_keras.distribution.in_place import tensor_in_place

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

    @property
    def reads_in_place(self) -> bool:
        """Whether `constant` takes no memory beside the array's own."""
        return self.count == 1 and keras.backend.backend() == "tensorflow" and not accelerated()

    def constant(self, array: np.ndarray, name: str | None = None) -> keras.Variable:
        """A variable that nobody assigns to.

        Args:
            array: which nobody writes to any more; of `aligned_empty` where it is large.
            name: of the variable, or `None`.
        """
        value = tensor_in_place(array) if self.reads_in_place else None
        return keras.Variable(
            array if value is None else value, trainable=False, dtype=str(array.dtype), name=name
        )

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


def accelerated() -> bool:
    """Whether Keras has another device than CPUs."""
    return any(not name.startswith("cpu") for name in keras.distribution.list_devices())


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
