"""Logs as they come: written again, growing, damaged, newer, of strangers, deleted."""

import dataclasses
import json
import shutil
import time

import numpy as np
import pytest
from tab_server import TabServer

from sfp_keras.filters import FilterFields, find_clusters, layer_statistics
from sfp_keras.monitoring import schema
from sfp_keras.monitoring.event_file import EventFile
from sfp_keras.monitoring.writer import MonitorWriter
from tb_plugin import records
from tb_plugin.demo import STAGES, make_fields

FIELDS = make_fields(STAGES[2], 10, 0.9, 0)
OTHER = make_fields(STAGES[2], 10, 0.9, 1)
HEADER = schema.header_of("layer13", 2, 5, FIELDS)
ABOUT = schema.About("final", tuple("abcdefghij"), 0.3)
BLOBS = schema.encode_measurement(HEADER, FIELDS)


def write(folder, blobs, *, tag="layer13/factors/5", step=5, data=None, about=ABOUT):
    events = EventFile(folder)
    if about is not None:
        encoded = schema.encode_about(about) if isinstance(about, schema.About) else about
        events.blobs("about", step, encoded, "clusters", schema.plugin_data("about"))
    events.blobs(tag, step, blobs, "clusters", data or schema.plugin_data("factors"))
    events.close()


def changed(**values):
    header = json.loads(BLOBS[0])
    return [json.dumps({**header, **values}).encode(), *BLOBS[1:]]


def noise(tab, **query):
    return tab.json("stages", run="final", **query)["rows"][0]["noise"]


def noise_of(fields, threshold=0.3):
    return layer_statistics(find_clusters(fields, threshold)).noise


def test_what_was_written_last_counts_and_replaces_what_was_kept(tmp_path):
    write(tmp_path / "final", BLOBS, step=1)
    tab = TabServer(tmp_path)
    assert noise(tab) == noise_of(FIELDS)
    about = dataclasses.replace(ABOUT, labels=tuple("klmnopqrst"))
    blobs = schema.encode_measurement(HEADER, OTHER)
    write(tmp_path / "final", blobs, step=2, about=about)
    tab.reload()
    assert noise(tab) == noise_of(OTHER) != noise_of(FIELDS)
    assert noise(tab, threshold=0.5) == noise_of(OTHER, 0.5)
    assert tab.json("runs")["runs"][0]["labels"] == list("klmnopqrst")


def test_new_steps_appear(tmp_path):
    with MonitorWriter(tmp_path / "final") as writer:
        writer.about(ABOUT)
        writer.measurement(HEADER, FIELDS, shared_features=True)
        tab = TabServer(tmp_path)
        assert tab.json("runs")["runs"][0]["stages"][0]["steps"] == [5]
        kernel = FilterFields(FIELDS.features, OTHER.kernel, FIELDS.label_counts, (1, 1))
        header = schema.header_of("layer13", 2, 12, kernel)
        writer.measurement(header, kernel, shared_features=True)
    tab.reload()
    assert tab.json("runs")["runs"][0]["stages"][0]["steps"] == [5, 12]
    assert noise(tab) == noise_of(kernel)
    assert noise(tab, step=11) == noise_of(FIELDS)


def test_steps_without_factors_come_from_the_scalars(tmp_path):
    with MonitorWriter(tmp_path / "final") as writer:
        writer.about(ABOUT)
        writer.measurement(HEADER, FIELDS)
        header = schema.header_of("layer13", 2, 7, OTHER, accuracy=0.5)
        writer.measurement(header, OTHER, factors=False)
    tab = TabServer(tmp_path)
    first, second = tab.json("curves", run="final")["rows"]
    assert (first["step"], first["exact"], first["accuracy"]) == (5, True, None)
    assert (second["step"], second["exact"], second["accuracy"]) == (7, False, 0.5)
    statistics = layer_statistics(find_clusters(OTHER))
    assert second["noise"] == np.float32(statistics.noise)
    assert second["dead_filters"] == statistics.dead_filters
    assert list(first) == list(second)
    assert len(tab.json("curves", run="final", threshold=0.4)["rows"]) == 1


def curve(tab, threshold):
    rows = tab.json("curves", run="heads", threshold=threshold)["rows"]
    return [(row["stage"], row["step"], row["noise"]) for row in rows if not row["exact"]]


def test_numbers_of_another_threshold_keep_theirs(tmp_path):
    # Heads of one more stage are trained later, and then at another threshold.
    expected = {}
    for stage, threshold in (("layer2", 0.3), ("layer13", 0.5)):
        with MonitorWriter(tmp_path / "heads") as writer:
            writer.about(dataclasses.replace(ABOUT, phase="heads", threshold=threshold))
            for step in (0, 1):
                header = schema.header_of(stage, 0, step, OTHER)
                writer.measurement(header, OTHER, factors=step == 1)
        expected[threshold] = [(stage, 0, np.float32(noise_of(OTHER, threshold)))]
    tab = TabServer(tmp_path)
    assert curve(tab, 0.3) == expected[0.3]
    assert curve(tab, 0.5) == expected[0.5]
    assert curve(tab, 0.4) == []


