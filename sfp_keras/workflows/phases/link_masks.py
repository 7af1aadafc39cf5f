"""Masks of links, from the measured clusters of their stages."""

from collections.abc import Mapping, Sequence

import keras
import numpy as np

from sfp_keras.afcc import LINK_VARIANTS, Link, ZeroedLink, short_mask
from sfp_keras.errors import InputError
from sfp_keras.filters import FilterClusters, find_clusters
from sfp_keras.layers import MaskedKernel
from sfp_keras.models.rebuilding import layers_by_path
from sfp_keras.runs.link_files import LinkTraining
from sfp_keras.workflows.session import ProbeSession


class LinkMasks:
    """Makes the masks of every variant.

    Args:
        session: `ProbeSession` whose stages are measured.
    """

    def __init__(self, session: ProbeSession):
        self.session = session
        self._clusters: dict[tuple[str, float], Mapping[str, FilterClusters]] = {}

    def clusters(self, images: str, threshold: float) -> Mapping[str, FilterClusters]:
        """The clusters of every stage, by its path."""
        if (images, threshold) not in self._clusters:
            measured = {
                stage.path: self.session.measurement(stage.name, images)
                for stage in self.session.stages
            }
            self._clusters[images, threshold] = {
                path: find_clusters(of.fields, threshold) for path, of in measured.items()
            }
        return self._clusters[images, threshold]

    def zeroed(
        self, links: Sequence[Link], network: keras.Model, training: LinkTraining
    ) -> list[ZeroedLink]:
        """Links of a network as it is now, with the clusters of the network as it was."""
        experiment = self.session.experiment
        layers = layers_by_path(network)
        images = training.images or experiment.afcc.split[0]
        threshold = training.threshold if training.images else experiment.analysis.threshold
        clusters = self.clusters(images, threshold)
        count = experiment.afcc.links.random_labels
        return [
            ZeroedLink(link, layers[link.layer].get_weights()[0], clusters, training.seed, count)
            for link in links
        ]

    def check(self, link: Link, network: keras.Model, training: LinkTraining) -> None:
        """Refuse a training whose label sets would keep nothing of a link.

        Raises:
            InputError: naming the link.
        """
        (one,) = self.zeroed([link], network, training)
        of = f"link {link.name}, {training.images} images: at threshold {training.threshold:g} "
        if training.images and not one.kept:
            raise InputError(
                f"`afcc_thresholds`: {of}its filters share no label, so AFCC would keep no weight: "
                "use a lower threshold"
            )
        variant = LINK_VARIANTS[training.variant]
        if variant.of_labels and variant.masks is not None and not variant.masks([one])[0].any():
            raise InputError(
                f"`afcc_links_variants`: {of if training.images else f'link {link.name}: '}"
                f"{variant.name} would keep no weight with seed {training.seed}: leave it out, or "
                "give filters more labels by "
                + ("a lower threshold" if training.images else "`afcc_links_random_labels`")
            )


def masks_of(zeroed: Sequence[ZeroedLink], variant: str) -> dict[str, np.ndarray]:
    """The masks of a variant by the paths of layers; empty where all weights are kept."""
    make = LINK_VARIANTS[variant].masks
    masks = make(zeroed) if make is not None else []
    return {one.link.layer: short_mask(mask) for one, mask in zip(zeroed, masks, strict=False)}


def masks_in(network: keras.Model) -> dict[str, np.ndarray]:
    """The masks of a network's layers, by path."""
    return {
        path: short_mask(layer.mask)
        for path, layer in layers_by_path(network).items()
        if isinstance(layer, MaskedKernel) and layer.mask is not None
    }


def shares(
    zeroed: Sequence[ZeroedLink], network: keras.Model, variant: str
) -> dict[str, float | int | None]:
    """Weights of links that a network's masks keep, and the share that random labels would."""
    masks = masks_in(network)
    sizes = [one.kernel.size for one in zeroed]
    kept = sum(
        one.kernel.size
        if one.link.layer not in masks
        else int(np.broadcast_to(masks[one.link.layer], one.kernel.shape).sum())
        for one in zeroed
    )
    expected = None
    if masks:
        labels = zeroed[0].random_labels if variant == "random_afcc" else None
        expected = np.average([one.expected_share(labels) for one in zeroed], weights=sizes)
    return {
        "kept": kept,
        "total": sum(sizes),
        "share": kept / sum(sizes),
        "expected_share": expected,
    }
