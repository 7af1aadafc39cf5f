"""Joining the processes of one run, on one machine or several."""

import os

import keras

from sfp_keras.backend import set_random_seed
from sfp_keras.errors import InputError, first_line

# What `keras.distribution.initialize` reads.
_ADDRESSES, _PROCESSES, _PROCESS = (
    f"KERAS_DISTRIBUTION_{name}" for name in ("JOB_ADDRESSES", "NUM_PROCESSES", "PROCESS_ID")
)


def start_processes(seed: int) -> None:
    """Join the other processes that the environment names, if any, before JAX is first used.

    Args:
        seed: `int`. Of everything random that has no seed of its own, the same in all processes.

    Raises:
        InputError: if the backend is not JAX, or the processes cannot be joined.
    """
    given = [name for name in (_ADDRESSES, _PROCESSES, _PROCESS) if name in os.environ]
    if not given:
        return
    if keras.backend.backend() != "jax":
        raise InputError(
            f"`backend`={keras.backend.backend()} spreads over one machine's devices: take "
            f"`backend`=jax for several processes, or unset {given[0]}"
        )
    import jax

    if jax.distributed.is_initialized():
        return
    set_random_seed(seed)
    try:
        keras.distribution.initialize()
    except (ValueError, TypeError, RuntimeError) as error:
        raise InputError(
            f"`distribute`: the processes cannot be joined ({first_line(error)}); set "
            f"{_ADDRESSES} to host:port of process 0, {_PROCESSES} to their number and {_PROCESS} "
            "to 0, 1, ..."
        ) from None
