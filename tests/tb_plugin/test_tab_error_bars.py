"""Errors of the numbers of stages, where the log has them."""

import csv
import io
import math
import statistics

import pytest
from tab_server import TabServer

from sfp_keras.monitoring import schema
from sfp_keras.monitoring.error_bars import ErrorBars
from sfp_keras.monitoring.event_file import EventFile
from sfp_keras.monitoring.writer import MonitorWriter
from tb_plugin.demo import STAGES, make_fields

INTERVALS = {"noise": (0.5, 2.0, 4.0), "snr_internal": (math.nan, 1.0, math.inf)}
HEADS = {
    "seed0": {"noise": 3.0, "clusters": 1.0, "snr_internal": 2.0},
    "seed1": {"noise": 4.0, "clusters": 1.5, "snr_internal": math.inf},
    "seed2": {"noise": 8.0, "clusters": 2.0, "snr_internal": 5.0},
    "shuffled0": {"noise": 9.0, "clusters": 0.5, "snr_internal": 1.0},
}
BARS = (ErrorBars(0.3, INTERVALS, HEADS), ErrorBars(0.55, INTERVALS))
ADDED = {
    "noise_error": 0.5,
    "noise_low": 2.0,
    "noise_high": 4.0,
    "seeds": 3,
    "shuffled_seeds": 1,
    "noise_mean": 5.0,
    "noise_std": statistics.stdev([3, 4, 8]),
    "noise_shuffled": 9.0,
    "clusters_mean": 1.5,
    "clusters_std": 0.5,
    "clusters_shuffled": 0.5,
}


def write(folder):
    """The first stage has errors, the second as well but no matrices, the third has none."""
    with MonitorWriter(folder) as writer:
        writer.about(schema.About("final", tuple("abcdefghij"), 0.3))
        for stage in STAGES:
            fields = make_fields(stage, 10, 0.9, 0)
            bars = BARS if stage in STAGES[:2] else ()
            header = schema.header_of(stage.name, stage.depth, 4, fields, bars=bars)
            writer.measurement(header, fields, factors=stage != STAGES[1])


@pytest.fixture(scope="module")
def tab_with_errors(tmp_path_factory):
    folder = tmp_path_factory.mktemp("log")
    write(folder / "final")
    return TabServer(folder)


def test_rows_have_them_at_their_threshold(tab_with_errors):
    for route in ("stages", "curves"):
        answer = tab_with_errors.json(route, run="final", threshold=0.3)
        assert answer["bars_at"] == [0.3, 0.55]
        rows = {row["stage"]: row for row in answer["rows"]}
        some = [rows[one.name] for one in STAGES[:2] if one.name in rows]
        assert len(some) == (1 if route == "stages" else 2)
        for row in some:
            for key, value in ADDED.items():
                assert row[key] == pytest.approx(value), key
            # What is infinite has no deviation, and an error that is not known is none.
            assert row["snr_internal_high"] == row["snr_internal_mean"] == "Infinity"
            assert row["snr_internal_std"] is row["snr_internal_error"] is None
        assert not {*ADDED} & {*rows[STAGES[2].name]}


def test_at_another_threshold_only_those_of_that_are_there(tab_with_errors):
    row, _ = tab_with_errors.json("stages", run="final", threshold=0.55)["rows"]
    assert row["noise_error"] == 0.5
    assert "seeds" not in row
    answer = tab_with_errors.json("stages", run="final", threshold=0.5)
    assert answer["bars_at"] == [0.3, 0.55]
    assert not {*ADDED} & {key for row in answer["rows"] for key in row}


def test_files_have_them_as_columns(tab_with_errors, tab):
    def columns(of_tab, **query):
        text = of_tab.text("stages", run="final", format="csv", **query)
        return next(csv.reader(io.StringIO(text)))

    with_errors = columns(tab_with_errors)
    without = columns(tab)
    assert with_errors[: len(without)] == without
    assert {*ADDED} <= {*with_errors[len(without) :]}
    assert columns(tab_with_errors, threshold=0.5) == without
    assert tab.json("stages", run="final")["bars_at"] == []


def test_one_stage_can_be_asked_for(tab_with_errors):
    (row,) = tab_with_errors.json("stages", run="final", stage=STAGES[2].name)["rows"]
    assert row["stage"] == STAGES[2].name
    assert tab_with_errors.error("stages", run="final", stage="none").code == 404


@pytest.mark.parametrize(
    "damage",
    [
        lambda text: text.replace(b'"threshold": 0.3', b'"threshold": 3'),
        lambda text: text.replace(b"[0.5, 2.0, 4.0]", b"[0.5]"),
        lambda text: text.replace(b"9.0", b'"a"'),
    ],
)
def test_damaged_ones_are_said_to_be(tmp_path, damage):
    write(tmp_path / "final")
    stage = STAGES[0]
    fields = make_fields(stage, 10, 0.9, 0)
    header = schema.header_of(stage.name, stage.depth, 4, fields, bars=BARS)
    first, *arrays = schema.encode_measurement(header, fields)
    assert damage(first) != first
    events = EventFile(tmp_path / "final")
    tag = schema.factors_tag(stage.name, 4)
    events.blobs(tag, 2**60, [damage(first), *arrays], "clusters", schema.plugin_data("factors"))
    events.close()
    answer = TabServer(tmp_path).json("stages", run="final")
    assert [row["stage"] for row in answer["rows"]] == [STAGES[2].name]
    assert any("damaged" in notice for notice in answer["notices"])
