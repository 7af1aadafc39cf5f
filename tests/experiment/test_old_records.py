"""Records of older run directories are read as they were meant."""

import json
from pathlib import Path

from sfp_keras.experiment import PHASES, Experiment, all_declarations
from sfp_keras.runs import RunPlan
from sfp_keras.workflows.experiment_run import run_plan

# Written when the settings were one flat list of flags.
OLD = json.loads((Path(__file__).parent / "old_experiment.json").read_text())
# Of newer settings that are off.
IDLE = {"weight_decay", "warmup_lr", "min_lr", "cooldown_epochs"} | {
    "rand_magnitude",
    "rand_magnitude_std",
}
NEWER = {name for name, one in all_declarations().items() if one.setting.newer}


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
    phases = {
        phase: {k: v for k, v in experiment.settings(phase).items() if k not in NEWER}
        for phase in PHASES
    }
    assert {phase: phases[phase] for phase in OLD["phases"]} == OLD["phases"]


def test_a_training_that_was_begun_before_newer_settings_goes_on() -> None:
    experiment = Experiment.from_json(OLD["flags"])
    begun = RunPlan(OLD["flags"], OLD["phases"], {}, "")
    assert run_plan(experiment).digest("train") == begun.digest("train")
    smoothed = experiment.changed(label_smoothing=0.1)
    assert run_plan(smoothed).digest("train") != begun.digest("train")


def test_an_old_command_has_the_same_flags() -> None:
    flags = set(Experiment.from_json(OLD["flags"]).command().split(" --"))
    off = {
        "notrain",
        "at_chance=stop",
        "nobootstrap",
        "noshuffled_labels",
        "noown_head",
        "head_seeds=1",
    }
    newer = off | {
        flag
        for flag in flags
        if flag.startswith(("afcc_links_", "monitor_stages_"))
        or flag.partition("=")[0] in (NEWER | IDLE)
    }
    assert set(OLD["command"].split(" --")) == flags - newer
