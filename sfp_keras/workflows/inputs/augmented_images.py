"""Augmented images for heads: new ones in every epoch, or some versions that are kept."""

import dataclasses
import itertools
from collections.abc import Iterator
from typing import Any, Protocol

import keras
import numpy as np

from sfp_keras.data import steps_per_epoch, training_batches
from sfp_keras.probing.cutting import StageModel
from sfp_keras.progress import Progress
from sfp_keras.training import moved_batches
from sfp_keras.workflows.inputs.batches import Batches
from sfp_keras.workflows.inputs.building import scaling_inside
from sfp_keras.workflows.inputs.inputs import Inputs
from sfp_keras.workflows.inputs.preprocessing import augmentation_of

# The layers that a network with geometric augmentation begins with, see `build_network`.
_FRONT = ("scale", "enlarge")


class _Epochs(Protocol):
    def __call__(
        self, first_epoch: int, batch_size: int, *, shuffled: bool
    ) -> Iterator[tuple[Any, np.ndarray]]: ...


@dataclasses.dataclass(frozen=True)
class AugmentedImages:
    """What turns a network's training images into augmented batches, and what they are fed to.

    Attributes:
        cut: the cut model, of a network that moves images itself without the layers that scale and
            enlarge them, for images are turned in between.
        front: those layers; `None` where there are none.
        count: `int`. Number of training images.
        batch_size: `int`. Of heads in training.
        pass_size: `int`. Images a pass through the network where nothing is trained.
        epochs: a function of the first epoch, the batch size, and of whether an epoch has an order
            of its own, giving endless batches, whose images are functions of the seed and the
            epoch.
    """

    cut: keras.Model
    front: keras.Model | None
    count: int
    batch_size: int
    pass_size: int
    epochs: _Epochs

    @property
    def steps(self) -> int:
        """Batches of an epoch."""
        return steps_per_epoch(self.count, self.batch_size)

    def batches(self, first_epoch: int) -> Iterator[tuple[Any, np.ndarray]]:
        """Endless batches from an epoch on, each epoch in an order of its own."""
        return self.epochs(first_epoch, self.batch_size, shuffled=True)

    def versions(self, phase: str, number: int) -> Batches:
        """One pass over the images of the first epochs, each in the order of the split.

        Args:
            phase: `str`. What the pass is for, in the progress.
            number: `int`. Of epochs.

        Returns:
            A function of the first row giving the batches from there on. What comes before it in
            its epoch is read and augmented, and left out.
        """

        def batches(first: int) -> Iterator[tuple[Any, np.ndarray]]:
            epoch, row = divmod(first, self.count)
            step, begun = divmod(row, self.pass_size)
            left = steps_per_epoch(self.count, self.pass_size) * (number - epoch)
            given = self.epochs(epoch, self.pass_size, shuffled=False)
            return Progress(phase).over(
                _without(begun, itertools.islice(given, step, left)),
                number * self.count,
                begin=first,
                size=lambda batch: len(batch[1]),
                unit="images",
            )

        return batches

    def still(self, batches: Batches) -> Batches:
        """Batches of images as they are, in the form in which `cut` takes them."""
        front = self.front
        if front is None:
            return batches
        return lambda first: ((front(images), labels) for images, labels in batches(first))


def _without(
    begun: int, batches: Iterator[tuple[Any, np.ndarray]]
) -> Iterator[tuple[Any, np.ndarray]]:
    """Batches without the first images of the first one."""
    for images, labels in batches:
        yield images[begun:], labels[begun:]
        begun = 0


def augmented_images(inputs: Inputs, cut: keras.Model) -> AugmentedImages:
    """The augmented training images of an experiment's heads.

    Args:
        inputs: `Inputs`.
        cut: the network cut at its stages.

    Returns:
        `AugmentedImages`.
    """
    experiment, dataset, network = inputs.experiment, inputs.dataset, inputs.network
    count, heads = len(dataset.train), experiment.heads
    sizes = heads.training.batch_size, heads.inference_batch_size
    seed, augmentation = experiment.run.seed, augmentation_of(experiment, dataset)
    if experiment.architecture.augmentation != "geometry":

        def shifted(
            first_epoch: int, batch_size: int, *, shuffled: bool
        ) -> Iterator[tuple[Any, np.ndarray]]:
            return training_batches(
                dataset.train,
                batch_size,
                seed,
                inputs.scaling,
                augmentation,
                first_epoch,
                shuffled=shuffled,
            )

        return AugmentedImages(cut, None, count, *sizes, shifted)
    last = [layer for layer in network.layers if layer.name in _FRONT][-1]
    front = keras.Model(network.inputs[0], last.output)
    body = StageModel(last.output, cut.outputs, name=cut.name)
    body.output_names, body.views = list(cut.output_names), cut.views
    fill = scaling_inside(experiment, dataset).mid_grey.tolist()

    def moved(
        first_epoch: int, batch_size: int, *, shuffled: bool
    ) -> Iterator[tuple[Any, np.ndarray]]:
        return moved_batches(
            *(dataset.train, batch_size, seed, augmentation, front, fill, first_epoch),
            shuffled=shuffled,
        )

    return AugmentedImages(body, front, count, *sizes, moved)
