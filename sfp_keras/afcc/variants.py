"""The heads that are compared: AFCC's and the controls."""

import dataclasses
from collections.abc import Callable

import numpy as np

from sfp_keras.afcc.masks import magnitude_mask, random_label_mask


@dataclasses.dataclass(frozen=True)
class Variant:
    """A head that is fine-tuned.

    Attributes:
        name: `str`. In commands and in results.csv.
        title: `str`. In tables and figures.
        colour: `str`. In figures; safe for the colour-blind (Okabe and Ito).
        mask: makes the bool (P, F, K) mask of the weights kept, from `cluster_mask`'s mask, the
            head's (P, F, K) weights and a seed; `None` where all weights are kept.
    """

    name: str
    title: str
    colour: str
    mask: Callable[[np.ndarray, np.ndarray, int], np.ndarray] | None = None


# In the order in which they are made.
VARIANTS: dict[str, Variant] = {
    variant.name: variant
    for variant in (
        Variant("clusters", "AFCC", "#0072B2", lambda mask, kernel, seed: mask),
        Variant("full", "full head", "#555555"),
        Variant(
            "random",
            "random labels",
            "#E69F00",
            lambda mask, kernel, seed: random_label_mask(mask, seed),
        ),
        Variant(
            "magnitude",
            "largest weights",
            "#009E73",
            lambda mask, kernel, seed: magnitude_mask(kernel, int(mask.sum())),
        ),
        # The same head: `diagonal_labels` are the labels in clusters.
        Variant("diagonal", "ANDC", "#56B4E9", lambda mask, kernel, seed: mask),
    )
}
