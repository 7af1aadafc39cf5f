"""Ablation: what a stage loses with its filters."""

import dataclasses

from sfp_keras.settings.field import Checked, setting


@dataclasses.dataclass(frozen=True)
class AblationSettings(Checked):
    """Which filters are removed, and which networks are trained with fewer of them."""

    stage: str | None = setting(
        None, "The stage whose filters are removed. Default: the last probed one."
    )
    removed: tuple[int, ...] = setting(
        (),
        "How many filters are removed at random from the head, at test time. Default: eight "
        "numbers up to all but a few.",
        low=0,
        once=True,
    )
    draws: int = setting(10, "Random choices of the removed filters, for each number.", low=1)
    widths: tuple[int, ...] = setting(
        (),
        "Train with so many filters in `ablate_layers`, one network a number. Default: none.",
        low=1,
        once=True,
    )
    layers: tuple[str, ...] = setting(
        (),
        "Layers that `ablate_widths` narrows, by number where the network numbers them, such as "
        "11,12,13, else by name. Default: the stage's.",
        once=True,
    )
