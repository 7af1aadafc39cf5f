"""The papers' numbers are found by their experiment, and each says where it is from."""

import re

import pytest

from sfp_keras.papers import measured_as_papers, paper_numbers, paper_sweep
from sfp_keras.papers.source import file_content

GROUPS = ("layers", "cluster_sizes", "fields", "label_means", "afcc", "removal")


def test_numbers_as_the_papers_print_them() -> None:
    assert paper_numbers("vgg16", "cifar100", 20).layers["layer13"]["accuracy"] == 0.9115
    assert paper_numbers("vgg16", "cifar10", 10).layers["layer13"] == {
        "filters": 512, "accuracy": 0.94, "noise": 1.5, "clusters": 1, "cluster_size": 2.88,
    }  # fmt: skip
    assert paper_numbers("vgg6", "cifar10", 10).layers["layer5"]["noise"] == 3.14
    removal = paper_numbers("vgg16", "cifar10", 10).removed_filters("layer13")
    assert removal is not None
    assert (removal.removed, removal.trained[350]) == (150, "unchanged")
    sweep = paper_sweep("efficientnetb0", "cifar100")
    assert sweep is not None
    assert sweep.row("stage9", 20)["accuracy"] == 0.973  # type: ignore[index]


@pytest.mark.parametrize(
    ("blocks", "accuracy"),
    [
        (("3:1", "4:1"), 0.864),
        (["4:1", "3:1"], 0.864),
        ({3: 1, 4: 1}, 0.864),
        (("5:2",), 0.862),
        (("5:1",), None),
        (("3:1",), None),
    ],
)
def test_options_are_compared_by_what_they_mean(blocks: object, accuracy: float | None) -> None:
    found = paper_numbers("efficientnetb0", "cifar100", 100, {"blocks": blocks})
    assert found.layers.column("accuracy").get("stage9") == accuracy


@pytest.mark.parametrize(
    ("model", "dataset", "labels", "options"),
    [
        ("vgg16", "cifar100", 30, {}),
        ("mine.keras", "folder", 10, {}),
        ("vgg16", "cifar10", 10, {"filters": ("13:100",)}),
        ("efficientnetb0", "cifar100", 100, {"stage9": False, "blocks": ("3:1",)}),
    ],
)
def test_other_experiments_have_none(model: str, dataset: str, labels: int, options: dict) -> None:
    found = paper_numbers(model, dataset, labels, options)
    assert not any(getattr(found, group) for group in GROUPS)
    assert found.layer_row("layer13") is None
    assert found.removed_filters("layer13") is None


def test_every_number_has_a_source_and_stands_once() -> None:
    entries = file_content()["experiments"]
    keys = [str([e["model"], e["dataset"], e["labels"], e.get("options")]) for e in entries]
    assert len(set(keys)) == len(keys)
    for entry in entries:
        of = (entry["model"], entry["dataset"], entry["labels"], entry.get("options"))
        found = paper_numbers(*of)
        groups = [getattr(found, name) for name in GROUPS if getattr(found, name)]
        assert groups
        for group in groups:
            assert re.search(r"arXiv:\d{4}\.\d{5}", group.source.paper)
            assert re.search("Table|Figure|section|discussion", group.source.place)


def test_numbers_of_clusters_compare_on_the_papers_images_and_threshold() -> None:
    assert measured_as_papers("test", 0.3)
    assert not measured_as_papers("train", 0.3)
    assert not measured_as_papers("test", 0.5)
