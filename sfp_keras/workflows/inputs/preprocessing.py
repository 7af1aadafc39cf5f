"""What images go through before the network gets them."""

from sfp_keras.data import (
    UNSCALED,
    Augmentation,
    GeometricAugmentation,
    ImageDataset,
    Scaling,
    parse_scaling,
)
from sfp_keras.errors import InputError
from sfp_keras.experiment import Experiment


def scaling_of(experiment: Experiment, dataset: ImageDataset) -> Scaling:
    """`scaling`, with the training set's statistics where it asks for them."""
    if experiment.architecture.augmentation == "geometry":
        return UNSCALED  # The network does it, so that small uint8 images cross to the device.
    return parse_scaling(experiment.network_scaling, dataset.train)


def augmentation_of(experiment: Experiment, dataset: ImageDataset) -> Augmentation:
    """What is drawn for training images, of which `shift` must leave something."""
    height, width, _ = dataset.image_shape
    architecture = experiment.architecture
    options = architecture.read(experiment.network.options)
    side = architecture.enlarged(options, dataset.image_shape) or min(height, width)
    drawn = experiment.augmentation
    if drawn.shift >= side:
        raise InputError(
            f"`shift`={drawn.shift} moves images of {side}x{side} pixels out of sight; make it "
            f"smaller than {side}"
        )
    if architecture.augmentation == "geometry":
        return GeometricAugmentation(drawn.flip, drawn.shift, drawn.rotation, drawn.shear)
    return Augmentation(drawn.flip, drawn.shift)
