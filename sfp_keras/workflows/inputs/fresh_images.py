"""Augmented images for heads, which pass through the frozen network in every epoch."""

from collections.abc import Callable, Iterator
from typing import Any

import keras
import numpy as np

from sfp_keras.data import training_batches
from sfp_keras.probing.cutting import StageModel
from sfp_keras.training import moved_batches
from sfp_keras.workflows.inputs.building import scaling_inside
from sfp_keras.workflows.inputs.inputs import Inputs
from sfp_keras.workflows.inputs.preprocessing import augmentation_of

Batches = Callable[[int], Iterator[tuple[Any, np.ndarray]]]
# The layers that a network with geometric augmentation begins with, see `build_network`.
_FRONT = ("scale", "enlarge")


def fresh_images(inputs: Inputs, cut: keras.Model) -> tuple[keras.Model, Batches]:
    """What turns a network's training images into augmented batches, and what they are fed to.

    Args:
        inputs: `Inputs`.
        cut: the network cut at its stages.

    Returns:
        The cut model, of a network that moves images itself without the layers that scale and
        enlarge them, for images are turned in between; and a function of the first epoch giving
        endless batches, which are a function of the seed and the epoch.
    """
    experiment, dataset, network = inputs.experiment, inputs.dataset, inputs.network
    size, seed = experiment.heads.training.batch_size, experiment.run.seed
    augmentation = augmentation_of(experiment, dataset)
    if experiment.architecture.augmentation != "geometry":
        return cut, lambda epoch: training_batches(
            dataset.train, size, seed, inputs.scaling, augmentation, first_epoch=epoch
        )
    last = [layer for layer in network.layers if layer.name in _FRONT][-1]
    front = keras.Model(network.inputs[0], last.output)
    body = StageModel(last.output, cut.outputs, name=cut.name)
    body.output_names = list(cut.output_names)
    fill = scaling_inside(experiment, dataset).mid_grey.tolist()
    return body, lambda epoch: moved_batches(
        dataset.train, size, seed, augmentation, front, fill, first_epoch=epoch
    )
