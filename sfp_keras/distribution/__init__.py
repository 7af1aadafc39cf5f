"""Spreading every batch over several devices, with the numbers that one device gives.

Training and inference ask `current_devices()` how a batch is fed, run and averaged. A batch is
always the whole one: batch norm sees all of it, the loss is the mean over all of it.
"""

from sfp_keras.distribution.batch_source import BatchSource
from sfp_keras.distribution.current import current_devices, distributed
from sfp_keras.distribution.in_place import aligned_empty
from sfp_keras.distribution.one_device import Devices, accelerated
from sfp_keras.distribution.processes import start_processes
from sfp_keras.distribution.shared_folder import shared_folder

__all__ = [
    "BatchSource",
    "Devices",
    "accelerated",
    "aligned_empty",
    "current_devices",
    "distributed",
    "shared_folder",
    "start_processes",
]
