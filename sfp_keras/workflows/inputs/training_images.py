"""How training images reach the device: as images, or as indices of images it holds."""

import keras

from sfp_keras.data import (
    evaluation_batches,
    recipe_batches,
    steps_per_epoch,
    training_batches,
)
from sfp_keras.distribution import accelerated
from sfp_keras.errors import InputError
from sfp_keras.training import (
    ResidentImages,
    TrainingData,
    fits_on_device,
    resident_batches,
    resident_rows,
)
from sfp_keras.workflows.inputs.building import scaling_inside
from sfp_keras.workflows.inputs.inputs import Inputs
from sfp_keras.workflows.inputs.preprocessing import augmentation_of, image_recipe_of


def training_images(inputs: Inputs, network: keras.Model) -> tuple[keras.Model, TrainingData]:
    """What is compiled and fitted, the network or a model around it, and what it is given.

    Args:
        inputs: `Inputs`.
        network: `keras.Model` that is trained.

    Raises:
        InputError: if the images cannot be held on a device.
    """
    experiment, dataset, scaling = inputs.experiment, inputs.dataset, inputs.scaling
    # Some networks move images themselves, with draws of their own.
    inside = experiment.architecture.augmentation == "geometry"
    augmentation = None if inside else augmentation_of(experiment, dataset)
    seed = experiment.run.seed
    size, test_size = experiment.training.batch_size, experiment.heads.inference_batch_size
    train, test = dataset.train, dataset.test
    steps, test_steps = steps_per_epoch(len(train), size), steps_per_epoch(len(test), test_size)
    # A recipe is the network's own training's, also where its links are trained again.
    recipe = image_recipe_of(experiment, dataset) if experiment.trains else None
    if recipe is not None:
        units = scaling_inside(experiment, dataset) if inside else None
        return network, TrainingData(
            lambda epoch: recipe_batches(
                train,
                size,
                seed,
                scaling,
                recipe,
                dataset.num_labels,
                augmentation,
                first_epoch=epoch,
                inside=units,
            ),
            steps,
            lambda: evaluation_batches(test, test_size, scaling),
            test_steps,
        )
    if not _on_device(inputs):
        return network, TrainingData(
            lambda epoch: training_batches(
                train, size, seed, scaling, augmentation, first_epoch=epoch
            ),
            steps,
            lambda: evaluation_batches(test, test_size, scaling),
            test_steps,
        )
    return ResidentImages(network, (train, test), scaling), TrainingData(
        lambda epoch: resident_batches(train, size, seed, augmentation, first_epoch=epoch),
        steps,
        lambda: resident_rows(test.labels, len(train), test_size),
        test_steps,
        len(train) // size,
        len(test) // test_size,
    )


def _on_device(inputs: Inputs) -> bool:
    fit = fits_on_device(inputs.dataset.train, inputs.dataset.test)
    wanted = inputs.experiment.augmentation.images_on
    if wanted == "auto":
        # Measured on no GPU yet; TensorFlow keeps to its own pipeline.
        jax = keras.backend.backend() == "jax"
        return fit and jax and accelerated() and inputs.scaling.function is None
    if wanted == "device" and not fit:
        raise InputError(
            "`images_on`=device: the images are read from disk, or training and test images take "
            "more than 4 GiB; leave it out, or raise `memory_gib` where they fit"
        )
    return wanted == "device"
