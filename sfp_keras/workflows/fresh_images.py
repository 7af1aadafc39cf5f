"""Augmented images for heads, through the frozen network anew in every epoch."""

from collections.abc import Callable, Iterator
from typing import Any

import keras
import numpy as np
from keras import ops

from sfp_keras.data import (
    ImageDataset,
    Scaling,
    epoch_order,
    random_words,
    training_batches,
)
from sfp_keras.experiment import Experiment
from sfp_keras.models.geometric import affine_matrices, resample
from sfp_keras.probing.cutting import StageModel
from sfp_keras.workflows.paper_network import scaling_inside
from sfp_keras.workflows.setup import augmentation_of

Batches = Callable[[int], Iterator[tuple[Any, np.ndarray]]]
# The layers that a network with geometric augmentation begins with, see `build_network`.
_FRONT = ("scale", "enlarge")


def fresh_images(
    experiment: Experiment,
    dataset: ImageDataset,
    scaling: Scaling,
    network: keras.Model,
    cut: keras.Model,
) -> tuple[keras.Model, Batches]:
    """What turns a network's training images into augmented batches, and what they are fed to.

    Args:
        experiment: `Experiment`.
        dataset: `ImageDataset`.
        scaling: `Scaling`.
        network: `keras.Model` that is probed.
        cut: the network cut at its stages.

    Returns:
        The cut model, of a network that moves images itself without the layers that scale and
        enlarge them, for images are turned in between; and a function of the first epoch giving
        endless batches, which are a function of the seed and the epoch.
    """
    size = experiment.heads.training.batch_size
    if experiment.architecture.augmentation != "geometry":
        augmentation = augmentation_of(experiment, dataset)
        return cut, lambda first_epoch: training_batches(
            dataset.train, size, experiment.run.seed, scaling, augmentation, first_epoch=first_epoch
        )
    last = [layer for layer in network.layers if layer.name in _FRONT][-1]
    front = keras.Model(network.inputs[0], last.output)
    body = StageModel(last.output, cut.outputs, name=cut.name)
    body.output_names = list(cut.output_names)
    fill = scaling_inside(experiment, dataset).mid_grey.tolist()
    split, seed = dataset.train, experiment.run.seed
    side = front.output_shape[1:3]

    def batches(first_epoch: int) -> Iterator[tuple[Any, np.ndarray]]:
        epoch = first_epoch
        while True:
            order = epoch_order(seed, epoch, len(split))
            matrices = _matrices(experiment, len(split), epoch, side)
            for begin in range(0, len(split), size):
                chosen = order[begin : begin + size]
                images = front(split.read(chosen), training=False)  # It stays on the device.
                yield resample(images, matrices[chosen], fill), split.labels[chosen]
            epoch += 1

    return body, batches


def _matrices(experiment: Experiment, count: int, epoch: int, side: tuple[int, int]) -> np.ndarray:
    """The map of each image in an epoch, (n, 2, 3)."""

    def uniform(what: str) -> np.ndarray:
        words = random_words(count, f"geometry: {what}", experiment.run.seed, epoch)
        return (words >> np.uint64(11)).astype(np.float64) / 2**53

    def whole(what: str) -> np.ndarray:
        return (
            np.floor(uniform(what) * (2 * experiment.augmentation.shift + 1))
            - experiment.augmentation.shift
        )

    return ops.convert_to_numpy(
        affine_matrices(
            *side,
            (uniform("flip") < 0.5) * experiment.augmentation.flip,
            (2 * uniform("rotation") - 1) * experiment.augmentation.rotation,
            (2 * uniform("shear") - 1) * experiment.augmentation.shear,
            whole("right"),
            whole("down"),
        )
    )
