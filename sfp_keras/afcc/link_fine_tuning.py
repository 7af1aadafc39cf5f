"""Links of a network are zeroed outside masks, and what is left is trained."""

import dataclasses
import re
from collections.abc import Callable, Collection, Iterable, Mapping
from pathlib import Path
from typing import Any

import keras
import numpy as np

from sfp_keras.afcc.cached_batches import accuracy_of
from sfp_keras.afcc.link_layers import Start, classifier_behind, train_only
from sfp_keras.afcc.link_precision import copy_by_path, in_precision
from sfp_keras.afcc.masked_layers import mask_layers
from sfp_keras.checkpoints import TrainingCheckpoint
from sfp_keras.models import parameter_groups
from sfp_keras.models.label_outputs import LabelOutputs
from sfp_keras.models.random_layers import seed_random_layers
from sfp_keras.progress import Progress
from sfp_keras.settings import LinkTrainingSettings, TrainingSettings
from sfp_keras.short_repr import ShortRepr
from sfp_keras.training import TrainingData, compile_classifier, fit_with_resume, with_exact_loss

History = list[dict[str, float]]
# Of training from scratch where no group is given, as in the published script.
DENSE_FROM_SCRATCH = "dense: lr=0.01 decay=none"


@dataclasses.dataclass(frozen=True, eq=False)
class LinkData:
    """What a network, or its part behind a start, is trained with and tested on.

    Attributes:
        prepare: from the model that is trained, what is compiled and fitted, itself or a model
            around it, and its `TrainingData`.
        test: function giving one pass of test batches, in float32.
        test_size: `int`. Images of a test batch; the last may have fewer.
        start: `Start`. Where the batches enter the network.
    """

    prepare: Callable[[keras.Model], tuple[keras.Model, TrainingData]]
    test: Callable[[], Iterable[tuple[Any, np.ndarray]]]
    test_size: int
    start: Start = None


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class LinkOutcome(ShortRepr):
    """A network with masks, after its training.

    Attributes:
        accuracy_zeroed: `float`. On the test images before training.
        accuracy_after: `float`. After it.
        history: one dict an epoch.
        network: `keras.Model` with masked layers, in float32.
    """

    accuracy_zeroed: float
    accuracy_after: float
    history: History
    network: keras.Model


class LinkFineTuning:
    """Trains a network under masks on its kernels.

    Accuracies are float32's with any `precision` of the settings.

    Args:
        outputs: `LabelOutputs` of the network.
        data: `LinkData`.
        settings: `TrainingSettings`. Defaults to `LinkTrainingSettings()`, those of paper
            2501.12880 for VGG-11; training from scratch has `ScratchSettings`.
        batch_norm: `str`. `"frozen"` or `"updating"`, as `train_only` takes it.
        names: dict from the names that groups may have to patterns, beside those of the registered
            networks.
        seed: `int`. Of dropout and the like, where the network gives these none. Defaults to `0`.
    """

    def __init__(
        self,
        outputs: LabelOutputs,
        data: LinkData,
        settings: TrainingSettings | None = None,
        batch_norm: str = "frozen",
        names: Mapping[str, str] | None = None,
        seed: int = 0,
    ):
        self.outputs, self.data = outputs, data
        self.settings = settings or LinkTrainingSettings()
        self.batch_norm = batch_norm
        self.names = names or {}
        self.seed = seed

    def accuracy(self, network: keras.Model) -> float:
        """The accuracy of a network on the test images."""
        return self._test(classifier_behind(network, self.data.start, self.outputs))

    def run(
        self,
        network: keras.Model,
        masks: Mapping[str, np.ndarray],
        layers: Collection[str] | None,
        *,
        checkpoint: str | Path,
        description: str = "",
        progress: Progress | None = None,
    ) -> LinkOutcome:
        """Mask a copy of a network, and train it.

        Args:
            network: functional `keras.Model`, which may have masks already.
            masks: dict from paths of layers to masks, as `mask_layers` takes it; may be empty.
            layers: paths of the layers that are trained. `None` for training from scratch: all
                that the network itself trains, of initial weights, which are enlarged by the fan-in
                that masks leave them.
            checkpoint: file from which an interrupted training goes on.
            description: `str`. What is trained; a checkpoint of something else is refused.
            progress: `Progress`, or `None`.

        Returns:
            A `LinkOutcome`.
        """
        copy = mask_layers(network, masks, active_fan_in=layers is None)
        if layers is not None:
            train_only(copy, layers, self.batch_norm)
        classifier = classifier_behind(copy, self.data.start, self.outputs)
        trained = classifier
        if self.settings.precision != "float32":
            trained = in_precision(classifier, self.settings.precision)
            if layers is not None:
                train_only(trained, layers, self.batch_norm)
        seed_random_layers(trained, self.seed)
        fitted, data = self.data.prepare(trained)
        self._compile(fitted, from_scratch=layers is None)
        zeroed = self._test(classifier)
        history = fit_with_resume(
            fitted,
            data,
            self.settings,
            TrainingCheckpoint(checkpoint, description),
            progress=progress,
        )
        if trained is not classifier:
            copy_by_path(trained, classifier)
        return LinkOutcome(zeroed, self._test(classifier), with_exact_loss(history), copy)

    def _compile(self, fitted: keras.Model, from_scratch: bool) -> None:
        settings, names = self.settings, {**parameter_groups(), **self.names}
        dense = [
            variable.path
            for layer in fitted._flatten_layers()
            if isinstance(layer, keras.layers.Dense)
            for variable in layer.trainable_variables
        ]
        if from_scratch and dense and not settings.group:
            names["dense"] = f"^({'|'.join(map(re.escape, dense))})$"
            settings = dataclasses.replace(settings, group=(DENSE_FROM_SCRATCH,))
        compile_classifier(fitted, settings, names=names)

    def _test(self, classifier: keras.Model) -> float:
        return accuracy_of(classifier, self.data.test(), self.data.test_size)
