"""The papers' numbers stand beside those of the same experiments alone."""

import pandas as pd
import pytest

from sfp_keras.analyses.catalog.afcc import afcc_table
from sfp_keras.experiment import Experiment
from sfp_keras.workflows.paper_numbers import paper_numbers

EFFICIENTNET = {"model": "efficientnetb0", "dataset": "cifar100"}


@pytest.mark.parametrize(
    ("settings", "num_labels", "stage", "after"),
    [
        ({"model": "vgg16", "dataset": "cifar100"}, 100, "layer10", 0.752),
        ({"model": "vgg16", "dataset": "cifar100"}, 60, "layer10", None),
        ({"model": "vgg16", "dataset": "cifar10"}, 10, "layer10", None),
        ({"model": "vgg16", "dataset": "cifar100", "filters": ("13:9",)}, 100, "layer10", None),
        (EFFICIENTNET, 100, "stage9", 0.873),
        # Its head on stage 8 is of the network without stage 9.
        (EFFICIENTNET, 100, "stage8", None),
        ({**EFFICIENTNET, "stage9": False}, 100, "stage8", 0.868),
        ({**EFFICIENTNET, "stage9": False, "blocks": ("3:1",)}, 100, "stage8", None),
    ],
)
def test_afcc(settings: dict, num_labels: int, stage: str, after: float | None) -> None:
    found = paper_numbers(Experiment.of(**settings), num_labels).afcc
    assert found.get(stage, {}).get("accuracy_after") == after


def test_afcc_at_another_threshold() -> None:
    row = {
        **{"variant": "clusters", "clusters_from": "test", "kept": 1, "total": 2, "epochs": 1},
        **dict.fromkeys(("accuracy_before", "accuracy_zeroed", "accuracy_after"), 0.5),
    }
    results = pd.DataFrame([{**row, "threshold": threshold} for threshold in (0.5, 0.3)])
    paper = paper_numbers(Experiment.of(model="vgg16", dataset="cifar100"), 100).afcc
    assert [bool(of) for of in afcc_table(results, "layer10", paper).paper] == [False, True]


@pytest.mark.parametrize(
    ("dataset", "num_labels", "compared"),
    [("cifar10", 10, True), ("cifar10", 8, False), ("cifar100", 100, False)],
)
def test_removed_filters(dataset: str, num_labels: int, compared: bool) -> None:
    found = paper_numbers(Experiment.of(model="vgg16", dataset=dataset), num_labels)
    assert (found.removed_filters("layer13") is not None) == compared
