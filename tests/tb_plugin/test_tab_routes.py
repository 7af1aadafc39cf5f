"""Every route gives what sfp_keras.filters gives, to the last bit."""

import csv
import dataclasses
import io
import itertools
import json

import numpy as np
import pytest
from tab_server import number, unpack

from sfp_keras.filters import (
    FILTER_QUANTITIES,
    LABEL_QUANTITIES,
    LAYER_MEASURES,
    LAYER_QUANTITIES,
    filter_statistics,
    find_clusters,
    label_statistics,
    layer_statistics,
)
from tb_plugin import columns
from tb_plugin.demo import HEAD_STEPS, NAMES, STAGES, TRAIN_STEPS, make_fields

THRESHOLDS = (0, 0.15, 0.3, 0.31, 0.6, 0.95)
LAST = HEAD_STEPS[-1]


def fields_at(stage, step):
    """What the demo wrote into `heads` and `final`."""
    return make_fields(stage, 10, 1 - np.exp(-4 * (step + 1) / (LAST + 1)), 0)


def assert_row(row, statistics):
    for name in columns.keys(LAYER_MEASURES[1:]):
        np.testing.assert_equal(number(row[name]), getattr(statistics, name), name)


def test_runs_tell_all_that_is_there(tab):
    answer = tab.json("runs")
    assert answer["schema"] == 1
    assert answer["notices"] == []
    runs = {run["run"]: run for run in answer["runs"]}
    assert list(runs) == ["final", "heads", "train"]
    heads = runs["heads"]
    assert heads["labels"] == list(NAMES)
    assert heads["phase"] == "heads"
    assert heads["threshold"] == 0.3
    assert heads["biases_left_out"] is False
    assert runs["train"]["biases_left_out"] is True
    assert runs["train"]["stages"][0]["steps"] == list(TRAIN_STEPS)
    assert heads["stages"] == [
        {
            "stage": stage.name,
            "depth": stage.depth,
            "filters": stage.filters,
            "positions": [stage.side, stage.side],
            "kind": "filter",
            "steps": list(HEAD_STEPS),
        }
        for stage in STAGES
    ]


@pytest.mark.parametrize("threshold", THRESHOLDS)
def test_stages(tab, threshold):
    rows = tab.json("stages", run="final", threshold=threshold)["rows"]
    assert [row["stage"] for row in rows] == [stage.name for stage in STAGES]
    for row, stage in zip(rows, STAGES, strict=True):
        fields = fields_at(stage, LAST)
        assert list(row) == columns.keys(columns.STAGE_COLUMNS)
        assert_row(row, layer_statistics(find_clusters(fields, threshold)))
        assert row["threshold"] == threshold
        assert row["fc_inputs"] == stage.filters * stage.side**2
        assert row["outputs_per_filter"] == stage.side**2
        assert 0 <= row["accuracy"] <= 1


def test_stages_at_a_step_take_the_latest_before(tab):
    asked = {
        step: tab.json("stages", run="heads", step=step)["rows"] for step in (0, 4, 5, 7, 10**9)
    }
    for step, at in ((0, 0), (4, 0), (5, 5), (7, 5), (10**9, LAST)):
        assert [row["step"] for row in asked[step]] == [at] * len(STAGES)
    assert asked[10**9] == tab.json("stages", run="heads")["rows"]
    for row, stage in zip(asked[7], STAGES, strict=True):
        assert_row(row, layer_statistics(find_clusters(fields_at(stage, 5))))


@pytest.mark.parametrize("threshold", [0.3, 0.5])
def test_curves(tab, threshold):
    rows = tab.json("curves", run="heads", threshold=threshold)["rows"]
    expected = [(stage, step) for stage in STAGES for step in HEAD_STEPS]
    assert [(row["stage"], row["step"]) for row in rows] == [(s.name, t) for s, t in expected]
    for row, (stage, step) in zip(rows, expected, strict=True):
        assert row["exact"] is True
        assert_row(row, layer_statistics(find_clusters(fields_at(stage, step), threshold)))
    one = tab.json("curves", run="heads", stage="layer7", threshold=threshold)["rows"]
    assert one == [row for row in rows if row["stage"] == "layer7"]


