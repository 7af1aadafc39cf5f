"""A finished run is known again by its images, whatever settings led to them."""

from pathlib import Path

import pytest

from sfp_keras.errors import InputError
from sfp_keras.experiment import Experiment
from sfp_keras.workflows.experiment_run import ExperimentRun

DATA = "every+few"


@pytest.fixture
def finished(tmp_path: Path) -> Experiment:
    experiment = Experiment.of(dataset="folder", model="vgg6", run_dir=str(tmp_path), lr=0.1)
    with ExperimentRun(experiment).opened(DATA) as run, run.timed("train"):
        run.model.write_bytes(b"a trained network")
    return experiment


@pytest.mark.parametrize("data", [DATA, "few"])
def test_a_share_that_led_to_the_same_images_is_no_other_run(
    finished: Experiment, data: str
) -> None:
    changed = finished.changed(test_fraction=0.3)
    with ExperimentRun(changed).opened(data):
        pass


@pytest.mark.parametrize(
    ("change", "data", "message"),
    [
        ({}, "others+few", "other images"),
        ({}, "others", "other images"),
        ({"test_fraction": 0.3}, "others+others", "other images"),
        ({"lr": 0.2}, DATA, r"`lr` was 0\.1, now 0\.2"),
    ],
)
def test_other_images_or_settings_are_refused(
    finished: Experiment, change: dict, data: str, message: str
) -> None:
    other = ExperimentRun(finished.changed(**change))
    with pytest.raises(InputError, match=message), other.opened(data):
        pass


@pytest.mark.parametrize("redone", [None, "all"])
def test_a_network_trained_here_is_not_replaced_by_one_that_comes_trained(
    finished: Experiment, redone: str | None
) -> None:
    given = finished.changed(model="a.keras", lr=None, overwrite=redone)
    run = ExperimentRun(given)
    run.training.write_text("epoch,accuracy\n")
    message = "holds a network that was trained there, .* comes trained; choose another `run_dir`$"
    with pytest.raises(InputError, match=message), run.opened(DATA):
        pass
    assert run.model.read_bytes() == b"a trained network"


@pytest.mark.parametrize("flag", ["initial_weights", "weights", "model"])
def test_a_file_that_is_left_out_is_noticed(tmp_path: Path, flag: str) -> None:
    file, run_dir = tmp_path / "network.keras", str(tmp_path / "run")
    file.write_bytes(b"weights")
    without = Experiment.of(run_dir=run_dir)
    given = without.changed(**{flag: str(file)})
    with ExperimentRun(given).opened(DATA) as run, run.timed("train"):
        run.model.write_bytes(b"a trained network")
    now = "vgg6" if flag == "model" else "not given"
    with (
        pytest.raises(InputError, match=rf"`{flag}` was a file of SHA-256 \w+, now {now};"),
        ExperimentRun(without).opened(DATA),
    ):
        pass
    # Where the file lies makes no difference.
    moved = file.rename(tmp_path / "moved.keras")
    with ExperimentRun(given.changed(**{flag: str(moved)})).opened(DATA):
        pass
    moved.write_bytes(b"others")
    with (
        pytest.raises(InputError, match=rf"`{flag}` was a file of SHA-256 \w+, now a file of"),
        ExperimentRun(given.changed(**{flag: str(moved)})).opened(DATA),
    ):
        pass


def test_settings_that_a_training_did_not_read_are_not_compared(tmp_path: Path) -> None:
    links = Experiment.of(
        run_dir=str(tmp_path), mode="afcc", afcc_links=("output",), flip=False, weights="w.h5"
    )

    def run(experiment: Experiment) -> None:
        with ExperimentRun(experiment).opened(DATA) as opened, opened.timed("links"):
            (tmp_path / "links/output").mkdir(parents=True, exist_ok=True)
            (tmp_path / "links/output/results.csv").touch()

    both = links.changed(
        afcc_links_start=("trained", "scratch"), afcc_links_scratch_epochs=9, afcc_links_lr=0.02
    )
    fewer = {"afcc_links_variants": ("clusters",), "afcc_links_random_labels": 3}
    run(links.changed(afcc_links_lr=0.02, **fewer))
    run(both)
    # Nothing is trained on augmented images again; what was is remembered.
    run(both.changed(afcc_links_start=("trained",)))
    run(both.changed(afcc_links_start=("scratch",), afcc_links_lr=0.05))
    run(both)
    for changed in (
        {"flip": True},
        {"afcc_links_scratch_epochs": 7},
        {"afcc_links_lr": 0.05},
    ):
        with pytest.raises(InputError, match=f"`{next(iter(changed))}` was"):
            run(both.changed(**changed))
