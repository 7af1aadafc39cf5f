"""How phase 1 trains where it does not train as the papers' convolutional networks do."""

import dataclasses

from sfp_keras.settings.field import Checked, setting

OPTIMIZERS = ("sgd", "adamw")
_PHASES = ("train",)


@dataclasses.dataclass(frozen=True)
class RecipeSettings(Checked):
    """The recipe of vision transformers: AdamW, warm-up, cosine with cool-down, smooth labels.

    The defaults change nothing. Epochs are those of the whole schedule, `schedule_epochs`, and are
    scaled with it where fewer or more are trained.

    Attributes:
        optimizer: `str`. `sgd` or `adamw`.
        weight_decay: `float`. Of AdamW, decoupled; not of biases and scales (variables with one
            axis).
        warmup_epochs: `int`. Epochs at the beginning in which the learning rate rises.
        warmup_lr: `float`. The learning rate that it rises from.
        min_lr: `float`. Where the cosine ends.
        cooldown_epochs: `int`. Epochs at the end that stay at `min_lr`.
        label_smoothing: `float` in [0, 1). Share of a label that is spread over all K.
    """

    optimizer: str = setting(
        "sgd",
        "sgd: Nesterov momentum with coupled L2. adamw: Adam with decoupled `weight_decay`.",
        phases=_PHASES,
        choices=OPTIMIZERS,
        newer=True,
    )
    weight_decay: float = setting(
        0.01,
        "Weight decay of AdamW: each step takes lr times so much off every weight, but not off "
        "biases and the scales of normalization.",
        phases=_PHASES,
        low=0,
        used="trains_by_adamw",
    )
    warmup_epochs: int = setting(
        0,
        "Of `schedule_epochs`, the first ones in which the learning rate rises evenly to what it "
        "is without a warm-up, from `warmup_lr` to `lr`.",
        phases=_PHASES,
        low=0,
        newer=True,
    )
    warmup_lr: float = setting(
        1e-6,
        "Learning rate at epoch 0 of a warm-up.",
        phases=_PHASES,
        low=0,
        used="warms_up",
    )
    min_lr: float = setting(
        0.0,
        "Learning rate where `decay`=cosine ends.",
        phases=_PHASES,
        low=0,
        used="decays_by_cosine",
    )
    cooldown_epochs: int = setting(
        0,
        "Of `schedule_epochs`, the last ones, which stay at `min_lr`.",
        phases=_PHASES,
        low=0,
        used="decays_by_cosine",
    )
    label_smoothing: float = setting(
        0.0,
        "Share of a training image's label that is spread evenly over all labels in the loss.",
        phases=_PHASES,
        low=0,
        below=1,
        newer=True,
    )


@dataclasses.dataclass(frozen=True)
class ImageRecipeSettings(Checked):
    """How the recipe of vision transformers changes training images at random, and mixes them.

    The defaults change nothing. All is done on the host, each draw a function of the seed, the
    epoch, and the image or batch.

    Attributes:
        resized_crop: `float` in (0, 1]. Least share of an image's area that is cut out and
            resized; 1 for none.
        rand_augment: `int`. Operations of RandAugment on each image.
        rand_magnitude: `float` from 0 to 10. How strong they are.
        rand_magnitude_std: `float`. Standard deviation of that strength.
        erasing: `float` from 0 to 1. Share of the images of which a rectangle becomes noise.
        mixup: `float`. alpha of the Beta distribution that two images' shares are drawn from.
        cutmix: `float`. The same of the areas of two images.
    """

    resized_crop: float = setting(
        1.0,
        "Cut out a random part of each training image, of at least this share of its area and an "
        "aspect of 3/4 to 4/3, and resize it by bicubic interpolation. Above 0; 1: none. In place "
        "of shifts, give `shift`=0 too.",
        phases=_PHASES,
        above=0,
        high=1,
        newer=True,
    )
    rand_augment: int = setting(
        0,
        "Operations of RandAugment on each training image, each done half of the time: 15 kinds "
        "of contrast, colour, sharpness, rotation, shear and shift.",
        phases=_PHASES,
        low=0,
        high=100,
        newer=True,
    )
    rand_magnitude: float = setting(
        9.0,
        "Strength of RandAugment, 0 to 10.",
        phases=_PHASES,
        low=0,
        high=10,
        used="rand_augments",
    )
    rand_magnitude_std: float = setting(
        0.5,
        "Standard deviation of RandAugment's strength, drawn for each operation.",
        phases=_PHASES,
        low=0,
        used="rand_augments",
    )
    erasing: float = setting(
        0.0,
        "Share of the training images of which a rectangle, 1/50 to 1/3 of the area, is replaced "
        "by noise: numbers of mean 0 and standard deviation 1 among the scaled pixels.",
        phases=_PHASES,
        low=0,
        high=1,
        newer=True,
    )
    mixup: float = setting(
        0.0,
        "alpha of mixup: the images of a batch, and their labels, are averaged with those of the "
        "batch in reverse order, with a share of Beta(alpha, alpha). 0: none. Beside `cutmix`, "
        "each batch has one of them, either half of the time.",
        phases=_PHASES,
        low=0,
        newer=True,
    )
    cutmix: float = setting(
        0.0,
        "alpha of cutmix: a rectangle of each image is that of the batch in reverse order; areas "
        "and shares of labels are of Beta(alpha, alpha). 0: none.",
        phases=_PHASES,
        low=0,
        newer=True,
    )


# Of trainings whose recipe is no setting of the command.
NO_RECIPE = RecipeSettings()