@pytest.mark.parametrize("threshold", THRESHOLDS)
def test_filters(tab, threshold):
    stage = STAGES[1]
    fields = fields_at(stage, LAST)
    clusters = find_clusters(fields, threshold)
    answer = tab.json("filters", run="final", stage=stage.name, threshold=threshold)
    assert answer["filters"] == list(range(stage.filters))
    assert answer["step"] == LAST
    np.testing.assert_array_equal(answer["noise"], clusters.noise)
    np.testing.assert_array_equal(answer["clusters"], clusters.num_clusters)
    np.testing.assert_array_equal(np.float32(answer["maximum"]), fields.maxima())
    np.testing.assert_array_equal(answer["dead"], clusters.dead)
    np.testing.assert_array_equal(answer["selectivity"], fields.selectivity())
    np.testing.assert_array_equal(answer["clustered_labels"], clusters.in_cluster.sum(1))
    for size, labels, count in zip(
        answer["cluster_size"], answer["clustered_labels"], answer["clusters"], strict=True
    ):
        assert size == (labels / count if count else None)
    own = [fields.matrix(f).diagonal() for f in range(stage.filters)]
    members = [clusters.members(f) for f in range(stage.filters)]
    for strongest, values, found in zip(answer["strongest"], own, members, strict=True):
        clustered = sorted(label for cluster in found for label in cluster)
        assert strongest == max(clustered, key=lambda label: values[label], default=None)
    with_label = tab.json("filters", run="final", stage=stage.name, threshold=threshold, label=3)
    holding = np.flatnonzero(clusters.in_cluster[:, 3])
    assert with_label["filters"] == holding.tolist()
    assert with_label["noise"] == clusters.noise[holding].tolist()
    assert "labels" not in answer
    query = {"run": "final", "stage": stage.name, "threshold": threshold, "label": 3, "labels": 1}
    assert tab.json("filters", **query)["labels"] == [members[f] for f in holding]
    table = csv.DictReader(io.StringIO(tab.text("filters", **query, format="csv"), newline=""))
    assert [json.loads(row["labels"]) for row in table] == [members[f] for f in holding]


@pytest.mark.parametrize("threshold", THRESHOLDS)
def test_one_filter(tab, threshold):
    stage = STAGES[0]
    fields = fields_at(stage, LAST)
    clusters = find_clusters(fields, threshold)
    statistics = vars(filter_statistics(clusters, fields))
    statistics = {
        k: v for k, v in statistics.items() if k != "labels"
    }  # They are the header's clusters.
    for index in (0, 17, int(np.flatnonzero(clusters.dead)[0])):
        header, data = tab.binary(
            "filter", run="final", stage=stage.name, filter=index, threshold=threshold
        )
        matrix = np.frombuffer(data[:400], "<f4").reshape(10, 10)
        np.testing.assert_array_equal(matrix, fields.matrix(index))
        np.testing.assert_array_equal(unpack(data[400:], 10), fields.boolean(index, threshold))
        shown = header.pop("statistics")
        assert set(shown) == set(statistics)
        assert header == {
            "step": LAST,
            "filter": index,
            "labels": 10,
            "maximum": float(fields.maxima()[index]),
            "dead": bool(clusters.dead[index]),
            "noise": clusters.noise[index],
            "clusters": clusters.members(index),
            "order": clusters.permutation(index).tolist(),
            "threshold": threshold,
        }
        for key, values in statistics.items():
            assert number(shown[key]) == pytest.approx(values[index], abs=0, nan_ok=True)


