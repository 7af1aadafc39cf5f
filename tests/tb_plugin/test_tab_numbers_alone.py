"""Stages whose matrices did not fit into the log: their numbers are there all the same."""

import dataclasses

import numpy as np
import pytest
from tab_server import TabServer

from sfp_keras.filters import find_clusters, layer_statistics
from sfp_keras.monitoring import schema
from sfp_keras.monitoring.event_file import EventFile
from sfp_keras.monitoring.writer import MonitorWriter
from tb_plugin.demo import STAGES, make_fields

FIELDS = {stage.name: make_fields(stage, 10, 0.9, 0) for stage in STAGES}
NAMES = tuple("abcdefghij")
NONE = "the log keeps no matrices of layer2, only its numbers"


def write(folder, steps=(0, 1), kept=("layer7", "layer13"), first_step=None):
    with MonitorWriter(folder) as writer:
        writer.about(schema.About("heads", NAMES, 0.3, first_step=first_step))
        for step in steps:
            for stage in STAGES:
                fields = FIELDS[stage.name]
                header = schema.header_of(stage.name, stage.depth, step, fields, accuracy=0.5)
                writer.measurement(header, fields, factors=stage.name in kept)


@pytest.fixture(scope="module")
def tab(tmp_path_factory):
    folder = tmp_path_factory.mktemp("log")
    write(folder / "heads")
    write(folder / "nothing", kept=())
    return TabServer(folder)


def test_they_are_listed_without_steps(tab):
    listed = {run["run"]: run for run in tab.json("runs")["runs"]}
    steps = {s["stage"]: s["steps"] for s in listed["heads"]["stages"]}
    assert steps == {"layer2": [], "layer7": [0, 1], "layer13": [0, 1]}
    first = {"stage": "layer2", "depth": 0, "filters": 64, "positions": [4, 4], "steps": []}
    first["kind"] = "filter"
    assert listed["heads"]["stages"][0] == first
    assert [s["stage"] for s in listed["nothing"]["stages"]] == ["layer2", "layer7", "layer13"]
    assert listed["nothing"]["labels"] == list(NAMES)


def test_their_numbers_are_in_the_curves(tab):
    rows = tab.json("curves", run="heads")["rows"]
    places = [(row["stage"], row["step"], row["exact"]) for row in rows]
    assert places == [
        *(("layer2", 0, False), ("layer2", 1, False)),
        *(("layer7", 0, True), ("layer7", 1, True)),
        *(("layer13", 0, True), ("layer13", 1, True)),
    ]
    noise = layer_statistics(find_clusters(FIELDS["layer2"], 0.3)).noise
    assert rows[0]["noise"] == np.float32(noise)
    assert (rows[0]["depth"], rows[0]["filters"], rows[0]["outputs_per_filter"]) == (0, 64, 16)
    assert (rows[0]["accuracy"], rows[0]["fc_inputs"]) == (0.5, 1024)
    assert len(tab.json("curves", run="nothing")["rows"]) == 6
    assert len(tab.json("curves", run="nothing", stage="layer2")["rows"]) == 2
    assert tab.json("curves", run="nothing", threshold=0.4)["rows"] == []


def test_other_routes_say_that_the_matrices_are_not_there(tab):
    answer = tab.json("stages", run="heads")
    assert [row["stage"] for row in answer["rows"]] == ["layer7", "layer13"]
    (notice,) = answer["notices"]
    assert notice.startswith(f"heads: {NONE}")
    assert "--monitor_mb" in notice
    for route, more in (
        ("filters", {}),
        ("labels", {"step": 1}),
        ("filter", {"filter": 0}),
        ("thumbnails", {"filters": "0"}),
    ):
        error = tab.error(route, run="heads", stage="layer2", **more)
        assert error.code == 404
        assert error.text.startswith(NONE)


def test_those_of_an_earlier_training_are_gone(tmp_path):
    write(tmp_path / "heads", first_step=0)
    with MonitorWriter(tmp_path / "heads") as writer:
        writer.about(schema.About("heads", NAMES, 0.3, first_step=0))
        header = schema.header_of("layer13", 2, 0, FIELDS["layer13"])
        writer.measurement(header, FIELDS["layer13"])
    tab = TabServer(tmp_path)
    (run,) = tab.json("runs")["runs"]
    assert [s["stage"] for s in run["stages"]] == ["layer13"]
    assert [row["step"] for row in tab.json("curves", run="heads")["rows"]] == [0]


def test_a_writer_that_begins_anew_says_again_what_stages_are(tmp_path):
    fields = FIELDS["layer13"]
    with MonitorWriter(tmp_path / "train") as writer:
        for _ in range(2):
            writer.about(schema.About("train", NAMES, 0.3, first_step=0))
            header = schema.header_of("layer13", 2, 0, fields)
            writer.measurement(header, fields, factors=False)
    assert len(TabServer(tmp_path).json("curves", run="train")["rows"]) == 1


@pytest.mark.parametrize("change", [{"filters": -1}, {"stage": "layer7"}, {"first_step": "0"}])
def test_a_damaged_header_is_said_to_be(tmp_path, change):
    write(tmp_path / "heads")
    header = schema.header_of("layer2", 0, 0, FIELDS["layer2"])
    blobs = schema.encode_header(dataclasses.replace(header, **change))
    events = EventFile(tmp_path / "heads")
    events.blobs("layer2/header", 2**60, blobs, "clusters", schema.plugin_data("header"))
    events.close()
    tab = TabServer(tmp_path)
    answer = tab.json("runs")
    assert [s["stage"] for s in answer["runs"][0]["stages"]] == ["layer7", "layer13"]
    (notice,) = answer["notices"]
    assert "layer2/header" in notice
    assert len(tab.json("curves", run="heads")["rows"]) == 4


@pytest.mark.parametrize("kept", [("layer7",), ()])
def test_the_revision_changes_with_every_measurement_and_no_look(tmp_path, kept):
    tab = TabServer(tmp_path)
    seen = [tab.json("runs")["revision"]]
    with MonitorWriter(tmp_path / "heads") as writer:
        writer.about(schema.About("heads", NAMES, 0.3, first_step=0))
        for step in range(3):
            for stage in STAGES[:2]:
                header = schema.header_of(stage.name, stage.depth, step, FIELDS[stage.name])
                writer.measurement(header, FIELDS[stage.name], factors=stage.name in kept)
            # A run of another plugin is none of the tab's business.
            with MonitorWriter(tmp_path / "other") as other:
                other.scalars("loss", step, {"train": 0.5})
            tab.reload()
            seen.append(tab.json("revision")["revision"])
            assert tab.json("runs")["revision"] == seen[-1]
    assert len(set(seen)) == 4
    with MonitorWriter(tmp_path / "other") as other:
        other.scalars("loss", 9, {"train": 0.5})
    tab.reload()
    assert tab.json("revision")["revision"] == seen[-1]
    assert tab.get("revision").headers["Cache-Control"] == "no-cache, must-revalidate"
