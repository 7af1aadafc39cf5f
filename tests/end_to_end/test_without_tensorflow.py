"""The command on the JAX backend where TensorFlow cannot be imported at all."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

# A folder for PYTHONPATH that makes every import of TensorFlow fail.
REFUSED = str(Path(__file__).parents[1] / "without_tensorflow")
TINY = ("--dataset=folder", "--epochs=1", "--head_epochs=2", "--batch_size=8")
QUICK = {"PYTHONPATH": REFUSED, "XLA_FLAGS": "--xla_backend_optimization_level=0"}  # To compile.


def check_results(run: Path, stages: list[str]) -> None:
    assert json.loads((run / "experiment.json").read_text())["backend"] == "jax"
    table = pd.read_csv(run / "layers.csv")
    assert table["stage"].tolist() == stages
    assert table["accuracy"].between(0, 1).all()


def test_tensorflow_is_really_refused(command: Callable) -> None:
    for name in ("tensorflow", "tensorflow_datasets"):
        code = f"try:\n import {name}\nexcept ModuleNotFoundError:\n print('refused')"
        assert command(code, script=("-c",), PYTHONPATH=REFUSED).stdout == "refused\n"


def test_tensorflow_backend_is_refused_in_one_line(command: Callable) -> None:
    done = command("--backend=tensorflow", "--mode=probe", code=2, PYTHONPATH=REFUSED)
    (line,) = done.stderr.splitlines()
    assert line.startswith("error: --backend=tensorflow cannot be used")


@pytest.mark.slow
def test_own_network_is_probed(
    command: Callable,
    colour_folder: Path,
    colour_model: Path,
    tmp_path: Path,
) -> None:
    data = (f"--data_dir={colour_folder}", f"--model={colour_model}", "--stages=conv1,conv2")
    asked = ("--mode=probe", "--backend=jax", *TINY, *data, f"--run_dir={tmp_path}/run")
    done = command(*asked, **QUICK)
    assert not done.stderr
    check_results(tmp_path / "run", ["conv1", "conv2"])


@pytest.mark.slow
def test_papers_network_is_trained_and_probed(
    command: Callable, colour_folder: Path, tmp_path: Path
) -> None:
    network = ("--model=vgg6", "--filters=1:8,2:8,3:8,4:8,5:8", "--stages=layer5")
    data = (f"--data_dir={colour_folder}", "--labels=2")
    # No backend is named: JAX is what there is.
    command("--mode=probe", *TINY, *network, *data, f"--run_dir={tmp_path}/run", **QUICK)
    check_results(tmp_path / "run", ["layer5"])
    assert pd.read_csv(tmp_path / "run" / "training.csv")["epoch"].tolist() == [0]


@pytest.mark.slow
def test_tensorflow_beside_jax_says_nothing_and_notes_are_plain(
    command: Callable, colour_folder: Path, colour_model: Path, tmp_path: Path
) -> None:
    # Keras imports it to load and to save a network.
    shutil.copytree(colour_folder, tmp_path / "images")
    (tmp_path / "images/train/red/text.png").write_text("no image")
    done = command(
        *(*TINY, "--backend=jax", f"--data_dir={tmp_path}/images", f"--model={colour_model}"),
        *("--stages=conv2", f"--run_dir={tmp_path}/run"),
    )
    (line,) = done.stderr.splitlines()
    assert line.startswith("1 unreadable image left out: ")
    assert line.endswith("text.png (not an image)")
    check_results(tmp_path / "run", ["conv2"])
