"""Training on images that the device holds, as the command trains on Keras' JAX backend."""

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import keras

    from sfp_keras.data import Augmentation, ImageSplit
    from sfp_keras.training import ResidentImages


def resident_training(
    network: "keras.Model",
    split: "ImageSplit",
    scaling: str,
    augmentation: "Augmentation | None",
    batch_size: int,
    steps: int,
) -> "tuple[ResidentImages, Callable[[bool], None]]":
    """The compiled model, and a function that trains it for so many steps.

    Its argument says whether several steps are one call.
    """
    # Here, for the backend is chosen before Keras is imported.
    from sfp_keras.data import parse_scaling
    from sfp_keras.training import (
        SGD,
        CrossEntropy,
        ResidentImages,
        TrainingData,
        curves,
        resident_batches,
    )

    resident = ResidentImages(network, (split,), parse_scaling(scaling))
    optimizer = SGD(0.01, 0.9, 5e-4)
    resident.compile(optimizer, CrossEntropy(), weighted_metrics=curves())
    optimizer.build(network.trainable_variables)

    def train(several: bool) -> None:
        data = TrainingData(
            lambda epoch: resident_batches(split, batch_size, epoch, augmentation),
            steps,
            full_steps=steps if several else None,
        ).together()
        resident.fit(
            data.batches(0), steps_per_epoch=data.steps_per_epoch, shuffle=False, verbose=0
        )

    return resident, train
