"""Zeroing a head outside a mask, and fine-tuning what is left."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path

import keras
import numpy as np

from sfp_keras.afcc.cached_batches import CachedBatches, accuracy_of
from sfp_keras.afcc.tail import SplitNetwork
from sfp_keras.checkpoints import TrainingCheckpoint
from sfp_keras.layers import MaskedDense
from sfp_keras.models.random_layers import seed_random_layers
from sfp_keras.probing import FeatureCache
from sfp_keras.progress import Progress
from sfp_keras.settings import FineTuningSettings, TrainingSettings
from sfp_keras.short_repr import ShortRepr
from sfp_keras.training import (
    check_groups,
    compile_classifier,
    fit_with_resume,
    with_exact_loss,
)

History = list[dict[str, float]]


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class Outcome(ShortRepr):
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
        settings: `TrainingSettings`. Defaults to `FineTuningSettings()`, those of paper 2 for
            VGG-16.
        seed: `int`. Of the order of the images.
        exact: `FeatureCache` whose test outputs accuracies are measured on. Default: `cache`.

    Raises:
        InputError: if a `decay` or a `group` of the settings cannot be read.
    """

    def __init__(
        self,
        split: SplitNetwork,
        kernel: np.ndarray,
        cache: FeatureCache,
        settings: TrainingSettings | None = None,
        seed: int = 0,
        exact: FeatureCache | None = None,
    ):
        self.split, self.kernel, self.cache = split, kernel, cache
        self.settings, self.seed = settings or FineTuningSettings(), seed
        self._shape = tuple(split.tail.input_shape[1:])
        size = self.settings.batch_size
        self._batches = CachedBatches(cache, self._shape, size, seed)
        self._exact = CachedBatches(cache if exact is None else exact, self._shape, size, seed)

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
            description: `str`. What is fine-tuned; a checkpoint of something else is refused.
            progress: `Progress`, or `None`.

        Returns:
            An `Outcome`.
        """
        settings = self.settings
        network = self._network(mask, settings.precision)
        exact = self._network(mask, "float32")
        zeroed = self._test(exact)
        seed_random_layers(network, self.seed)
        compile_classifier(network, settings)
        history = fit_with_resume(
            network,
            self._batches.training_data(),
            settings,
            TrainingCheckpoint(checkpoint, description),
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
        x = keras.layers.Flatten("channels_last", name="head_flatten")(tail(inputs))
        labels = self.kernel.shape[-1]
        head = MaskedDense(labels, mask, use_bias=False, dtype=dtype, name="head")
        network = keras.Model(inputs, head(x))
        head.set_weights([self.kernel.reshape(-1, labels)])
        return network

    def _test(self, network: keras.Model) -> float:
        size = min(self.settings.batch_size, self._exact.test_count)
        return accuracy_of(network, self._exact.test(), size)


def check_fine_tuning(split: SplitNetwork, settings: TrainingSettings) -> None:
    """Refuse settings that cannot fine-tune the tail of a network and its head.

    Args:
        split: `SplitNetwork`.
        settings: `TrainingSettings`.

    Raises:
        InputError: if `decay` or a `group` cannot be read, or a group's pattern matches no
            variable that is fine-tuned.
    """
    head = MaskedDense(1, use_bias=False, name="head")
    head.build((None, 1))
    check_groups(settings, [*split.tail.trainable_variables, *head.trainable_variables])
