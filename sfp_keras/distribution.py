"""Spreading every batch over several devices, with the numbers that one device gives.

Training and inference ask `current_devices()` how a batch is fed, run and averaged. A batch is
always the whole one: batch norm sees all of it, the loss is the mean over all of it.
"""

import contextlib
import zlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

Batches = Callable[[], Iterator[Any]]
# Bytes sent to other processes at once.
_PIECE = 2**26


class Devices:
    """One device: everything as Keras does it.

    Attributes:
        count: `int`. Devices of all processes.
        processes: `int`.
        process: `int`. Number of this process; 0 keeps the results.
        own_draws: `bool`. Whether layers draw random numbers on each device for itself.
        met: `bool`. Whether the processes have met, in `all_agree`.
    """

    count = 1
    processes = 1
    process = 0
    own_draws = False
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
        return (batch for batch in batches())

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
        outputs = outputs if isinstance(outputs, (list, tuple)) else [outputs]
        return [ops.convert_to_numpy(output) for output in outputs]

    def all_agree(self, on: str | None) -> bool:
        """Meet the other processes.

        Args:
            on: `str`. What must be the same in all of them; `None` of a process that failed.

        Returns:
            Whether it is.
        """
        return on is not None

    def from_first(self, data: bytes) -> bytes:
        """What process 0 gives, in every process."""
        return data


