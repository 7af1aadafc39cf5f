"""How training images are changed at random."""

import dataclasses

from sfp_keras.settings.field import Checked, section, setting
from sfp_keras.settings.recipe import ImageRecipeSettings

_PHASES = ("train", "heads", "links")


@dataclasses.dataclass(frozen=True)
class AugmentationSettings(Checked):
    """How far training images are changed at random, and where that is done."""

    flip: bool = setting(
        True, "Flip training images horizontally at random.", phases=_PHASES, used="augments"
    )
    shift: int = setting(
        4,
        "Shift training images at random by up to so many whole pixels each way, filled with "
        "mid-grey; efficientnetb0's after it enlarged them.",
        phases=_PHASES,
        low=0,
        used="augments",
    )
    rotation: float = setting(
        2.0,
        "Rotate training images of efficientnetb0 by up to so many degrees.",
        phases=_PHASES,
        low=0,
        below=180,
        used="turns_images",
    )
    shear: float = setting(
        2.0,
        "Shear training images of efficientnetb0 by up to so many degrees.",
        phases=_PHASES,
        low=0,
        below=89,
        used="turns_images",
    )
    images_on: str = setting(
        "auto",
        "Where images are held, flipped, shifted and scaled in phase 1. device: only their numbers "
        "cross to it in a step; the results are the same. auto: on a GPU or TPU of JAX where "
        "training and test images fit in 4 GiB, and none of `resized_crop`, `rand_augment`, "
        "`erasing`, `mixup` and `cutmix`, which are done on the host, is given.",
        choices=("auto", "host", "device"),
    )
    recipe: ImageRecipeSettings = section(ImageRecipeSettings(), used="trains")
