"""An unfinished training of links is known again, whatever other trainings join the command."""

import pytest

from sfp_keras.experiment import Experiment
from sfp_keras.runs.link_files import LinkTraining, ZeroedLinks
from sfp_keras.workflows.phases.links import description_of

ZEROED = ZeroedLinks("alone", ("output",))
CLUSTERS = LinkTraining("clusters", "train", 0.3)
EXPERIMENT = Experiment.of(
    mode="afcc", afcc_links=("output",), afcc_links_variants=("clusters",), weights="w.h5"
)


@pytest.mark.parametrize(
    "joined",
    [
        {"afcc_links_variants": ("clusters", "random_afcc"), "afcc_links_random_labels": 3},
        {"afcc_links_start": ("trained", "scratch"), "afcc_links_scratch_epochs": 7},
        {"afcc_links_seeds": (0, 1), "afcc_thresholds": (0.3, 0.4)},
    ],
)
def test_other_trainings_may_join(joined: dict) -> None:
    both = EXPERIMENT.changed(**joined)
    assert description_of(both, ZEROED, CLUSTERS) == description_of(EXPERIMENT, ZEROED, CLUSTERS)


@pytest.mark.parametrize(
    ("training", "changed"),
    [
        (CLUSTERS, {"afcc_links_lr": 0.5}),
        (CLUSTERS, {"afcc_links_batch_norm": "updating"}),
        (CLUSTERS._replace(start="scratch"), {"afcc_links_scratch_lr": 0.5}),
        (CLUSTERS._replace(start="scratch"), {"flip": False}),
        (LinkTraining("random_afcc"), {"afcc_links_random_labels": 3}),
    ],
)
def test_what_it_reads_must_be_the_same(training: LinkTraining, changed: dict) -> None:
    other = EXPERIMENT.changed(**changed)
    assert description_of(other, ZEROED, training) != description_of(EXPERIMENT, ZEROED, training)
