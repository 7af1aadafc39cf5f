"""The head of one stage: a bias-free linear layer, behind a pooling that is trained with it."""

import hashlib
import math
from typing import Any

import keras
import numpy as np
from keras import ops

from sfp_keras.probing.features import FeatureCache
from sfp_keras.probing.views import StageView, apply_layers
from sfp_keras.training import apart


class StageHead(keras.layers.Layer):
    """One (P * F, K) kernel, with PyTorch's initialisation of a linear layer.

    Args:
        stage: `str`. The stage's name.
        shape: (*positions, F) of the features.
        num_labels: `int`. K.
        seed: `int`. Of the first weights, with the stage's name.
        view: `StageView` whose pooling is trained with the head, or `None`.

    Attributes:
        kernel: its weights.
        pooling: layers in front of it, which are trained too.
        position_shape: of what the kernel reads.
    """

    def __init__(
        self,
        stage: str,
        shape: tuple[int, ...],
        num_labels: int,
        seed: int,
        view: StageView | None = None,
    ):
        super().__init__(name=stage, dtype="float32")
        digest = hashlib.sha256(f"{seed}/{stage}".encode()).digest()
        drawn = int.from_bytes(digest[:4], "little") >> 1
        self._shape, self._num_labels = shape, num_labels
        with keras.name_scope(stage):  # A group of parameters is found by the stage's name.
            self.pooling = view.learnt(drawn) if view else []
        for layer in self.pooling:
            shape = tuple(layer.compute_output_shape((None, *shape))[1:])
        self.position_shape, self._filters = shape[:-1], shape[-1]
        size = math.prod(shape)
        limit = size**-0.5
        initializer = keras.initializers.RandomUniform(-limit, limit, seed=drawn)
        self.kernel = self.add_weight(
            shape=(size, num_labels), initializer=initializer, name="kernel"
        )
        self.built = True

    def pooled(self, features: Any) -> Any:
        """What the kernel reads, (n, P * F), of features (n, size) as they are kept."""
        features = ops.cast(features, "float32")
        if not self.pooling:
            return features
        pooled = apply_layers(self.pooling, ops.reshape(features, (-1, *self._shape)))
        return ops.reshape(pooled, (-1, self.kernel.shape[0]))

    def outputs(self, features: Any) -> Any:
        """(n, K) of features (n, size); also of several steps, (steps, n, size)."""
        outputs = ops.matmul(self.pooled(features), self.kernel)
        return apart(outputs, tuple(features.shape[:-2])) if self.pooling else outputs

    def weights_array(self) -> np.ndarray:
        """The present weights, (P, F, K) float32."""
        kernel = np.asarray(ops.convert_to_numpy(self.kernel))
        return kernel.reshape(-1, self._filters, self._num_labels)


def heads_of(cache: FeatureCache, num_labels: int, seed: int) -> dict[str, StageHead]:
    """A head for each stage of a cache, with its first weights."""
    heads = {}
    for name, array in cache.arrays.items():
        positions = tuple(cache.position_shapes[name])
        filters = array.shape[1] // math.prod(positions)
        view = cache.views.get(name)
        heads[name] = StageHead(name, (*positions, filters), num_labels, seed, view)
    return heads