class JaxDevices(Devices):
    """All of JAX's devices, by the layouts of `keras.distribution.DataParallel`.

    The distribution is not set as Keras' global one, for `fit` would lay out every batch as it
    did the first, and so refuse a short last one. Weights are copied to all devices instead, and
    batches placed, before Keras sees them; JAX does the rest. A batch that cannot be cut into
    equal parts is run as a whole by every device.

    Where there are several processes the batch is cut inside the compiled step instead: Keras
    sends batches ahead to accelerators, and can do so with none that lies in several processes.
    """

    def __init__(self) -> None:
        self._layouts = keras.distribution.DataParallel(auto_shard_dataset=False)
        self.count = len(keras.distribution.list_devices())
        import jax

        self.processes, self.process = jax.process_count(), jax.process_index()

    def source(self, batches: Batches) -> Any:
        """A generator of batches, which lie on the devices already if these are of one process."""
        if self.processes > 1:
            return super().source(batches)
        return (keras.tree.map_structure(self._placed, batch) for batch in batches())

    @contextlib.contextmanager
    def training(self, model: keras.Model) -> Iterator[None]:
        """Let the steps of several processes cut the batch."""
        if self.processes == 1:
            yield
            return
        import jax

        def cut(array: Any) -> Any:
            return jax.lax.with_sharding_constraint(array, self._layout(array.shape))

        def cutting(step: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
            return lambda state, batch: step(state, keras.tree.map_structure(cut, batch))

        model.train_step, model.test_step = cutting(model.train_step), cutting(model.test_step)
        try:
            yield
        finally:
            del model.train_step, model.test_step

    def callbacks(self) -> list[keras.callbacks.Callback]:
        """One that copies variables to the devices."""
        return [_Copying(self)]

    def predict(self, model: keras.Model, images: Any) -> list[np.ndarray]:
        """Run a model in inference mode, each device on its part of the images."""
        import jax

        self.copy([model])
        count = len(images)
        if "_inference" not in vars(model):
            # Kept with the model, for it is compiled; `vars`, for it is none of its layers.
            vars(model)["_inference"] = jax.jit(
                lambda trained, fixed, x: model.stateless_call(trained, fixed, x, training=False)[
                    0
                ],
                # A process can only read what lies on its own devices.
                out_shardings=self._whole(()) if self.processes > 1 else None,
            )
        outputs = vars(model)["_inference"](
            [variable.value for variable in model.trainable_variables],
            [variable.value for variable in model.non_trainable_variables],
            self._placed(_filled(ops.convert_to_numpy(images), self.count)),
        )
        return [np.asarray(output)[:count] for output in keras.tree.flatten(outputs)]

    def all_agree(self, on: str | None) -> bool:
        """Compare checksums; 0 is that of a process that failed."""
        from jax.experimental import multihost_utils

        self.met = True
        mine = 0 if on is None else zlib.crc32(on.encode()) | 1
        found = np.ravel(multihost_utils.process_allgather(np.uint32(mine)))
        return bool((found == found[0]).all() and found[0])

    def from_first(self, data: bytes) -> bytes:
        """Broadcast the bytes through the devices."""
        from jax.experimental import multihost_utils

        sent = multihost_utils.broadcast_one_to_all
        # In two parts, for JAX has no 64-bit integers by default.
        high, low = (int(n) for n in sent(np.array(divmod(len(data), 2**30), np.int32)))
        buffer = np.zeros(high * 2**30 + low, np.uint8)
        if self.process == 0:
            buffer[:] = np.frombuffer(data, np.uint8)
        pieces = range(0, len(buffer), _PIECE)
        return b"".join(
            np.asarray(sent(buffer[begin : begin + _PIECE])).astype(np.uint8).tobytes()
            for begin in pieces
        )

    def copy(self, models: Sequence[Any]) -> None:
        """Put the variables of models, optimisers or metrics on every device, where not yet."""
        for model in models:
            for variable in model.variables:
                layout = self._whole(variable.shape)
                if not variable.value.sharding.is_equivalent_to(layout, len(variable.shape)):
                    variable.assign(_on_devices(ops.convert_to_numpy(variable), layout))

    def _placed(self, array: Any) -> Any:
        array = np.asarray(array)
        return _on_devices(array, self._layout(array.shape))

    def _layout(self, shape: Sequence[int]) -> Any:
        """Equal parts, or the whole batch on every device."""
        if shape[0] % self.count:
            return self._whole(shape)
        return self._layouts.get_data_layout(shape).backend_layout

    def _whole(self, shape: Sequence[int]) -> Any:
        axes = [None] * len(shape)
        return keras.distribution.TensorLayout(axes, self._layouts.device_mesh).backend_layout


class _Copying(keras.callbacks.Callback):
    """Puts what `fit` and `evaluate` made since, such as metrics, on every device."""

    def __init__(self, devices: JaxDevices):
        super().__init__()
        self.devices = devices

    def on_epoch_begin(self, epoch: int, logs: dict | None = None) -> None:
        self._copy()

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        self._copy()

    def on_test_batch_begin(self, batch: int, logs: dict | None = None) -> None:
        if batch == 0:
            self._copy()

    def _copy(self) -> None:
        self.devices.copy([self.model, self.model.optimizer, *self.model.metrics])


class MirroredDevices(Devices):
    """All devices of one machine by TensorFlow's `MirroredStrategy`.

    A batch is cut into parts that may differ in size by one image.
    """

    own_draws = True

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
        # Keras begins by looking at one batch, in parts that must be equal, and then begins anew:
        # a generator would have lost what was read ahead.
        looks = iter([True])

        def parts() -> Iterator[Any]:
            if next(looks, False):
                yield from [next(self._parts(first))] * self.count
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
        parts = np.split(_filled(ops.convert_to_numpy(images), self.count), self.count)
        cut = self._strategy.experimental_distribute_values_from_function(
            lambda context: ops.convert_to_tensor(parts[context.replica_id_in_sync_group])
        )
        return [output[:count] for output in super().predict(model, cut)]


_current = Devices()


def current_devices() -> Devices:
    """What batches are spread over: one device, outside of `distributed`."""
    return _current


@contextlib.contextmanager
def distributed(kind: str | None) -> Iterator[Devices]:
    """Spread every batch over all devices of Keras' backend.

    Networks must be made inside. Where there is one device, nothing changes.

    Args:
        kind: `"data_parallel"`, or `None` for one device.

    Yields:
        `Devices`.
    """
    global _current
    before, _current = _current, _all_devices() if kind else Devices()
    try:
        with _current.scope():
            yield _current
    finally:
        _current = before


def _all_devices() -> Devices:
    if keras.backend.backend() == "jax":
        return JaxDevices() if len(keras.distribution.list_devices()) > 1 else Devices()
    import tensorflow as tf

    devices = tf.config.list_logical_devices("GPU") or tf.config.list_logical_devices("CPU")
    return MirroredDevices([device.name for device in devices]) if len(devices) > 1 else Devices()


def _filled(images: np.ndarray, count: int) -> np.ndarray:
    """Repeat the last image until the batch can be cut into `count` equal parts."""
    missing = -len(images) % count
    return np.concatenate([images, images[-1:].repeat(missing, axis=0)]) if missing else images


def _on_devices(array: np.ndarray, layout: Any) -> Any:
    import jax

    return jax.make_array_from_callback(array.shape, layout, lambda index: array[index])