@pytest.mark.parametrize("threshold", THRESHOLDS)
@pytest.mark.parametrize("corner", [None, 4])
def test_thumbnails(tab, threshold, corner):
    stage = STAGES[1]
    fields = fields_at(stage, LAST)
    clusters = find_clusters(fields, threshold)
    page = [5, 0, 127, 5, *range(30, 90)]
    query = {} if corner is None else {"corner": corner}
    header, data = tab.binary(
        "thumbnails",
        run="final",
        stage=stage.name,
        threshold=threshold,
        filters=",".join(map(str, page)),
        **query,
    )
    size = header["size"]
    assert size == (corner or 10)
    assert header["labels"] == 10
    assert [row["filter"] for row in header["filters"]] == page
    length = -(-size * size // 8)
    assert len(data) == length * len(page)
    for place, (index, row) in enumerate(zip(page, header["filters"], strict=True)):
        order = clusters.permutation(index)[:size]
        np.testing.assert_array_equal(
            unpack(data[place * length : (place + 1) * length], size),
            fields.boolean(index, threshold)[np.ix_(order, order)],
        )
        assert row["labels"] == clusters.members(index)
        assert row["sizes"] == [len(members) for members in clusters.members(index)]
        own = fields.matrix(index).diagonal()
        assert row["strongest"] == max(
            itertools.chain(*row["labels"]), key=lambda i, own=own: own[i], default=None
        )
        assert row["noise"] == clusters.noise[index]
        assert row["clusters"] == clusters.num_clusters[index]
        assert row["dead"] == clusters.dead[index]
        assert row["ones"] == clusters.ones_per_row[index].sum()


@pytest.mark.parametrize("threshold", THRESHOLDS)
def test_labels(tab, threshold):
    stage = STAGES[2]
    fields = fields_at(stage, LAST)
    statistics = label_statistics(find_clusters(fields, threshold), fields)
    rows = tab.json("labels", run="final", stage=stage.name, threshold=threshold)["rows"]
    assert [row["name"] for row in rows] == list(NAMES)
    assert [row["label"] for row in rows] == list(range(10))
    assert {row["inputs"] for row in rows} == {100}
    assert np.mean([row["accuracy"] for row in rows]) == pytest.approx(
        tab.json("stages", run="final")["rows"][2]["accuracy"]
    )
    for name in (field.name for field in dataclasses.fields(statistics)):
        np.testing.assert_array_equal([row[name] for row in rows], getattr(statistics, name), name)


@pytest.mark.parametrize(
    ("route", "query"),
    [
        ("stages", {"run": "heads"}),
        ("curves", {"run": "heads", "stage": "layer2"}),
        ("labels", {"run": "final", "stage": "layer2"}),
        ("following", {"run": "heads", "stage": "layer13"}),
        ("filters", {"run": "final", "stage": "layer2", "threshold": 0.9}),
    ],
)
def test_csv_holds_the_same_numbers(tab, route, query):
    answer = tab.json(route, **query)
    response = tab.get(route, **query, format="csv")
    assert response.mimetype == "text/csv"
    assert response.headers["Content-Disposition"].startswith('attachment; filename="')
    table = list(csv.DictReader(io.StringIO(response.text, newline="")))
    if route == "filters":
        keys = columns.keys(columns.FILTER_COLUMNS)
        names = ["filters", *keys[1:]]
        rows = [
            dict(zip(keys, row, strict=True))
            for row in zip(*(answer[name] for name in names), strict=True)
        ]
    else:
        rows = answer["rows"]
    assert len(table) == len(rows) > 0
    for read, row in zip(table, rows, strict=True):
        assert list(read) == list(row)
        for name, value in row.items():
            value = number(value)
            if isinstance(value, float) and np.isnan(value):
                assert read[name] == ""
            elif isinstance(value, str | bool):
                assert read[name] == str(value)
            else:
                assert float(read[name]) == value


def test_columns_are_the_quantities_that_the_statistics_declare(tab):
    answer = tab.json("columns")
    others = {"heads", "followed_steps", "followed_filters"}
    assert set(answer) == {"stages", "filters", "labels", *others}
    for table, quantities in (
        ("stages", LAYER_QUANTITIES),
        ("filters", [one for one in FILTER_QUANTITIES if one.key != "labels"]),
        ("labels", LABEL_QUANTITIES),
    ):
        shown = {column["key"]: column for column in answer[table]}
        for one in quantities:
            column = shown[one.key]
            assert (column["symbol"], column["title"]) == (one.symbol, one.title)
            assert (column["format"], column["numeric"]) == (one.format, one.numeric)
            assert column["heading"] == one.heading
            assert one.hint in column["hint"]
        assert all(column["hint"] and column["title"] for column in answer[table])


def test_every_declared_statistic_is_a_column_of_its_table(tab):
    rows = tab.json("stages", run="final")["rows"]
    assert {one.key for one in LAYER_QUANTITIES} < set(rows[0])
    filters = tab.json("filters", run="final", stage="layer13")
    numbers = {one.key for one in FILTER_QUANTITIES if one.numeric}
    assert numbers < set(filters)
    header, _ = tab.binary("filter", run="final", stage="layer13", filter=3)
    assert numbers < set(header["statistics"])
    labels = tab.json("labels", run="final", stage="layer13")["rows"]
    assert {one.key for one in LABEL_QUANTITIES} < set(labels[0])


def test_the_earlier_name_of_a_route_still_answers(tab):
    assert tab.json("stages", run="final") == tab.json("stages", run="final")


def test_a_filter_as_csv(tab):
    text = tab.text("filter", run="final", stage="layer13", filter=3, format="csv")
    head, *rows = csv.reader(io.StringIO(text, newline=""))
    assert head == ["label", *NAMES]
    assert [row[0] for row in rows] == list(NAMES)
    read = np.array([[float(cell) for cell in row[1:]] for row in rows], np.float32)
    np.testing.assert_array_equal(read, fields_at(STAGES[2], LAST).matrix(3))


def test_json_is_gzipped_where_it_is_taken(tab):
    response = tab.client.get(
        "/data/plugin/clusters/runs", headers={"Accept-Encoding": "gzip, deflate"}
    )
    assert response.headers["Content-Encoding"] == "gzip"
    assert response.mimetype == "application/json"


def test_an_experiment_s_address_is_served(tab):
    response = tab.client.get("/experiment/exp1/data/plugin/clusters/stages?run=final")
    assert response.json == tab.json("stages", run="final")


def test_tensorboard_shows_the_tab(tab):
    listed = tab.client.get("/data/plugins_listing").json["clusters"]
    assert listed["enabled"]
    assert listed["tab_name"] == "Clusters"
    assert listed["loading_mechanism"]["module_path"].endswith("plugin/clusters/index.js")
    assert not tab.plugin.is_active()


def test_errors_say_what_and_what_to_do(tab):
    for route, query, code, text in (
        ("stages", {}, 400, "run is missing"),
        ("stages", {"run": "no"}, 404, "no run 'no'"),
        ("filters", {"run": "final", "stage": "layer9"}, 404, "no stage 'layer9'"),
        ("filters", {"run": "final", "stage": "layer2", "label": 10}, 404, "0 to 9"),
        ("filter", {"run": "final", "stage": "layer2", "filter": 64}, 404, "0 to 63"),
        ("filters", {"run": "final", "stage": "layer2", "step": 3}, 404, "step 20"),
        ("stages", {"run": "final", "threshold": "1"}, 400, "below 1"),
        ("nothing", {}, 404, "no such file or route"),
    ):
        error = tab.error(route, **query)
        assert (error.code, text in error.text) == (code, True), error
    assert tab.json("stages", run="final", step=3)["rows"] == []


def test_only_get_is_answered(tab):
    for method in ("post", "put", "delete", "head", "options", "patch"):
        for route in ("runs", "stages", "index.js"):
            response = getattr(tab.client, method)(f"/data/plugin/clusters/{route}")
            assert response.status_code == 405
            assert response.headers["Allow"] == "GET"


def test_answers_are_strict_json(tab):
    text = tab.text("stages", run="heads", step=0, threshold=0.95)
    json.loads(text, parse_constant=lambda name: pytest.fail(name))
