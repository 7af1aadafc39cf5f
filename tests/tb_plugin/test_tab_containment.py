"""What is wrong with one run, stage or step is a notice of that one; the others are shown."""

import dataclasses
import json

import pytest
from tab_server import FastTabServer, TabServer
from tensorboard.compat.proto import summary_pb2, types_pb2
from tensorboard.plugins.scalar import metadata as scalar_metadata

from sfp_keras.monitoring import schema
from sfp_keras.monitoring.event_file import EventFile
from sfp_keras.monitoring.writer import MonitorWriter
from tb_plugin.demo import STAGES, make_fields

FIELDS = make_fields(STAGES[2], 10, 0.9, 0)
ABOUT = schema.About("final", tuple("abcdefghij"), 0.3)
ODD_NAMES = ('a"b', "a\\b", "a\nb", "\x01")


def write(folder, *stages, labels=ABOUT.labels):
    with MonitorWriter(folder) as writer:
        writer.about(dataclasses.replace(ABOUT, labels=labels))
        for depth, stage in enumerate(stages):
            for step in (5, 6):
                header = schema.header_of(stage, depth, step, FIELDS)
                writer.measurement(header, FIELDS, shared_features=True, factors=step == 5)


def value(tag, plugin, kind, shape, **content):
    """A summary that declares a shape of its own."""
    one = summary_pb2.Summary.Value(tag=tag)
    one.metadata.plugin_data.plugin_name = plugin
    if plugin == schema.PLUGIN_NAME:
        one.metadata.plugin_data.content = schema.plugin_data(kind)
        one.metadata.data_class = summary_pb2.DATA_CLASS_BLOB_SEQUENCE
    else:
        one.metadata.CopyFrom(scalar_metadata.create_summary_metadata("", ""))
        one.metadata.data_class = summary_pb2.DATA_CLASS_SCALAR
    for size in shape:
        one.tensor.tensor_shape.dim.add(size=size)
    for name, data in content.items():
        if name == "dtype":
            one.tensor.dtype = data
        else:
            getattr(one.tensor, name).extend(data)
    return one


def append(folder, *values, step=1):
    events = EventFile(folder)
    events._append(step, values)
    events.close()


def blobs(tag, kind, shape, strings=(b"x",)):
    return value(
        tag, schema.PLUGIN_NAME, kind, shape, dtype=types_pb2.DT_STRING, string_val=strings
    )


def runs(tab):
    answer = tab.json("runs")
    stages = {run["run"]: [s["stage"] for s in run["stages"]] for run in answer["runs"]}
    return stages, answer["notices"]


def named(notices, name):
    return [notice for notice in notices if name in notice]


def test_runs_that_the_data_server_does_not_serve_do_not_hide_others(tmp_path):
    for name in ODD_NAMES:
        with pytest.warns(UserWarning, match="`log_dir`.*load_fast=false"):
            write(tmp_path / name, "conv")
    write(tmp_path / "good", "conv")
    with FastTabServer(tmp_path, len(ODD_NAMES) + 1) as tab:
        stages, notices = runs(tab)
        assert stages == {"good": ["conv"]}
        assert len(notices) == len(ODD_NAMES)
        for name in ODD_NAMES:
            (notice,) = named(notices, repr(name))
            assert "load_fast=false" in notice
            error = tab.error("stages", run=name)
            assert (error.code, error.text) == (422, notice)
    assert set(runs(TabServer(tmp_path))[0]) == {*ODD_NAMES, "good"}


def test_stages_of_any_name_are_shown_by_both_loaders(tmp_path):
    names = [*ODD_NAMES, "a%22b", "%", "%25", "%2", "a/é", "100%22", '%"']
    write(tmp_path / "run", *names)
    with FastTabServer(tmp_path, 1) as fast:
        for tab in (fast, TabServer(tmp_path)):
            assert runs(tab) == ({"run": names}, [])
            rows = tab.json("curves", run="run")["rows"]
            assert [(row["stage"], row["step"]) for row in rows] == [
                (name, step) for name in names for step in (5, 6)
            ]
            assert len(tab.json("filters", run="run", stage=names[0])["filters"]) == 256


