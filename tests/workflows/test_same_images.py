"""A finished run is known again by its images, whatever settings led to them."""

import dataclasses
from pathlib import Path

import pytest

from sfp_keras.errors import InputError
from sfp_keras.experiment import Experiment
from sfp_keras.run_directory import RunDirectory

DATA = "every+few"


@pytest.fixture
def finished(tmp_path: Path) -> Experiment:
    experiment = Experiment(dataset="folder", model="vgg6", run_dir=str(tmp_path), lr=0.1)
    with RunDirectory(experiment).opened(DATA) as run, run.timed("train"):
        run.model.write_bytes(b"a trained network")
    return experiment


@pytest.mark.parametrize("data", [DATA, "few"])
def test_a_share_that_led_to_the_same_images_is_no_other_run(
    finished: Experiment, data: str
) -> None:
    changed = dataclasses.replace(finished, test_fraction=0.3)
    with RunDirectory(changed).opened(data):
        pass


@pytest.mark.parametrize(
    ("change", "data", "message"),
    [
        ({}, "others+few", "other images"),
        ({}, "others", "other images"),
        ({"test_fraction": 0.3}, "others+others", "other images"),
        ({"lr": 0.2}, DATA, r"--lr was 0\.1, now 0\.2"),
    ],
)
def test_other_images_or_settings_are_refused(
    finished: Experiment, change: dict, data: str, message: str
) -> None:
    other = RunDirectory(dataclasses.replace(finished, **change))
    with pytest.raises(InputError, match=message), other.opened(data):
        pass
