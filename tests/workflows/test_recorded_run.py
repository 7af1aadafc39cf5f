"""Finding the run that a report is of."""

import os
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
