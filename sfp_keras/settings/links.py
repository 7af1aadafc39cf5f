"""AFCC between layers: links are zeroed where filters share no label, and the rest is trained."""

import dataclasses
from typing import Any

from sfp_keras.settings.field import Checked, section, setting
from sfp_keras.settings.recipe import NO_RECIPE, RecipeSettings
from sfp_keras.settings.training import PRECISIONS, TrainingSettings

# ANDC keeps what AFCC keeps: it is made where it is asked for.
_USUAL = (
    *("clusters", "full", "random", "random_kernels", "magnitude", "magnitude_kernels"),
    *("magnitude_global", "l1_structured", "published_script", "random_afcc"),
)
LINK_VARIANTS = (*_USUAL, "diagonal")
LINKS_HOW = ("alone", "sequence", "together")
_PHASE = ("links",)
# Of the two ways to train, which an experiment may have both.
_FINE_TUNING: dict[str, Any] = {"phases": _PHASE, "used": "fine_tunes_links"}
_FROM_SCRATCH: dict[str, Any] = {"phases": _PHASE, "used": "trains_links_from_scratch"}


@dataclasses.dataclass(frozen=True)
class LinkTrainingSettings(TrainingSettings):
    """How a network is fine-tuned after a link was zeroed: its two layers alone are trained.

    The defaults are those of paper 2501.12880 for VGG-11, from its published script; how many
    epochs it trains is not said.
    """

    epochs: int | None = setting(
        10, "Epochs of fine-tuning after links are zeroed.", low=0, **_FINE_TUNING
    )
    # No setting of the command: the decay is written for `epochs`.
    schedule_epochs: int | None = None
    batch_size: int = setting(
        100, "Images a step of fine-tuning, and of training from scratch.", phases=_PHASE, low=1
    )
    lr: float = setting(0.01, "Learning rate of fine-tuning links.", low=0, **_FINE_TUNING)
    momentum: float = setting(
        0.95, "Momentum of fine-tuning links.", low=0, below=1, **_FINE_TUNING
    )
    l2: float = setting(1e-3, "L2 of fine-tuning links.", low=0, **_FINE_TUNING)
    decay: str = setting("none", "Decay of the learning rate, as `decay`.", **_FINE_TUNING)
    # No settings of the command.
    group: tuple[str, ...] = ()
    recipe: RecipeSettings = NO_RECIPE
    precision: str = setting(
        "float32",
        "Arithmetic of fine-tuning links, and of training from scratch; accuracies are float32's.",
        phases=_PHASE,
        choices=PRECISIONS,
    )


@dataclasses.dataclass(frozen=True)
class ScratchSettings(TrainingSettings):
    """How a network with zeroed links is trained from random weights.

    The defaults are those of the published script of paper 2501.12880 for VGG-11: convolutions
    decay, dense layers keep a learning rate of their own.
    """

    epochs: int | None = setting(
        260, "Epochs from scratch; the decay is scaled to them.", low=1, **_FROM_SCRATCH
    )
    # No settings of the command.
    schedule_epochs: int | None = 260
    batch_size: int = 100
    lr: float = setting(0.028, "Learning rate from scratch.", low=0, **_FROM_SCRATCH)
    momentum: float = setting(0.9175, "Momentum from scratch.", low=0, below=1, **_FROM_SCRATCH)
    l2: float = setting(1e-3, "L2 from scratch.", low=0, **_FROM_SCRATCH)
    decay: str = setting(
        "0.6/20", "Decay of the learning rate from scratch, as `decay`.", **_FROM_SCRATCH
    )
    group: tuple[str, ...] = setting(
        (),
        "Hyperparameters of some variables from scratch, as `group`. Default: a constant learning "
        "rate of 0.01 for dense layers.",
        repeated=True,
        **_FROM_SCRATCH,
    )
    # No settings of the command.
    precision: str = "float32"
    recipe: RecipeSettings = NO_RECIPE


@dataclasses.dataclass(frozen=True)
class LinkSettings(Checked):
    """Which links are zeroed, what is compared, and how what is left is trained.

    Attributes:
        names: links by their names; `all` for every link of the network; empty for AFCC of a
            head.
        how: several of `alone`, `sequence` and `together`.
        variants: what is kept.
        start: several of `trained` and `scratch`.
        batch_norm: `frozen` or `updating`.
        random_labels: labels of each filter in Random AFCC.
        seeds: of random masks, of the order of images, and of initial weights; empty for the
            run's.
        training: fine-tuning.
        scratch: training from scratch.
    """

    names: tuple[str, ...] = setting(
        (),
        "AFCC between layers: the links to zero where their filters share no label, each named "
        "after the layer whose kernel it is (layer8: between layers 7 and 8; output: between the "
        "last layer and the labels); all for every link. Default: none, a head is zeroed.",
        flag="afcc_links",
        once=True,
    )
    how: tuple[str, ...] = setting(
        ("alone",),
        "alone: each link is zeroed in the network as it was. sequence: one after another from the "
        "output side, each fine-tuned before the next is zeroed. together: all of them at once. "
        "May be several.",
        choices=LINKS_HOW,
        least=1,
    )
    variants: tuple[str, ...] = setting(
        _USUAL,
        "What is kept of a link: clusters (AFCC), and controls: full (all, fine-tuned alike), "
        "random (as many labels a filter, drawn at random), random_kernels (as many kernels), "
        "magnitude (as many weights, the largest of the link), magnitude_kernels (as many kernels, "
        "the largest), magnitude_global (the largest of all links together), l1_structured (the "
        "filters with the largest weights, whole), published_script (its slip), random_afcc "
        "(`afcc_links_random_labels` labels a filter). Beside these diagonal (ANDC), which keeps "
        "the same weights as clusters.",
        choices=LINK_VARIANTS,
        least=1,
    )
    start: tuple[str, ...] = setting(
        ("trained",),
        "Weights before fine-tuning: trained, or scratch: random ones, all of which are trained "
        "under the masks. May be both.",
        choices=("trained", "scratch"),
        least=1,
    )
    batch_norm: str = setting(
        "frozen",
        "Batch norm in fine-tuning links. frozen: in inference mode; images pass once through the "
        "layers that are not trained, and are not augmented. updating: its statistics move in the "
        "whole network, on augmented images, as the paper's authors ran it.",
        choices=("frozen", "updating"),
        phases=_PHASE,
    )
    random_labels: int = setting(
        5,
        "Labels of each filter in the variant random_afcc.",
        phases=_PHASE,
        low=1,
        used="draws_labels_of_links",
    )
    seeds: tuple[int, ...] = setting(
        (),
        "Seeds of random masks, of the order of images, and of weights from scratch, one after "
        "another. Default: `seed`.",
        low=0,
        once=True,
    )
    training: LinkTrainingSettings = section(LinkTrainingSettings())
    scratch: ScratchSettings = section(ScratchSettings(), prefix="scratch_")
