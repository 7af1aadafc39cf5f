"""Sweeps: the whole procedure for several numbers of labels and seeds."""

import dataclasses

from sfp_keras.settings.field import Checked, setting


@dataclasses.dataclass(frozen=True)
class SweepSettings(Checked):
    """The members of a sweep, and the stage that is drawn of them."""

    labels: tuple[int, ...] = setting(
        (),
        "Numbers of labels K, each with a network of its own, such as 20,40,60,100.",
        low=2,
        once=True,
    )
    seeds: tuple[int, ...] = setting(
        (0,),
        "Seeds; each draws its own labels (nested over K), weights and order of images.",
        low=0,
        once=True,
    )
    stage: str | None = setting(
        None,
        "The stage whose error is shown against K. Default: the paper's (layer10 of VGG-16), else "
        "the last.",
    )
