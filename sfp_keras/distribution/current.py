"""The devices that training and inference use now."""

import contextlib
from collections.abc import Iterator

import keras

from sfp_keras.distribution.jax_devices import JaxDevices
from sfp_keras.distribution.one_device import Devices
from sfp_keras.distribution.tensorflow_devices import MirroredDevices

_current = Devices()


def current_devices() -> Devices:
    """The devices that batches are spread over.

    Returns:
        `Devices`; one device outside of `distributed`.
    """
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
