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


# Of trainings whose recipe is no setting of the command.
NO_RECIPE = RecipeSettings()
