"""What images go through before the network gets them."""

from sfp_keras.data import (
    UNSCALED,
    Augmentation,
    Erasing,
    GeometricAugmentation,
    ImageDataset,
    ImageRecipe,
    Mixing,
    RandAugment,
    ResizedCrop,
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


def image_recipe_of(experiment: Experiment, dataset: ImageDataset) -> ImageRecipe | None:
    """What the recipe does to training images; `None` where it does nothing.

    Raises:
        InputError: if it is not for the images, or these are to be held on the device.
    """
    settings = experiment.augmentation.recipe
    crop = settings.resized_crop != 1
    mixing = settings.mixup > 0 or settings.cutmix > 0
    recipe = ImageRecipe(
        ResizedCrop(settings.resized_crop) if crop else None,
        RandAugment(settings.rand_augment, settings.rand_magnitude, settings.rand_magnitude_std)
        if settings.rand_augment
        else None,
        Erasing(settings.erasing) if settings.erasing else None,
        Mixing(settings.mixup, settings.cutmix) if mixing else None,
    )
    if recipe == ImageRecipe():
        return None
    recipe.check(dataset.train)
    if experiment.augmentation.images_on == "device":
        given = ("resized_crop",) * crop + tuple(
            name
            for name in ("rand_augment", "erasing", "mixup", "cutmix")
            if getattr(settings, name)
        )
        raise InputError(
            f"`images_on`=device: {' and '.join(f'`{name}`' for name in given)} "
            f"{'are' if len(given) > 1 else 'is'} done on the host; leave `images_on` out"
        )
    return recipe
