"""Runs of several seeds as one in the view of stages: means and deviations, literally."""

import csv
import io
import math

import numpy as np
import pytest
from browser_tab import download, open_tab
from real_tab import settle, tensorboard

from sfp_keras.filters import find_clusters, layer_statistics
from sfp_keras.monitoring.schema import About, header_of
from sfp_keras.monitoring.writer import MonitorWriter
from tb_plugin.demo import STAGES, make_fields

SEEDS = (3, 4, 5)
NUMBERS = ("noise", "clusters", "cluster_size", "signal", "snr_internal", "snr_external")


def write_run(folder, labels, seed, split="test"):
    with MonitorWriter(folder) as writer:
        writer.about(About("final", [f"label {i}" for i in range(labels)], 0.3))
        for stage in STAGES:
            fields = make_fields(stage, labels, progress=0.9, seed=seed)
            correct = [50 + seed] * labels
            header = header_of(stage.name, stage.depth, 4, fields, correct=correct, split=split)
            writer.measurement(header, fields)


@pytest.fixture(scope="module")
def seeds(browser, tmp_path_factory):
    folder = tmp_path_factory.mktemp("seeds")
    for seed in SEEDS:
        write_run(folder / f"k10-seed{seed}" / "final", 10, seed)
    write_run(folder / "k6-seed3" / "final", 6, 3)
    with tensorboard(folder, tmp_path_factory.mktemp("messages") / "tensorboard") as address:
        yield address


def literal(stage):
    """Mean and deviation over the seeds, of each number."""
    found = [
        layer_statistics(find_clusters(make_fields(stage, 10, progress=0.9, seed=seed)))
        for seed in SEEDS
    ]
    values = {name: [getattr(one, name) for one in found] for name in NUMBERS}
    return {name: (np.mean(of), np.std(of, ddof=1)) for name, of in values.items()}


def test_runs_of_several_seeds_are_shown_as_their_mean(page, seeds):
    frame = open_tab(page, seeds, view="stages")
    assert frame.locator("tbody tr").count() == 4 * len(STAGES)
    frame.get_by_label("Mean and deviation of runs").check()
    frame.wait_for_function("() => parent.location.hash.includes('mean=1')")
    settle(frame)
    rows = list(csv.DictReader(io.StringIO(download(page, frame, "CSV")[0].decode())))
    means = [row for row in rows if row["runs"]]
    # The run of fewer labels stays alone.
    assert len(rows) == 2 * len(STAGES)
    assert {row["run"] for row in rows} == {"k10-seed…/final, 3 runs", "k6-seed3/final"}
    for row, stage in zip(means, STAGES, strict=True):
        assert (row["stage"], row["runs"], row["filters"]) == (stage.name, "3", str(stage.filters))
        assert float(row["accuracy"]) == pytest.approx(0.54)
        assert float(row["accuracy_std"]) == pytest.approx(0.01)
        for name, (mean, deviation) in literal(stage).items():
            assert float(row[name]) == pytest.approx(mean), name
            if math.isfinite(mean):
                assert float(row[f"{name}_std"]) == pytest.approx(deviation), name
    noise, deviation = literal(STAGES[0])["noise"]
    first = frame.locator("tbody tr", has_text="3 runs").first.text_content()
    assert f"{noise:.2f} ± {deviation:.2f}" in first
    assert "mean ± standard deviation over runs" in frame.locator("main").text_content()
    # A single run is opened by its stages, a mean is not.
    opened = frame.locator("tbody button")
    assert opened.count() == len(STAGES)
    opened.first.click()
    frame.wait_for_function("() => parent.location.hash.includes('view=gallery')")


@pytest.fixture(scope="module")
def unlike(browser, tmp_path_factory):
    """Two networks of each of two numbers of labels, one measured on its training images too."""
    folder = tmp_path_factory.mktemp("unlike")
    for name, labels in (("alpha", 10), ("beta", 10), ("gamma", 6), ("delta", 6)):
        write_run(folder / name / "final", labels, len(name))
    write_run(folder / "alpha" / "final_train", 10, 5, split="train")
    with tensorboard(folder, tmp_path_factory.mktemp("messages") / "tensorboard") as address:
        yield address


def test_means_are_of_one_split_and_have_names_of_their_own(page, unlike):
    frame = open_tab(page, unlike, view="stages", mean=1)
    rows = csv.DictReader(io.StringIO(download(page, frame, "CSV")[0].decode()))
    assert {(row["run"], row["split"], row["runs"]) for row in rows} == {
        ("alpha/final and 1 more", "test", "2"),
        ("alpha/final_train", "train", ""),
        ("delta/final and 1 more", "test", "2"),
    }


def test_files_of_runs_without_another_alike_hold_no_means(page, unlike):
    frame = open_tab(page, unlike, view="stages", mean=1, compared="")
    assert frame.get_by_label("Mean and deviation of runs").count() == 0
    assert "means" not in download(page, frame, "CSV")[1]
