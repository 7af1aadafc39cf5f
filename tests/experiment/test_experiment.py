"""The settings of an experiment."""

import json

import pytest

from sfp_keras.experiment import Experiment


@pytest.mark.parametrize(
    ("settings", "changed"),
    [
        ({"model": "vgg16"}, False),
        ({"model": "vgg16", "filters": ("13:350",)}, True),
        # What another kind of network has changes nothing.
        ({"model": "vgg16", "blocks": ("3:1",), "stage9": False, "padding": "same"}, False),
        ({"model": "efficientnetb0", "filters": ("stage9_conv:350",)}, True),
        ({"model": "efficientnetb0", "blocks": ("3:1", "4:1")}, True),
        ({"model": "efficientnetb0", "stage9": False}, True),
        ({"model": "efficientnetb0", "padding": "same"}, True),
        ({"model": "efficientnetb0", "padding": "symmetric"}, False),
        ({"model": "efficientnetb0", "padding": "same", "initial_weights": "imagenet"}, False),
        ({"model": "mine.keras", "filters": ("13:350",)}, False),
    ],
)
def test_a_changed_network_is_known_also_from_its_record(settings: dict, changed: bool) -> None:
    experiment = Experiment.of(**settings)
    assert bool(experiment.changed_options) == changed
    record = {**json.loads(json.dumps(experiment.to_json())), "of_another_version": 1}
    assert Experiment.from_json(record) == experiment


@pytest.mark.parametrize(
    ("settings", "counts"),
    [
        ({"dataset": "digits"}, False),
        ({"dataset": "cifar10"}, False),
        ({"dataset": "cifar10", "only_split": "train"}, True),
        ({"dataset": "folder"}, True),
    ],
)
def test_the_test_fraction_counts_where_images_are_divided(settings: dict, counts: bool) -> None:
    experiment = Experiment.of(**settings, test_fraction=0.4)
    assert ("test_fraction" in experiment.idle) != counts
    assert experiment.settings("train").get("test_fraction") == (0.4 if counts else None)


def test_folders_of_versions_of_a_set_are_told_apart() -> None:
    names = {Experiment.of(dataset=name).directory.name for name in ("mnist:3.0.1", "kmnist:3.0.1")}
    assert names == {"vgg6-mnist_3.0.1-seed0", "vgg6-kmnist_3.0.1-seed0"}
    assert Experiment.of(model="nets.small:net").directory.name == "net-digits-seed0"
