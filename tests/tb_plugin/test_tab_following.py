"""The routes that follow clusters over steps give what `follow_clusters` gives."""

import numpy as np
import pytest
from test_tab_routes import NAMES, fields_at

from sfp_keras.filters import find_clusters, follow_clusters
from tb_plugin.demo import HEAD_STEPS, STAGES

STAGE = STAGES[1]


@pytest.mark.parametrize("threshold", [0.3, 0.6])
def test_of_steps_and_filters(tab, threshold):
    answer = tab.json("following", run="heads", stage=STAGE.name, threshold=threshold)
    found = follow_clusters(
        {step: find_clusters(fields_at(STAGE, step), threshold) for step in HEAD_STEPS}
    )
    rows = found.steps_frame().to_dict("records")
    for row, expected in zip(answer["rows"], rows, strict=True):
        for name, value in expected.items():
            assert row[name] == (None if np.isnan(value) else value)
    for name, values in found.filter_columns().items():
        np.testing.assert_array_equal(np.array(answer["filters"][name], float), values)
    described = tab.json("columns")
    assert {one["key"] for one in described["followed_steps"]} == set(rows[0])
    assert {one["key"] for one in described["followed_filters"]} == set(answer["filters"])


def test_of_one_filter(tab):
    fields = {step: fields_at(STAGE, step) for step in HEAD_STEPS}
    found = follow_clusters({step: find_clusters(at) for step, at in fields.items()})
    changing = found.filter_columns()["lives"].argmax()
    answer = tab.json("followed_filter", run="heads", stage=STAGE.name, filter=changing)
    assert (answer["filter"], answer["steps"]) == (changing, list(HEAD_STEPS))
    assert answer["life"] == found.life_id[:, changing].tolist()
    for values, at in zip(answer["fields"], fields.values(), strict=True):
        np.testing.assert_array_equal(np.float32(values), at.normalized(changing).diagonal())
    lives = found.lives.to_frame().query(f"filter == {changing}")
    for name, values in answer["lives"].items():
        np.testing.assert_array_equal(np.array(values), lives[name].replace(np.nan, None))
    assert len(answer["life"][0]) == len(NAMES)


def test_what_cannot_be_followed(tab):
    of_stage = {"run": "heads", "stage": STAGE.name}
    for route, query, code, words in (
        ("following", {"run": "final", "stage": STAGE.name}, 404, "at one step"),
        ("following", {"run": "heads", "stage": "none"}, 404, "no stage"),
        ("followed_filter", of_stage, 400, "filter is missing"),
        ("followed_filter", {**of_stage, "filter": 10**6}, 404, "has no filter"),
    ):
        error = tab.error(route, **query)
        assert error.code == code
        assert words in error.text
