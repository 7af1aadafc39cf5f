"""AFCC: a head, or links between layers, zeroed by clusters; what is left is fine-tuned."""

import dataclasses

from sfp_keras.settings.field import Checked, section, setting
from sfp_keras.settings.links import LinkSettings
from sfp_keras.settings.training import FineTuningSettings

# ANDC keeps what AFCC keeps: it is made where it is asked for.
_USUAL = ("clusters", "full", "random", "magnitude")
VARIANTS = (*_USUAL, "diagonal")


@dataclasses.dataclass(frozen=True)
class AfccSettings(Checked):
    """What is zeroed, by which clusters, and how the rest is fine-tuned."""

    stage: str | None = setting(
        None, "The stage whose head is zeroed. Default: the last of the probed stages."
    )
    split: tuple[str, ...] = setting(
        ("train",),
        "Images the clusters come from: train, test, or train,test. The papers take the test "
        "images, on which accuracy is measured too.",
        choices=("train", "test"),
        least=1,
    )
    thresholds: tuple[float, ...] = setting(
        (),
        "Thresholds of the clusters, one after another. Default: `threshold`.",
        low=0,
        below=1,
    )
    variants: tuple[str, ...] = setting(
        _USUAL,
        "What is fine-tuned: clusters (AFCC), and the controls: full (the whole head), random (as "
        "many labels a filter, drawn at random), magnitude (as many weights, the largest). Beside "
        "these diagonal (ANDC), which keeps the same weights as clusters.",
        choices=VARIANTS,
        least=1,
    )
    trainable: tuple[str, ...] = setting(
        ("last",),
        "Layers fine-tuned with the head: last (the last convolution of the stage), head (none), "
        "all (up to the stage), or names of layers.",
        phases=("afcc",),
    )
    training: FineTuningSettings = section(FineTuningSettings())
    links: LinkSettings = section(LinkSettings(), prefix="links_")
