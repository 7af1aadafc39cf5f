"""Finding the run that a report is of."""

import json
import os
import shlex
from pathlib import Path

import pytest

from sfp_keras.errors import InputError
from sfp_keras.experiment import Experiment
from sfp_keras.workflows.report.recorded_run import read_run


def refused(path: Path) -> str:
    with pytest.raises(InputError) as error:
        read_run(Experiment.of(mode="report", run_dir=str(path)))
    return str(error.value)


def test_runs_that_were_meant_are_named_the_newest_first(tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    assert f"make one first: python main.py --mode=probe --run_dir={runs}" in refused(runs)
    for age, name in enumerate(("mine-seed1", "mine-seed0", "old", "older")):
        (runs / name).mkdir(parents=True)
        record = runs / name / "experiment.json"
        record.write_text("{}")
        os.utime(record, (10**9 - age, 10**9 - age))
    named = " or ".join(f"`run_dir`={runs / name}" for name in ("mine-seed1", "mine-seed0", "old"))
    for path in (runs, runs / "mine"):
        expected = f"{path}/experiment.json is missing; did you mean {named}?"
        assert refused(path) == expected


@pytest.mark.parametrize(
    ("command", "again"),
    [
        (
            "python main.py --mode=afcc --run_dir='runs/an old place' --decay='0.5/2<=4'",
            "python main.py --mode=probe --split=test --run_dir={path} --decay='0.5/2<=4'",
        ),
        (
            "sfp_keras.probe(model, train, test, stages=['late'])",
            "sfp_keras.probe(model, train, test, stages=['late']) with `split`=test",
        ),
    ],
)
def test_what_is_measured_already_is_named(tmp_path: Path, command: str, again: str) -> None:
    path = tmp_path / "my runs"
    saved = {
        "format": 1,
        **{key: {} for key in ("phases", "seconds", "flags", "results")},
        "command": command,
    }
    (path / "stages" / "late" / "train").mkdir(parents=True)
    (path / "experiment.json").write_text(json.dumps(saved))
    nothing = f"`run_dir`={path} has no stage measured on test images; "
    again = again.format(path=shlex.quote(str(path)))
    assert refused(path) == f"{nothing}first run {again}"
    (path / "stages" / "late" / "train" / "fields.npz").write_bytes(b"")
    assert refused(path) == f"{nothing}give `split`=train, which it has, or first run {again}"
