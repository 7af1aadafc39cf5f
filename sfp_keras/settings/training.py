"""How something is trained: the network, the heads of its stages, or what AFCC leaves of them."""

import dataclasses

from sfp_keras.errors import InputError
from sfp_keras.settings.field import Checked, section, setting
from sfp_keras.settings.recipe import NO_RECIPE, RecipeSettings

PRECISIONS = ("float32", "mixed_bfloat16")


@dataclasses.dataclass(frozen=True)
class TrainingSettings(Checked):
    """Stochastic gradient descent with Nesterov momentum, coupled L2 and a step decay; or AdamW.

    The defaults are those of phase 1, the training of a network; heads and fine-tuning have their
    own in subclasses, and the papers' recipe.

    Attributes:
        epochs: `int`, or `None` for `schedule_epochs`. The decay is scaled to them.
        schedule_epochs: `int`. The number of epochs `decay` is written for; `None` for `epochs`.
        batch_size: `int`. Images a step.
        lr: `float`. The learning rate at epoch 0, the papers' eta.
        momentum: `float` in [0, 1). The papers' mu.
        l2: `float`. The papers' alpha, PyTorch's `weight_decay`.
        decay: `str`. As `parse_decay` of `sfp_keras.training` reads it: `0.65/20`, `cosine` or
            `none`.
        group: tuple of `str`, as `parse_group` of `sfp_keras.training` reads them. Hyperparameters
            of some variables; the first that matches counts.
        precision: `str`. `float32` or `mixed_bfloat16`.
        recipe: `RecipeSettings`. Another optimiser, warm-up, cool-down, label smoothing.

    Raises:
        InputError: if a number is out of its bounds, or there are no epochs at all.

    Example:
        >>> TrainingSettings(epochs=30, lr=0.0145, decay="0.6/20")
    """

    epochs: int | None = setting(
        None,
        "Epochs of phase 1. The decay is scaled to them. Default: `schedule_epochs`.",
        phases=("train",),
        low=1,
    )
    schedule_epochs: int | None = setting(
        100, "The number of epochs `decay` is written for.", phases=("train",), low=1
    )
    batch_size: int = setting(100, "Images a training step.", phases=("train",), low=1)
    lr: float = setting(
        0.01, "Learning rate at epoch 0 (the papers' eta).", phases=("train",), low=0
    )
    momentum: float = setting(
        0.9,
        "Nesterov momentum (mu).",
        phases=("train",),
        low=0,
        below=1,
        used="trains_by_sgd",
    )
    l2: float = setting(
        5e-4,
        "L2 (alpha), coupled as PyTorch's weight_decay, on every trainable variable.",
        phases=("train",),
        low=0,
        used="trains_by_sgd",
    )
    decay: str = setting(
        "none",
        "Decay of the learning rate, q/dt: times q every dt epochs. Phases are separated by "
        "commas, each but the last with its end; +n shifts the drops: 0.65/20<=140,0.55/20 or "
        "0.65/20+10<=150,0.55/20+10. Or cosine: half a cosine from `lr` to `min_lr`.",
        phases=("train",),
    )
    group: tuple[str, ...] = setting(
        (),
        "Hyperparameters of some variables, as in `group`='fc: lr=0.002 momentum=0.975 l2=0.0012 "
        "decay=0.65/20'; of AdamW: lr, weight_decay and decay. Keys left out come from `lr`, "
        "`momentum`, `l2`, `weight_decay` and `decay`, and lr=x0.1 is a tenth of `lr`. The name is "
        "fc, conv, or a regular expression searched in the "
        "variables' paths. May be "
        "given several times; the first match counts.",
        phases=("train",),
        repeated=True,
    )
    precision: str = setting(
        "float32",
        "Precision of phase 1; probing is float32, without TensorFloat-32 on a GPU.",
        phases=("train",),
        choices=PRECISIONS,
    )
    recipe: RecipeSettings = section(RecipeSettings())

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.epochs is None and self.schedule_epochs is None:
            raise InputError("`epochs`: a training without `schedule_epochs` needs a number")

    @property
    def total_epochs(self) -> int:
        """The number of epochs trained: `epochs`, or the schedule's."""
        return self.schedule_length if self.epochs is None else self.epochs

    @property
    def schedule_length(self) -> int:
        """The number of epochs the decay is written for: `schedule_epochs`, or `epochs`."""
        length = self.epochs if self.schedule_epochs is None else self.schedule_epochs
        assert length is not None  # See __post_init__.
        return length


@dataclasses.dataclass(frozen=True)
class HeadSettings(TrainingSettings):
    """How heads are trained; the defaults are paper 2's for VGG-16 on CIFAR-100.

    A `group` is called by the stage whose head it is of: `layer2: lr=0.01 l2=1e-6`. Heads are
    float32.
    """

    epochs: int | None = setting(
        None,
        "Epochs of the heads; their decay is scaled to them. Default: `head_schedule_epochs`.",
        phases=("heads",),
        low=1,
    )
    schedule_epochs: int | None = setting(
        100, "The number of epochs `head_decay` is written for.", phases=("heads",), low=1
    )
    batch_size: int = setting(100, "Images a step of the heads.", phases=("heads",), low=1)
    lr: float = setting(0.005, "Learning rate of the heads at epoch 0.", phases=("heads",), low=0)
    momentum: float = setting(0.975, "Momentum of the heads.", phases=("heads",), low=0, below=1)
    l2: float = setting(1.5e-5, "L2 of the heads.", phases=("heads",), low=0)
    decay: str = setting(
        "0.65/20", "Decay of the heads' learning rate, as `decay`.", phases=("heads",)
    )
    # Of no phase: a run directory keeps it for each stage, so that further stages may differ.
    group: tuple[str, ...] = setting(
        (),
        "Hyperparameters of one stage's head, as in `head_group`='layer2: lr=0.01 l2=1e-6'.",
        repeated=True,
    )
    # No settings of the command.
    precision: str = "float32"
    recipe: RecipeSettings = NO_RECIPE


@dataclasses.dataclass(frozen=True)
class FineTuningSettings(TrainingSettings):
    """How a head zeroed outside its clusters is fine-tuned, with the layers before it.

    The defaults are paper 2's for VGG-16. Accuracies are float32's with any `precision`.
    """

    epochs: int | None = setting(10, "Epochs of fine-tuning.", phases=("afcc",), low=0)
    # No setting of the command: the decay is written for `epochs`.
    schedule_epochs: int | None = None
    batch_size: int = setting(100, "Images a step of fine-tuning.", phases=("afcc",), low=1)
    lr: float = setting(1e-5, "Learning rate of fine-tuning.", phases=("afcc",), low=0)
    momentum: float = setting(0.9, "Momentum of fine-tuning.", phases=("afcc",), low=0, below=1)
    l2: float = setting(0.015, "L2 of fine-tuning.", phases=("afcc",), low=0)
    decay: str = setting("none", "Decay of the learning rate, as `decay`.", phases=("afcc",))
    group: tuple[str, ...] = setting(
        (),
        "Hyperparameters of some variables in fine-tuning, as `group`.",
        phases=("afcc",),
        repeated=True,
    )
    precision: str = setting(
        "float32",
        "Arithmetic of fine-tuning; accuracies are float32's.",
        phases=("afcc",),
        choices=PRECISIONS,
    )
    # No settings of the command.
    recipe: RecipeSettings = NO_RECIPE
