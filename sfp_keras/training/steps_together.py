"""Several training steps in one compiled call, where a step is shorter than what Python needs.

Keras' `steps_per_execution` does so on TensorFlow; on JAX it calls the compiled step as often as
before. Here batches of row numbers are stacked, and JAX scans over them.
"""

import itertools
from collections.abc import Iterator
from typing import Any

import keras
import numpy as np
from keras import ops

from sfp_keras.distribution import accelerated, current_devices

# A call of as many steps takes a tenth of a second where Python would take longer than the device.
MOST = 64


class StepsTogether(keras.Model):
    """A model whose batches may have an axis of steps before that of images, on JAX.

    Such a batch, x (steps, n, ...) and y (steps, n), is trained on or evaluated in so many steps,
    one after the other, with the numbers that they would give one by one; the logs are those of
    the last. Its `call` must take both forms, for Keras looks at the shapes it returns.
    """

    def train_step(self, state: Any, *data: Any) -> Any:
        """Keras' step, or several."""
        return self._steps(super().train_step, state, *data)

    def test_step(self, state: Any, *data: Any) -> Any:
        """Keras' step, or several."""
        return self._steps(super().test_step, state, *data)

    def _steps(self, step: Any, state: Any, *data: Any) -> Any:
        # TensorFlow's steps are given data alone.
        if not data or keras.tree.flatten(data[0][1])[0].ndim == 1:
            return step(state, *data)
        import jax

        def one(state: Any, batch: Any) -> tuple[Any, Any]:
            logs, state = step(state, batch)
            return state, logs

        state, logs = jax.lax.scan(one, state, data[0])
        return keras.tree.map_structure(lambda values: values[-1], logs), state


def apart(outputs: Any, several: tuple[int | None, ...]) -> Any:
    """Outputs (steps * n, ...) as (steps, n, ...) where `several` is (steps,), not ()."""
    if not several:
        return outputs
    return keras.tree.map_structure(
        lambda output: ops.reshape(output, (*several, -1, *output.shape[1:])), outputs
    )


def takes_several(model: keras.Model) -> bool:
    """Whether several steps of a model are one compiled call: on JAX, on one accelerator.

    On CPUs, XLA's loops run convolutions on one core.
    """
    if not isinstance(model, StepsTogether) or keras.backend.backend() != "jax":
        return False
    return current_devices().count == 1 and accelerated()


def group_size(steps: int) -> int:
    """The number of steps in a call that leaves the fewest over.

    Args:
        steps: `int`. Steps of an epoch, all of batches of one size.

    Returns:
        `int` up to 64, at least 1.
    """
    if steps <= MOST:
        return max(steps, 1)
    return min(range(MOST, MOST // 4, -1), key=lambda size: steps % size)


def number_of_calls(steps: int, full: int) -> int:
    """How many batches `together` makes of the `steps` of an epoch, `full` of them of one size."""
    size = group_size(full)
    return full // size + full % size + steps - full


def together(batches: Iterator[Any], steps: int, full: int) -> Iterator[Any]:
    """Stack the batches of every epoch by groups; what is left over comes as it is.

    Args:
        batches: iterator of batches, nested arrays; endless or of whole epochs.
        steps: `int`. Batches of an epoch.
        full: `int`. Of these, the first ones, which are of one size.

    Returns:
        An iterator of batches with or without an axis of steps, `number_of_calls` an epoch.
    """
    size = group_size(full)
    calls = [size] * (full // size) + [1] * (full % size + steps - full)
    for count in itertools.cycle(calls):
        group = list(itertools.islice(batches, count))
        if not group:
            return
        # Also one short last batch, of a size of its own, comes without an axis of steps.
        yield keras.tree.map_structure(_stacked, *group) if count > 1 else group[0]


def _stacked(*parts: Any) -> np.ndarray:
    return np.stack(parts)
