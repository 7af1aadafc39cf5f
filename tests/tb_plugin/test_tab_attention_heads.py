"""The routes about attention heads give what `head_specialization` gives."""

import csv
import io

import numpy as np
import pytest
from tab_server import TabServer

from sfp_keras.filters import FilterFields, find_clusters, head_specialization
from sfp_keras.monitoring import MonitorWriter
from sfp_keras.monitoring.schema import About, header_of

HEADS, SIZE, LABELS = 4, 6, 10
NAMES = tuple("abcdefghij")


def fields_at(step):
    rng = np.random.default_rng(step)
    own = np.arange(LABELS) % HEADS == (np.arange(HEADS * SIZE) // SIZE)[:, None]
    means = rng.normal(size=own.shape) + step * own
    kernel = means + rng.normal(size=own.shape) / 2
    return FilterFields(means.T[:, None], kernel[None], np.full(LABELS, 5), ())


@pytest.fixture(scope="module")
def tab(tmp_path_factory):
    folder = tmp_path_factory.mktemp("log")
    with MonitorWriter(folder / "heads") as writer:
        writer.about(About("heads", NAMES, 0.3))
        for step in (0, 2):
            for depth, (stage, heads) in enumerate((("mha", HEADS), ("ff", None))):
                fields = fields_at(step)
                writer.measurement(header_of(stage, depth, step, fields, heads=heads), fields)
    return TabServer(folder)


def expected_at(step):
    fields = fields_at(step)
    return head_specialization(find_clusters(fields), HEADS, fields, permutations=999)


def test_heads_of_a_step(tab):
    answer, expected = tab.json("heads", run="heads", stage="mha"), expected_at(2)
    assert (answer["step"], answer["heads"], answer["nodes_per_head"]) == (2, HEADS, SIZE)
    assert answer["matrix"] == expected.nodes.matrix.tolist()
    assert answer["field_matrix"] == expected.fields.matrix.tolist()
    assert answer["labels_led"] == expected.nodes.labels_led.tolist()
    for prefix, shares in (("", expected.nodes), ("field_", expected.fields)):
        assert answer[f"{prefix}mean_share"] == shares.mean_share
        assert answer[f"{prefix}expected_mean_share"] == shares.expected_mean_share
        assert answer[f"{prefix}p_value"] == shares.p_value
        for row in answer["rows"]:
            label = row["label"]
            head = int(shares.leading_head[label])
            assert row[f"{prefix}leading_head"] == (head if head >= 0 else None)
            for key, values in (
                ("share", shares.share),
                ("expected_share", shares.expected_share),
                ("p_value", shares.label_p_values),
            ):
                value = None if np.isnan(values[label]) else values[label]
                assert row[prefix + key] == value
    assert [row["name"] for row in answer["rows"]] == list(NAMES)
    assert [row["nodes"] for row in answer["rows"]] == expected.nodes.matrix.sum(axis=0).tolist()


def test_heads_over_steps(tab):
    rows = tab.json("heads_over_steps", run="heads", stage="mha")["rows"]
    assert [row["step"] for row in rows] == [0, 2]
    for row in rows:
        expected = expected_at(row["step"])
        assert row["mean_share"] == expected.nodes.mean_share
        assert row["p_value"] == expected.nodes.p_value
        assert row["field_expected_mean_share"] == expected.fields.expected_mean_share
    assert rows[1]["p_value"] == 0.001


@pytest.mark.parametrize(("route", "rows"), [("heads", LABELS), ("heads_over_steps", 2)])
def test_as_csv(tab, route, rows):
    answer = tab.json(route, run="heads", stage="mha")["rows"]
    text = tab.get(route, run="heads", stage="mha", format="csv").text
    found = list(csv.DictReader(io.StringIO(text)))
    assert len(found) == rows
    assert float(found[0]["p_value"]) == answer[0]["p_value"]


def test_stages_without_heads(tab):
    (run,) = tab.json("runs")["runs"]
    assert {stage["stage"]: stage.get("heads") for stage in run["stages"]} == {
        "mha": HEADS,
        "ff": None,
    }
    for route in ("heads", "heads_over_steps"):
        answer = tab.get(route, run="heads", stage="ff")
        assert answer.status_code == 404
        assert "ff is not the output of attention heads" in answer.text
