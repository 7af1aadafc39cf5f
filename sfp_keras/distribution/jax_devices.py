"""JAX's devices, in one process or several."""

import contextlib
import zlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from sfp_keras.distribution.one_device import Batches, Devices, filled

# Bytes sent to other processes at once.
_PIECE = 2**26


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
        fed = super().source(batches)
        if self.processes > 1:
            return fed
        return (keras.tree.map_structure(self._placed, batch) for batch in fed)

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
            self._placed(filled(ops.convert_to_numpy(images), self.count)),
        )
        return [np.asarray(output)[:count] for output in keras.tree.flatten(outputs)]

    def all_agree(self, value: str | None) -> bool:
        """Compare checksums; 0 is that of a process that failed."""
        from jax.experimental import multihost_utils

        self.met = True
        mine = 0 if value is None else zlib.crc32(value.encode()) | 1
        found = np.ravel(multihost_utils.process_allgather(np.uint32(mine)))
        return bool((found == found[0]).all() and found[0])

    def broadcast(self, data: bytes) -> bytes:
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


def _on_devices(array: np.ndarray, layout: Any) -> Any:
    import jax

    return jax.make_array_from_callback(array.shape, layout, lambda index: array[index])
