"""A compact Dense layer for the files of other runtimes, in which it stays compact."""

import math
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from sfp_keras.layers.compact_dense import CompactDense
from sfp_keras.traits import LayerTraits, register_traits
from sfp_keras.traits.counting import used_at
from sfp_keras.traits.registry import Operations


@keras.saving.register_keras_serializable(package="sfp_keras")
class GatheredDense(CompactDense):
    """A `CompactDense` that gathers the inputs of each unit's kept weights.

    Its outputs, weights, arguments and files are those of `CompactDense`. Exporters write a
    `CompactDense` for ONNX as the whole matrix, which it scatters its weights into and which they
    compute beforehand. Here there is no such matrix: of each unit stand the kept weights and the
    numbers of the inputs they multiply, filled up to the unit that keeps most, 8 bytes for each.

    It is for inference on few inputs: a batch of n takes memory for n x units x kept numbers.

    Example:

    ```
    head = GatheredDense.from_masked(masked_head)
    ```
    """

    def build(self, input_shape: Any) -> None:
        """Make the weights, as `CompactDense` does, and the places of each unit's own."""
        super().build(input_shape)
        kept = [np.flatnonzero(self._places[:, 1] == unit) for unit in range(self.units)]
        most = max(map(len, kept))
        # Behind the last weight stands a zero, which fills the rows of units that keep fewer.
        self._slots = np.full((self.units, most), len(self._places), np.int32)
        self._rows = np.zeros((self.units, most), np.int32)
        for unit, places in enumerate(kept):
            self._slots[unit, : len(places)] = places
            self._rows[unit, : len(places)] = self._places[places, 0]

    def call(self, inputs: Any) -> Any:
        """Return `activation(inputs @ kernel + bias)`."""
        values = ops.concatenate([self.values, ops.zeros((1,), self.values.dtype)])
        weights = ops.cast(ops.take(values, self._slots, axis=0), self.compute_dtype)
        outputs = ops.sum(ops.take(inputs, self._rows, axis=-1) * weights, axis=-1)
        if self.bias is not None:
            outputs = ops.add(outputs, self.bias)
        return self.activation(outputs)


def _count(layer: Any, inputs: Sequence[int], outputs: Sequence[int]) -> Operations:
    places = math.prod(outputs[1:-1])
    most = int(layer.mask.sum(axis=0).max())
    return float(places * layer.units * most), used_at(places, layer.values)[1]


register_traits(GatheredDense, LayerTraits("made", multiply_adds=_count))
