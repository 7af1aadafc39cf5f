"""Label sets by which a link would keep nothing are refused before anything is trained."""

from types import SimpleNamespace
from typing import Any

import keras
import numpy as np
import pytest

from sfp_keras import FilterClusters
from sfp_keras.afcc import LINK_VARIANTS, ZeroedLink, links
from sfp_keras.errors import InputError
from sfp_keras.runs.link_files import LinkTraining
from sfp_keras.workflows.phases.link_masks import LinkMasks

LABELS = 40


def of_labels(filters: int, label: int | None) -> FilterClusters:
    """Clusters of which the first filter has one, of one label."""
    numbers = np.full((filters, LABELS), -1)
    if label is not None:
        numbers[0, label] = 0
    return FilterClusters(numbers, np.ones((filters, LABELS), int))


def check(variant: str, target: int | None) -> None:
    layers = [keras.layers.Dense(5, name=name) for name in ("a", "b", "out")]
    model = keras.Sequential([keras.Input((4,)), *layers])
    link = links(model)[0]
    clusters = {"a": of_labels(5, 7), "b": of_labels(5, target)}
    zeroed = ZeroedLink(link, layers[1].get_weights()[0], clusters, 0, 1)
    masks: Any = LinkMasks(SimpleNamespace())  # type: ignore[arg-type]
    masks.zeroed = lambda *about: [zeroed]
    images = "train" if LINK_VARIANTS[variant].of_clusters else ""
    masks.check(link, model, LinkTraining(variant, images, 0.3 if images else 0.0))


@pytest.mark.parametrize(
    ("variant", "target", "words"),
    [
        ("clusters", 8, "`afcc_thresholds`: link b, train images: at threshold 0.3"),
        ("magnitude", 8, "use a lower threshold"),
        ("random", 7, "random would keep no weight with seed 0: leave it out"),
        ("random_afcc", 7, "`afcc_links_random_labels`"),
    ],
)
def test_empty_masks_are_refused(variant: str, target: int, words: str) -> None:
    with pytest.raises(InputError) as refused:
        check(variant, target)
    assert words in str(refused.value)


@pytest.mark.parametrize("variant", ["clusters", "magnitude", "published_script", "full"])
def test_one_kernel_is_enough(variant: str) -> None:
    check(variant, 7)
