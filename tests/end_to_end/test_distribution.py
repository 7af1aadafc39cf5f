"""--distribute: two devices of TensorFlow, and two processes of JAX, give one device's results."""

import json
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from calling import ROOT, call_again, environment, write_images
from run_files import contents

TWO_DEVICES = str(Path(__file__).parent / "two_devices_main.py")
ACCELERATOR = str(Path(__file__).parent / "accelerator_main.py")
SPREAD = "--distribute=data_parallel"
NETWORKS = {"PYTHONPATH": str(Path(__file__).parent)}


@pytest.fixture(scope="module")
def flags(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """27 and 12 images in batches whose last one, or each one, two devices cannot halve."""
    folder = tmp_path_factory.mktemp("images") / "colours"
    write_images(folder / "train", 9)
    write_images(folder / "test", 4, seed=1)
    return [
        *("--model=own_small_networks:normalised", "--train", "--stages=pool", "--epochs=1"),
        *("--dataset=folder", f"--data_dir={folder}", "--lr=0.001", "--head_epochs=2"),
        *("--batch_size=10", "--head_batch_size=13", "--inference_batch_size=11"),
    ]


def check_same(found: Path, expected: Path) -> None:
    assert set(contents(found)) == set(contents(expected))
    for file in ("training.csv", "layers.csv", "stages/pool/head.csv"):
        tables = [pd.read_csv(run / file) for run in (found, expected)]
        pd.testing.assert_frame_equal(*tables, rtol=1e-4)
    for path in expected.rglob("*.npz"):
        with np.load(found / path.relative_to(expected)) as new, np.load(path) as old:
            for name in old.files:
                np.testing.assert_allclose(new[name], old[name], rtol=1e-3, atol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("images", ["host", "device"])
def test_two_devices_of_tensorflow(
    command: Callable, flags: list[str], tmp_path: Path, images: str
) -> None:
    pytest.importorskip("tensorflow")
    flags = [*flags, "--nomonitor"]
    call_again(*flags, SPREAD, f"--run_dir={tmp_path}/one")
    spread = [SPREAD, f"--images_on={images}"]
    done = command(*flags, *spread, f"--run_dir={tmp_path}/two", script=[TWO_DEVICES], **NETWORKS)
    assert "every batch is spread over 2 devices\n" in done.stdout
    check_same(tmp_path / "two", tmp_path / "one")
    # A speed setting: the finished run is the same experiment without it.
    again = call_again(*flags, f"--run_dir={tmp_path}/two")
    assert "epoch" not in again
    # Layers of a network that comes back are those that were saved.
    assert '"synchronized": true' not in json.dumps(saved_config(tmp_path / "two"))


def saved_config(run: Path) -> dict:
    import keras

    return keras.saving.load_model(run / "model.keras", compile=False).get_config()


@pytest.mark.slow
def test_two_processes_of_jax(command: Callable, flags: list[str], tmp_path: Path) -> None:
    pytest.importorskip("jax")
    flags = [*flags, "--backend=jax"]
    quick = {**NETWORKS, "XLA_FLAGS": "--xla_backend_optimization_level=0"}  # To compile.
    command(*flags, "--nomonitor", f"--run_dir={tmp_path}/one", **quick)
    with socket.socket() as free:
        free.bind(("localhost", 0))
        address = f"localhost:{free.getsockname()[1]}"
    processes = [
        subprocess.Popen(
            [sys.executable, ACCELERATOR, *flags, SPREAD, f"--run_dir={tmp_path}/two"],
            cwd=ROOT,
            env=environment(
                KERAS_DISTRIBUTION_JOB_ADDRESSES=address,
                KERAS_DISTRIBUTION_NUM_PROCESSES="2",
                KERAS_DISTRIBUTION_PROCESS_ID=str(number),
                TMPDIR=str(tmp_path),
                **quick,
            ),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for number in range(2)
    ]
    output = [process.communicate(timeout=600) for process in processes]
    assert [process.returncode for process in processes] == [0, 0], output
    assert "every batch is spread over 2 devices of 2 processes\n" in output[0][0]
    assert "every batch" not in output[1][0]
    check_same(tmp_path / "two", tmp_path / "one")
    assert (tmp_path / "two/events/train").exists()
    # The other process' own directory is gone.
    assert {path.name for path in tmp_path.iterdir()} == {"one", "two"}
