"""TensorFlow's devices, of one machine."""

import contextlib
from collections.abc import Iterator, Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from sfp_keras.distribution.one_device import Batches, Devices, filled


class MirroredDevices(Devices):
    """All devices of one machine by TensorFlow's `MirroredStrategy`.

    A batch is cut into parts that may differ in size by one image.
    """

    random_on_each = True

    def __init__(self, names: Sequence[str]):
        import tensorflow as tf

        self._strategy = tf.distribute.MirroredStrategy(list(names))
        self.count = self._strategy.num_replicas_in_sync

    def scope(self) -> contextlib.AbstractContextManager[Any]:
        """The strategy's scope, in which every variable is made on all devices."""
        return self._strategy.scope()

    def source(self, batches: Batches) -> Any:
        """A distributed data set."""
        import tensorflow as tf

        first = next(iter(batches()))
        signature = keras.tree.map_structure(
            lambda x: tf.TensorSpec((None, *x.shape[1:]), x.dtype), next(self._parts(first))
        )
        # Keras begins by looking at one batch, in parts that must be equal, and then starts again:
        # a generator would have lost what was read ahead.
        # TensorFlow keeps this function for good, so the batch must go.
        looks = [first]
        del first

        def parts() -> Iterator[Any]:
            if looks:
                yield from [next(self._parts(looks.pop()))] * self.count
                return
            for batch in batches():
                yield from self._parts(batch)

        return self._strategy.distribute_datasets_from_function(
            lambda context: tf.data.Dataset.from_generator(
                parts, output_signature=signature
            ).prefetch(tf.data.AUTOTUNE)
        )

    def _parts(self, batch: tuple[Any, Any]) -> Iterator[tuple[Any, Any, np.ndarray]]:
        """A device's part of a batch after another's: inputs, labels, weights in the metrics.

        TensorFlow fails on empty parts. Of a batch with too few images for all devices every
        image is taken equally often, which changes neither means nor batch norm.
        """
        arrays = [ops.convert_to_numpy(array) for array in keras.tree.flatten(batch)]
        count = len(arrays[0])
        times = -(-self.count // count)
        rows = np.arange(count * times) % count
        for part in np.array_split(rows, self.count):
            inputs, labels = keras.tree.pack_sequence_as(batch, [x[part] for x in arrays])
            yield inputs, labels, np.full(len(part), 1 / times, np.float32)

    @contextlib.contextmanager
    def training(self, model: keras.Model) -> Iterator[None]:
        """Let batch norm see the whole batch."""
        norms = [
            layer
            for layer in model._flatten_layers()
            if isinstance(layer, keras.layers.BatchNormalization)
        ]
        before = [norm.synchronized for norm in norms]
        for norm in norms:
            norm.synchronized = True
        try:
            yield
        finally:
            for norm, synchronized in zip(norms, before, strict=True):
                norm.synchronized = synchronized

    def mean_of_all(self, mean: Any, count: Any) -> Any:
        """Weight a device's mean by its share of the images."""
        import tensorflow as tf

        context = tf.distribute.get_replica_context()
        if context is None:
            return mean  # Keras looks at shapes only.
        count = ops.cast(count, mean.dtype)
        share = self.count * count / context.all_reduce(tf.distribute.ReduceOp.SUM, count)
        # Keras takes the plain mean of the devices' gradients, but weights the losses it shows.
        return mean * share + ops.stop_gradient(mean - mean * share)

    def predict(self, model: keras.Model, images: Any) -> list[np.ndarray]:
        """Run a model in inference mode, each device on its part of the images."""
        count = len(images)
        parts = np.split(filled(ops.convert_to_numpy(images), self.count), self.count)
        cut = self._strategy.experimental_distribute_values_from_function(
            lambda context: ops.convert_to_tensor(parts[context.replica_id_in_sync_group])
        )
        return [output[:count] for output in super().predict(model, cut)]