def test_tags_of_others_that_the_data_server_does_not_serve_are_named(tmp_path):
    write(tmp_path / "run", "conv")
    append(tmp_path / "run", blobs('old"/factors/5', "factors", [3], [b"{}", b"", b""]))
    with FastTabServer(tmp_path, 1) as tab:
        stages, (notice,) = runs(tab)
    assert stages == {"run": ["conv"]}
    assert "load_fast=false" in notice
    assert repr('old"/factors/5') in notice


@pytest.mark.parametrize(
    "shape", [[10**12], [10**6, 10**6], [2**62] * 3, [65], [-1], [0, 10**15], [2**32, 2**32], []]
)
def test_shapes_that_cannot_be_are_left_out(tmp_path, shape):
    write(tmp_path / "bad", "conv")
    append(tmp_path / "bad", blobs("pool/factors/7", "factors", shape))
    append(tmp_path / "about", blobs("about", "about", shape))
    write(tmp_path / "good", "conv")
    tab = TabServer(tmp_path)
    stages, notices = runs(tab)
    assert stages["bad"] == stages["good"] == ["conv"]
    assert named(notices, "bad: ")
    assert tab.json("stages", run="bad")["rows"][0]["stage"] == "conv"
    assert not named(notices, "good")


def test_an_event_of_more_arrays_than_the_data_server_may_send(tmp_path):
    write(tmp_path / "good", "conv")
    append(tmp_path / "bad", blobs("conv/factors/7", "factors", [9999], [b""] * 9999))
    with FastTabServer(tmp_path, 2, max_bytes=2**18) as tab:
        stages, notices = runs(tab)
    assert stages["good"] == ["conv"]
    assert named(notices, "bad: 'conv/factors/7'")


def test_scalars_that_cannot_be_read_leave_the_others(tmp_path):
    write(tmp_path / "run", "conv", "pool")
    wrong = value("conv/noise", "scalars", "", [10**12], dtype=types_pb2.DT_FLOAT, float_val=[1])
    append(tmp_path / "run", wrong, step=7)
    answer = TabServer(tmp_path).json("curves", run="run")
    assert len(named(answer["notices"], "conv/noise")) == 1
    rows = {(row["stage"], row["step"]): row for row in answer["rows"]}
    assert set(rows) == {(stage, step) for stage in ("conv", "pool") for step in (5, 6)}
    assert rows["conv", 6]["noise"] is None
    assert rows["conv", 6]["clusters"] == rows["pool", 6]["clusters"]


def test_a_run_that_disappears_is_a_notice(tmp_path, monkeypatch):
    write(tmp_path / "gone", "conv")
    write(tmp_path / "stays", "conv")
    tab = TabServer(tmp_path)
    read = tab.multiplexer.SummaryMetadata

    def gone(run, tag):
        if run == "gone":
            raise KeyError(run)
        return read(run, tag)

    monkeypatch.setattr(tab.multiplexer, "SummaryMetadata", gone)
    stages, notices = runs(tab)
    assert stages["stays"] == ["conv"]
    assert named(notices, "gone: ")
    assert not named(notices, "stays")


def test_a_log_that_is_just_loaded_is_read_again(tmp_path, monkeypatch):
    write(tmp_path / "run", "conv")
    tab = TabServer(tmp_path)
    read, failing = tab.multiplexer.AllSummaryMetadata, [2]

    def changing():
        failing[0] -= 1
        if failing[0] >= 0:
            raise RuntimeError("dictionary changed size during iteration")
        return read()

    monkeypatch.setattr(tab.multiplexer, "AllSummaryMetadata", changing)
    assert runs(tab) == ({"run": ["conv"]}, [])
    failing[0] = 100
    assert tab.error("runs").code == 404


