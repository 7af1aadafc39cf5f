"""Records of older run directories are read as they were meant."""

import json
from pathlib import Path

from sfp_keras.experiment import PHASES, Experiment

# Written when the settings were one flat list of flags.
OLD = json.loads((Path(__file__).parent / "old_experiment.json").read_text())


def test_an_old_record_is_read() -> None:
    experiment = Experiment.from_json(OLD["flags"])
    assert experiment.data.image_size == ("64", "48")
    assert experiment.afcc.thresholds == (0.2, 0.3)
    assert experiment.sweep.labels == (20, 40)
    assert experiment.network.options == {"blocks": ("3:1",), "stage9": False}
    again = experiment.to_json()
    assert {name: again[name] for name in OLD["flags"]} == OLD["flags"]


def test_results_of_an_old_record_depend_on_the_same_settings() -> None:
    experiment = Experiment.from_json(OLD["flags"])
    phases = {phase: experiment.settings(phase) for phase in PHASES}
    assert {phase: phases[phase] for phase in OLD["phases"]} == OLD["phases"]


def test_an_old_command_has_the_same_flags() -> None:
    flags = set(Experiment.from_json(OLD["flags"]).command().split(" --"))
    newer = {"notrain", "at_chance=stop", *(f for f in flags if f.startswith("afcc_links_"))}
    assert set(OLD["command"].split(" --")) == flags - newer