def test_numbers_that_name_no_threshold_are_the_run_s(tmp_path):
    with MonitorWriter(tmp_path / "heads") as writer:
        writer.about(dataclasses.replace(ABOUT, threshold=0.5))
        writer.measurement(HEADER, FIELDS)
        writer.scalars("layer13", 7, {"noise": 2})
    tab = TabServer(tmp_path)
    assert (curve(tab, 0.5), curve(tab, 0.3)) == ([("layer13", 7, 2)], [])


def test_the_last_scalar_of_a_step_counts(tmp_path):
    with MonitorWriter(tmp_path / "final") as writer:
        writer.about(ABOUT)
        writer.measurement(HEADER, FIELDS)
        for noise in (3, 1, 2):
            writer.scalars("layer13", 7, {"noise": noise, "cluster_size": np.nan})
    row = TabServer(tmp_path).json("curves", run="final", stage="layer13")["rows"][1]
    assert (row["noise"], row["cluster_size"], row["dead_filters"]) == (2, None, None)


def test_a_run_just_begun_has_no_stages_yet(tmp_path):
    with MonitorWriter(tmp_path / "train") as writer:
        writer.about(ABOUT)
    tab = TabServer(tmp_path)
    assert tab.json("runs")["runs"][0]["stages"] == []
    assert tab.json("stages", run="train")["rows"] == []
    assert tab.json("curves", run="train")["rows"] == []


def test_an_empty_log(tmp_path):
    answer = TabServer(tmp_path).json("runs")
    assert answer.pop("revision")
    assert answer == {"runs": [], "schema": 1, "notices": []}


def test_a_newer_schema_is_named(tmp_path):
    write(tmp_path / "ok", BLOBS)
    write(tmp_path / "new", BLOBS, data=b'{"version": 2, "kind": "factors"}')
    tab = TabServer(tmp_path)
    answer = tab.json("runs")
    assert [run["run"] for run in answer["runs"]] == ["ok"]
    (notice,) = answer["notices"]
    assert notice.startswith("new: ")
    assert "version 2" in notice
    assert "upgrade sfp-keras" in notice
    error = tab.error("stages", run="new")
    assert (error.code, error.text) == (422, notice)


DAMAGED = {
    "no blobs": [],
    "header alone": BLOBS[:1],
    "features missing": BLOBS[:2],
    "kernel cut": [BLOBS[0], BLOBS[1][:-3], BLOBS[2]],
    "features too long": [*BLOBS[:2], BLOBS[2] + b"1234"],
    "not JSON": [b"{", *BLOBS[1:]],
    "JSON too deep": [b"[" * 100_000, *BLOBS[1:]],
    "not UTF-8": [b'{"stage": "\xff"}', *BLOBS[1:]],
    "not an object": [b"[1, 2]", *BLOBS[1:]],
    "NaN": [*BLOBS[:2], np.full(2560, np.nan, "<f4").tobytes()],
    "another stage": changed(stage="layer2"),
    "another step": changed(step=6),
    "huge": changed(filters=10**12),
    "overflowing": changed(filters=2**62, position_shape=[4, 2**62]),
    "below zero": changed(filters=-1),
    "text for a number": changed(filters="256"),
    "text for a shape": changed(position_shape="11"),
    "too many labels": changed(label_counts=[1] * (records.MAX_LABELS + 1)),
    "no labels": changed(label_counts=[]),
    "half inputs": changed(label_counts=[0.5] * 10),
    "depth": changed(depth=None),
    "too many digits": changed(depth=10**400),
    "correct": changed(correct=[1, 2]),
    "accuracy": changed(accuracy="good"),
}


@pytest.fixture(scope="module")
def damaged(tmp_path_factory):
    folder = tmp_path_factory.mktemp("damaged")
    for name, blobs in DAMAGED.items():
        write(folder / name, blobs)
    return TabServer(folder)


@pytest.mark.parametrize("run", DAMAGED)
def test_a_damaged_measurement_is_said_to_be(damaged, run):
    for route in ("stages", "curves"):
        answer = damaged.json(route, run=run)
        assert answer["rows"] == []
        assert any("layer13" in notice for notice in answer["notices"])
    query = {"run": run, "stage": "layer13"}
    for route, more in (
        ("filters", {}),
        ("labels", {}),
        ("filter", {"filter": 0}),
        ("thumbnails", {"filters": "0,1"}),
    ):
        error = damaged.error(route, **query, **more)
        assert error.code == 422
        assert "\n" not in error.text