def test_a_run_whose_name_is_no_text_is_named(tmp_path):
    write(tmp_path / "good", "conv")
    write(tmp_path / "cafe", "conv")
    tab = TabServer(tmp_path)
    accumulators = tab.multiplexer._accumulators
    accumulators["caf\udce9"] = accumulators.pop("cafe")
    stages, (notice,) = runs(tab)
    assert stages == {"good": ["conv"]}
    assert "UTF-8" in notice


def test_labels_that_no_encoding_can_write(tmp_path):
    labels = ("\ud800", "x\udfffy", "=\udc00", *"defghij")
    write(tmp_path / "run", "conv", labels=labels)
    tab = TabServer(tmp_path)
    query = {"run": "run", "stage": "conv"}
    assert tab.json("runs")["runs"][0]["labels"] == list(labels)
    lines = tab.text("labels", **query, format="csv").splitlines()
    assert [line.split(",")[1] for line in lines[1:4]] == ["\ufffd", "x\ufffdy", "'=\ufffd"]
    assert tab.text("filter", **query, filter=1, format="csv").startswith("label,\ufffd,x\ufffdy,")


def test_a_stage_too_large_for_the_memory_is_a_notice(tmp_path, monkeypatch):
    write(tmp_path / "run", "conv", "pool")
    tab = TabServer(tmp_path)
    decode = schema.decode_fields

    def decode_small(header, kernel, features):
        if header.stage == "conv":
            raise MemoryError
        return decode(header, kernel, features)

    monkeypatch.setattr(schema, "decode_fields", decode_small)
    answer = tab.json("stages", run="run")
    assert [row["stage"] for row in answer["rows"]] == ["pool"]
    assert "memory" in answer["notices"][0]


@pytest.mark.parametrize(
    "values",
    [
        {"accuracy": 10**30},
        {"correct": [2**61] * 10},
        {"label_counts": [2**60] * 10},
        {"correct": [10**9] + [0] * 9},
        {"kind": "twig"},
    ],
)
def test_numbers_that_cannot_be_are_damaged(tmp_path, values):
    write(tmp_path / "run", "pool")
    header = dataclasses.asdict(schema.header_of("conv", 0, 5, FIELDS))
    made = schema.encode_measurement(schema.header_of("conv", 0, 5, FIELDS), FIELDS)
    made[0] = json.dumps({**header, **values}).encode()
    append(tmp_path / "run", blobs("conv/factors/5", "factors", [3], made))
    stages, (notice,) = runs(TabServer(tmp_path))
    assert stages == {"run": ["pool"]}
    assert f"{next(iter(values))} is not what it must be" in notice


def test_what_filters_are_is_read(tmp_path):
    write(tmp_path / "run", "pool")
    header = schema.header_of("conv", 0, 5, FIELDS, kind="branch")
    made = schema.encode_measurement(header, FIELDS)
    append(tmp_path / "run", blobs("conv/factors/5", "factors", [3], made))
    stages, notices = runs(TabServer(tmp_path))
    assert (sorted(stages["run"]), notices) == (["conv", "pool"], [])


def test_notices_stay_short_whatever_the_names(tmp_path):
    write(tmp_path / "run", "conv")
    append(tmp_path / "run", blobs("x" * 9000 + "/factors/5", "factors", [2], [b"{}", b""]))
    stages, notices = runs(TabServer(tmp_path))
    assert stages == {"run": ["conv"]}
    assert max(map(len, notices)) <= 500


def test_the_writer_says_what_it_cannot_write(tmp_path):
    with pytest.raises(ValueError, match=r"`stage`: .*ud800.* UTF-8"):
        write(tmp_path / "run", "\ud800")
    with MonitorWriter(tmp_path / "run") as writer, pytest.raises(ValueError, match="`stage`"):
        writer.scalars("\ud800", 0, {"noise": 1.0})
