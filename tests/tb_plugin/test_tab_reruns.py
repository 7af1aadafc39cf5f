"""Trainings that begin again, or go on, in the folder of an earlier one."""

import pytest
from tab_server import TabServer

from sfp_keras.filters import find_clusters, layer_statistics
from sfp_keras.monitoring import schema
from sfp_keras.monitoring.writer import MonitorWriter
from tb_plugin.demo import STAGES, make_fields


def train(folder, steps, *, labels=10, stage="last", first_step=None, factors=True):
    names = tuple(f"label {i} of {labels}" for i in range(labels))
    with MonitorWriter(folder) as writer:
        writer.about(schema.About("train", names, 0.3, first_step=first_step))
        for step in steps:
            fields = make_fields(STAGES[2], labels, 0.5, seed=len(names) + step)
            header = schema.header_of(stage, 0, step, fields)
            writer.measurement(header, fields, factors=factors or step == max(steps))


def noises(tab, threshold=0.3):
    rows = tab.json("curves", run="train", threshold=threshold)["rows"]
    return {row["step"]: row["noise"] for row in rows}


def noise(labels, step):
    fields = make_fields(STAGES[2], labels, 0.5, seed=labels + step)
    return layer_statistics(find_clusters(fields)).noise


@pytest.mark.parametrize("live", [False, True])
@pytest.mark.parametrize("factors", [True, False])
def test_a_training_anew_takes_the_place_of_the_earlier_one(tmp_path, live, factors):
    train(tmp_path / "train", range(12), first_step=0, factors=factors)
    tab = TabServer(tmp_path)
    assert set(noises(tab)) == set(range(12))
    train(tmp_path / "train", (1, 2), labels=4, first_step=0)
    if live:
        tab.reload()
    else:
        tab = TabServer(tmp_path)
    (run,) = tab.json("runs")["runs"]
    assert run["labels"] == [f"label {i} of 4" for i in range(4)]
    assert [stage["steps"] for stage in run["stages"]] == [[1, 2]]
    assert noises(tab) == {1: noise(4, 1), 2: noise(4, 2)}
    assert [row["step"] for row in tab.json("stages", run="train")["rows"]] == [2]
    assert tab.json("stages", run="train", step=0)["rows"] == []
    assert tab.error("filters", run="train", stage="last", step=0).code == 404


def test_a_training_anew_hides_the_earlier_one_from_its_beginning(tmp_path):
    train(tmp_path / "train", range(3), first_step=0)
    train(tmp_path / "train", (), first_step=0)
    tab = TabServer(tmp_path)
    (run,) = tab.json("runs")["runs"]
    assert (run["stages"], run["labels"][0]) == ([], "label 0 of 10")
    assert tab.json("stages", run="train")["rows"] == []


def test_a_stage_that_is_called_otherwise_now_is_gone(tmp_path):
    train(tmp_path / "train", range(3), stage="re_lu_2", first_step=0)
    train(tmp_path / "train", range(2), stage="re_lu_3", first_step=0)
    (run,) = TabServer(tmp_path).json("runs")["runs"]
    assert [stage["stage"] for stage in run["stages"]] == ["re_lu_3"]


def test_a_training_that_goes_on_keeps_what_came_before(tmp_path):
    train(tmp_path / "train", range(5), first_step=0)
    train(tmp_path / "train", (3, 4, 5), first_step=3)
    tab = TabServer(tmp_path)
    assert noises(tab) == {step: noise(10, step) for step in range(6)}


def test_logs_that_do_not_say_where_they_began_are_shown_whole(tmp_path):
    train(tmp_path / "train", range(3))
    train(tmp_path / "train", (0,))
    assert set(noises(TabServer(tmp_path))) == {0, 1, 2}


def test_names_are_kept_where_a_stage_has_other_labels(tmp_path):
    train(tmp_path / "train", (0,), labels=4, stage="stage9")
    train(tmp_path / "train", (0,), labels=10, stage="stage1")
    (run,) = TabServer(tmp_path).json("runs")["runs"]
    assert run["labels"] == [f"label {i} of 10" for i in range(10)]


@pytest.mark.parametrize("first_step", ["0", -1, 0.5, True])
def test_a_beginning_that_is_no_step_is_said_to_be_damaged(tmp_path, first_step):
    train(tmp_path / "train", (0, 1), first_step=first_step)
    answer = TabServer(tmp_path).json("runs")
    assert "first_step" in answer["notices"][0]
    assert answer["runs"][0]["stages"][0]["steps"] == [0, 1]