def test_damaged_runs_do_not_hide_others(damaged):
    answer = damaged.json("runs")
    assert {run["run"] for run in answer["runs"]} == set(DAMAGED)
    assert len(answer["notices"]) >= len(DAMAGED) - 3


def test_tags_of_others_are_left_out(tmp_path):
    write(tmp_path / "final", BLOBS)
    write(tmp_path / "final", BLOBS, tag="other", data=b"\xff{", about=None)
    write(tmp_path / "final", BLOBS, tag="layer13/factorz/5", about=None)
    answer = TabServer(tmp_path).json("runs")
    assert len(answer["runs"][0]["stages"]) == 1
    assert len(answer["notices"]) == 2


@pytest.mark.parametrize("about", [None, [b"{"], [b'{"phase": 3, "labels": [], "threshold": 0}']])
def test_labels_without_names_are_numbered(tmp_path, about):
    write(tmp_path / "final", BLOBS, about=about)
    tab = TabServer(tmp_path)
    answer = tab.json("runs")
    assert answer["runs"][0]["labels"] == [str(label) for label in range(10)]
    assert len(answer["notices"]) == 1
    assert tab.json("labels", run="final", stage="layer13")["rows"][3]["name"] == "3"


def test_names_of_strangers_stay_text(tmp_path):
    names = ("<img src=x onerror=alert(1)>", "=1+1", 'a"b,c\nd', "é", "\u202e", "", *"ghij")
    write(tmp_path / "final", BLOBS, about=dataclasses.replace(ABOUT, labels=names))
    tab = TabServer(tmp_path)
    assert tuple(tab.json("runs")["runs"][0]["labels"]) == names
    assert "'=1+1" in tab.text("labels", run="final", stage="layer13", format="csv")


def test_labels_without_images_and_filters_too_large_to_compute(tmp_path):
    counts = (0, 0, *[7] * 8)
    write(tmp_path / "empty", changed(label_counts=counts, correct=[0, 0, *[7] * 8]))
    large = FilterFields(np.full((3, 1, 2), 3e38), np.full((1, 2, 3), 3e38), np.ones(3, int), (1,))
    header = schema.header_of("s", 0, 5, large)
    write(tmp_path / "large", schema.encode_measurement(header, large), tag="s/factors/5")
    one = FilterFields(np.ones((1, 1, 2)), np.ones((1, 2, 1)), np.ones(1, int), (1,))
    blobs = schema.encode_measurement(schema.header_of("s", 0, 5, one), one)
    write(tmp_path / "one", blobs, tag="s/factors/5", about=None)
    tab = TabServer(tmp_path)
    rows = tab.json("labels", run="empty", stage="layer13")["rows"]
    assert [row["inputs"] for row in rows] == list(counts)
    assert [row["accuracy"] for row in rows] == [None, None, *[1] * 8]
    assert "too large" in tab.error("filters", run="large", stage="s").text
    assert tab.error("thumbnails", run="large", stage="s", filters=1).code == 422
    assert "one" in tab.json("stages", run="one")["notices"][0]
    assert tab.json("filters", run="one", stage="s")["clusters"] == [1, 1]
    assert tab.error("labels", run="one", stage="s").code == 422


def test_a_run_deleted_meanwhile(tmp_path, monkeypatch):
    write(tmp_path / "final", BLOBS)
    tab = TabServer(tmp_path)
    assert tab.json("runs")["runs"]
    shutil.rmtree(tmp_path / "final")
    # TensorBoard forgets it between the listing and the reading of its arrays.
    monkeypatch.setattr(tab.multiplexer, "Tensors", _gone_after(tab.multiplexer.Tensors, 4))
    error = tab.error("filters", run="final", stage="layer13")
    assert (error.code, "reload" in error.text) == (404, True)
    tab = TabServer(tmp_path)
    assert tab.error("stages", run="final").code == 404


def _gone_after(read, calls):
    left = [calls]

    def tensors(run, tag):
        left[0] -= 1
        if left[0] < 0:
            raise KeyError(run)
        return read(run, tag)

    return tensors


def test_memory_is_bounded(tmp_path, monkeypatch):
    monkeypatch.setattr("tb_plugin.plugin.CACHE_BYTES", 50_000)
    write(tmp_path / "final", BLOBS)
    tab = TabServer(tmp_path)
    cache = tab.plugin._routes._analysis._cache
    start = time.monotonic()
    for hundredths in range(60):
        threshold = hundredths / 100
        assert noise(tab, threshold=threshold) == noise_of(FIELDS, threshold)
        assert 0 < cache.num_bytes <= 50_000
    assert time.monotonic() - start < 10
