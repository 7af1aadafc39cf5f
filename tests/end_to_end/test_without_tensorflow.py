"""The command on the JAX backend where TensorFlow cannot be imported at all."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

# Python runs a sitecustomize module on its path before anything else.
REFUSING = """
import sys


class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("tensorflow", "tensorflow_datasets"):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
        return None


sys.meta_path.insert(0, Refuse())
"""
TINY = ("--dataset=folder", "--epochs=1", "--head_epochs=2", "--batch_size=8")


@pytest.fixture(scope="module")
def refused(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A folder for PYTHONPATH that makes every import of TensorFlow fail."""
    folder = tmp_path_factory.mktemp("refused")
    (folder / "sitecustomize.py").write_text(REFUSING)
    return str(folder)


def check_results(run: Path, stages: list[str]) -> None:
    assert json.loads((run / "experiment.json").read_text())["backend"] == "jax"
    table = pd.read_csv(run / "layers.csv")
    assert table["stage"].tolist() == stages
    assert table["accuracy"].between(0, 1).all()


def test_tensorflow_is_really_refused(command: Callable, refused: str) -> None:
    for name in ("tensorflow", "tensorflow_datasets"):
        code = f"try:\n import {name}\nexcept ModuleNotFoundError:\n print('refused')"
        assert command(code, script=("-c",), PYTHONPATH=refused).stdout == "refused\n"


def test_tensorflow_backend_is_refused_in_one_line(command: Callable, refused: str) -> None:
    done = command("--backend=tensorflow", "--mode=probe", code=2, PYTHONPATH=refused)
    (line,) = done.stderr.splitlines()
    assert line.startswith("error: --backend=tensorflow cannot be used")


@pytest.mark.slow
def test_own_network_is_probed(
    command: Callable,
    refused: str,
    colour_folder: Path,
    colour_model: Path,
    tmp_path: Path,
) -> None:
    data = (f"--data_dir={colour_folder}", f"--model={colour_model}", "--stages=conv1,conv2")
    asked = ("--mode=probe", "--backend=jax", *TINY, *data, f"--run_dir={tmp_path}/run")
    done = command(*asked, PYTHONPATH=refused)
    assert not done.stderr
    check_results(tmp_path / "run", ["conv1", "conv2"])


def test_papers_network_is_trained_and_probed(
    command: Callable, refused: str, colour_folder: Path, tmp_path: Path
) -> None:
    data = (f"--data_dir={colour_folder}", "--model=vgg6", "--labels=2", "--stages=layer5")
    # No backend is named: JAX is what there is.
    command("--mode=probe", *TINY, *data, f"--run_dir={tmp_path}/run", PYTHONPATH=refused)
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
