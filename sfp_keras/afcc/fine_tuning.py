"""Zeroing a head outside a mask, and fine-tuning what is left."""

import dataclasses
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np

from sfp_keras.afcc.tail import SplitNetwork
from sfp_keras.checkpoints import TrainingCheckpoint
from sfp_keras.data import epoch_order
from sfp_keras.distribution import current_devices
from sfp_keras.layers import MaskedDense
from sfp_keras.probing import FeatureCache, RowReader
from sfp_keras.training import (
    SGD,
    CrossEntropy,
    ParameterGroup,
    Progress,
    StepDecay,
    curves,
    fit_with_resume,
    with_exact_loss,
)

History = list[dict[str, float]]


@dataclasses.dataclass(frozen=True)
class FineTuning:
    """How a tail and its head are fine-tuned.

    Attributes:
        epochs: `int`.
        learning_rate: `float`.
        momentum: `float`. Nesterov.
        l2: `float`. PyTorch's `weight_decay`.
        decay: `StepDecay`.
        batch_size: `int`.
        groups: `ParameterGroup`s of variables that differ.
        precision: `str`. `float32` or `mixed_bfloat16`; accuracies are always float32's.
    """

    epochs: int = 10
    learning_rate: float = 1e-5
    momentum: float = 0.9
    l2: float = 0.015
    decay: StepDecay = dataclasses.field(default_factory=StepDecay)
    batch_size: int = 100
    groups: tuple[ParameterGroup, ...] = ()
    precision: str = "float32"

    def optimizer(self) -> SGD:
        """The optimiser, not built."""
        return SGD(self.learning_rate, self.momentum, self.l2, groups=self.groups)

    def check_groups(self, split: SplitNetwork) -> None:
        """Match the groups with the variables that are fine-tuned: the tail's and the head's.

        Raises:
            InputError: if a group's pattern matches none, or two groups have one name.
        """
        head = MaskedDense(1, use_bias=False, name="head")
        head.build((None, 1))
        self.optimizer().build([*split.tail.trainable_variables, *head.trainable_variables])


@dataclasses.dataclass(frozen=True, eq=False)
class Outcome:
    """One mask, zeroed and fine-tuned.

    Attributes:
        kept: `int`. Weights of the head that are kept.
        total: `int`. Weights of the whole head.
        accuracy_zeroed: `float`. On the test images, just after zeroing.
        accuracy_after: `float`. After fine-tuning.
        history: one dict an epoch.
        layers: the fine-tuned tail and the head's layers, in float32.
    """

    kept: int
    total: int
    accuracy_zeroed: float
    accuracy_after: float
    history: History
    layers: Sequence[keras.layers.Layer]


class HeadFineTuning:
    """Fine-tunes a network's tail and head from the cached outputs of its frozen part.

    Args:
        split: `SplitNetwork`.
        kernel: (P, F, K) weights of the trained head.
        cache: `FeatureCache` of the one output of the frozen part.
        settings: `FineTuning`.
        seed: `int`. Of the order of the images.
    """

    def __init__(
        self,
        split: SplitNetwork,
        kernel: np.ndarray,
        cache: FeatureCache,
        settings: FineTuning,
        seed: int = 0,
    ):
        self.split, self.kernel, self.cache = split, kernel, cache
        self.settings, self.seed = settings, seed
        (features,) = cache.arrays.values()
        self._read = RowReader(features)
        self._shape = tuple(split.tail.input_shape[1:])

    def accuracy(self, mask: np.ndarray | None = None) -> float:
        """Accuracy of the head as it is, or zeroed outside a mask, on the test images."""
        return self._test(self._network(mask, "float32"))

    def run(
        self,
        mask: np.ndarray | None,
        *,
        checkpoint: str | Path,
        description: str = "",
        progress: Progress | None = None,
    ) -> Outcome:
        """Zero the head outside a mask and fine-tune; without a mask, the full head.

        Args:
            mask: bool (P, F, K), or `None`.
            checkpoint: file from which an interrupted fine-tuning goes on.
            description: `str`. What is fine-tuned; another's checkpoint is refused.
            progress: `Progress`, or `None`.

        Returns:
            An `Outcome`.
        """
        settings = self.settings
        network = self._network(mask, settings.precision)
        exact = self._network(mask, "float32")
        zeroed = self._test(exact)
        optimizer = settings.optimizer()
        network.compile(
            optimizer=optimizer,
            loss=CrossEntropy(),
            weighted_metrics=curves(),
        )
        optimizer.build(network.trainable_variables)
        train_count, rows = self.cache.train_count, len(self.cache.labels)
        history = fit_with_resume(
            network,
            self._shuffled,
            steps_per_epoch=-(-train_count // settings.batch_size),
            epochs=settings.epochs,
            checkpoint=TrainingCheckpoint(checkpoint, description),
            learning_rate=settings.learning_rate,
            decay=settings.decay,
            validation=lambda: self._batches(np.arange(train_count, rows)),
            validation_steps=-(-(rows - train_count) // settings.batch_size),
            progress=progress,
        )
        exact.set_weights(network.get_weights())
        return Outcome(
            int(self.kernel.size if mask is None else mask.sum()),
            int(self.kernel.size),
            zeroed,
            self._test(exact),
            with_exact_loss(history),
            exact.layers[1:],
        )

    def _network(self, mask: np.ndarray | None, dtype: str) -> keras.Model:
        """A copy of the tail with the head behind it."""
        inputs = keras.Input(self._shape)
        tail = self.split.copy_of_tail(dtype)
        x = keras.layers.Flatten(name="head_flatten")(tail(inputs))
        labels = self.kernel.shape[-1]
        head = MaskedDense(labels, mask, use_bias=False, dtype=dtype, name="head")
        network = keras.Model(inputs, head(x))
        head.set_weights([self.kernel.reshape(-1, labels)])
        return network

    def _shuffled(self, first_epoch: int) -> Iterator[Any]:
        epoch = first_epoch
        while True:
            yield from self._batches(epoch_order(self.seed, epoch, self.cache.train_count))
            epoch += 1

    def _batches(self, rows: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        size = self.settings.batch_size
        for begin in range(0, len(rows), size):
            chosen = rows[begin : begin + size]
            features = self._read(chosen).astype(np.float32)
            yield features.reshape(-1, *self._shape), self.cache.labels[chosen]

    def _test(self, network: keras.Model) -> float:
        rows = np.arange(self.cache.train_count, len(self.cache.labels))
        size = min(self.settings.batch_size, len(rows))
        right = 0
        for features, labels in self._batches(rows):
            # A full last batch keeps one compiled function.
            padded = np.concatenate([features, features[:1].repeat(size - len(labels), axis=0)])
            (outputs,) = current_devices().predict(network, padded)
            right += int((outputs[: len(labels)].argmax(1) == labels).sum())
        return right / max(1, len(rows))
