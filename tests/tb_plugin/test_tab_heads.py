"""Heads trained again, and more of them, while TensorBoard stays open."""

import shutil

import numpy as np
import pytest
from tab_server import TabServer

from sfp_keras.monitoring import HeadsMonitor
from sfp_keras.probing import FeatureCache, HeadSettings, train_heads

pytestmark = pytest.mark.usefixtures("not_compiled")
DEPTHS = {"layer2": 0, "layer7": 1, "layer13": 2}


def train(folder, stages, epochs, **arguments):
    rng = np.random.default_rng(0)
    arrays = {name: rng.random((40, 4)).astype(np.float32) for name in stages}
    cache = FeatureCache(arrays, np.arange(40) % 3, 30, dict.fromkeys(stages, ()))
    arguments |= {"every": 1, "attention_heads": {"layer7": 2}}
    monitor = HeadsMonitor(folder, cache, ("x", "y", "z"), DEPTHS, **arguments)
    train_heads(cache, 3, HeadSettings(epochs=epochs), callbacks=[monitor])


def steps(tab):
    (run,) = tab.json("runs")["runs"]
    return {stage["stage"]: stage["steps"] for stage in run["stages"]}


def curve(tab):
    rows = tab.json("curves", run="heads")["rows"]
    return [(row["stage"], row["step"]) for row in rows]


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """The log of a training of two stages' heads."""
    folder = tmp_path_factory.mktemp("trained") / "heads"
    train(folder, ("layer2", "layer7"), 4)
    return folder


@pytest.mark.parametrize("max_mb", [50, pytest.param(0, marks=pytest.mark.slow)])
def test_of_heads_trained_anew_only_the_new_training_is_shown(tmp_path, max_mb):
    train(tmp_path / "heads", ("layer2", "layer7"), 4, max_mb=max_mb)
    tab = TabServer(tmp_path)
    assert len(curve(tab)) == 8
    # Between two looks of TensorBoard's: it keeps what it has read.
    shutil.rmtree(tmp_path / "heads")
    train(tmp_path / "heads", ("layer2",), 2, max_mb=max_mb)
    tab.reload()
    assert curve(tab) == [("layer2", 0), ("layer2", 1)]
    train(tmp_path / "heads", ("layer13",), 1, max_mb=max_mb)
    tab.reload()
    new = [place for place in curve(tab) if place[0] != "layer7"]
    assert new == [("layer2", 0), ("layer2", 1), ("layer13", 0)]


def test_heads_of_more_stages_leave_the_others_in_place(tmp_path, trained):
    shutil.copytree(trained, tmp_path / "heads")
    train(tmp_path / "heads", ("layer13",), 2)
    tab = TabServer(tmp_path)
    rows = tab.json("heads_over_steps", run="heads", stage="layer7")["rows"]
    assert [row["step"] for row in rows] == [0, 1, 2, 3]
    assert steps(tab) == {
        "layer2": [0, 1, 2, 3],
        "layer7": [0, 1, 2, 3],
        "layer13": [0, 1],
    }


def test_heads_of_one_stage_trained_anew_leave_the_others_in_place(tmp_path, trained):
    shutil.copytree(trained, tmp_path / "heads")
    train(tmp_path / "heads", ("layer2",), 2)
    assert steps(TabServer(tmp_path)) == {"layer2": [0, 1], "layer7": [0, 1, 2, 3]}
