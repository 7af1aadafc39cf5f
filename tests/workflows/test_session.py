"""What a session finds in a run directory when it begins."""

from pathlib import Path

import keras
import numpy as np
import pytest

from sfp_keras.data import UNSCALED, ImageDataset, ImageSplit
from sfp_keras.distribution import current_devices
from sfp_keras.experiment import Experiment
from sfp_keras.runs import RunFiles
from sfp_keras.workflows.inputs.inputs import Inputs
from sfp_keras.workflows.session import ProbeSession


@pytest.mark.parametrize("processes", [1, 2])
def test_several_processes_begin_a_pass_anew(
    processes: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Process 0 alone has the rows of one that was stopped."""
    split = ImageSplit(np.zeros((4, 8, 8, 3), np.uint8), np.arange(4) % 2)
    dataset = ImageDataset("made", split, split, ("a", "b"), (0, 1))
    inputs = keras.Input((8, 8, 3))
    network = keras.Model(inputs, keras.layers.GlobalAveragePooling2D()(inputs))
    experiment = Experiment.of(run_dir=str(tmp_path / "run"))
    files = RunFiles(experiment.directory)
    with ProbeSession.open(Inputs(experiment, dataset, UNSCALED, network)) as session:
        session.run.begin("train")
    rows = [files.features(phase) / "progress.npz" for phase in ("heads", "links", "afcc-test")]
    for path in (*rows, files.images / "train.npy"):
        path.parent.mkdir(parents=True)
        path.touch()
    monkeypatch.setattr(current_devices(), "processes", processes, raising=False)
    with ProbeSession.open(Inputs(experiment, dataset, UNSCALED, network)):
        assert [path.exists() for path in rows] == [processes == 1] * 3
        assert (files.images / "train.npy").exists()


def test_a_narrower_network_reads_the_decoded_images_of_the_run_around_it(tmp_path: Path) -> None:
    run = RunFiles(tmp_path / "mine")
    own = RunFiles(run.ablation("conv1").narrower(8))
    assert own.images == own.path / "cache/images"  # A folder of the user's that is called so.
    run.path.mkdir()
    run.record.path.touch()
    narrower = RunFiles(run.ablation("conv1").narrower(8))
    assert narrower.images == run.images
    assert narrower.features("heads") != run.features("heads")
