"""Running the command as its users do, and tiny images and networks to run it on."""

import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from absl import app, flags
from absl.testing import flagsaver
from PIL import Image
from run_files import contents

ROOT = Path(__file__).parents[2]
COLOURS = {"blue": 2, "green": 1, "red": 0}


def environment(**more: str) -> dict[str, str]:
    kept = {k: v for k, v in os.environ.items() if k not in ("KERAS_BACKEND", "PYTHONPATH")}
    return {**kept, "TF_CPP_MIN_LOG_LEVEL": "3", "COLUMNS": "100", **more}


@pytest.fixture(scope="session")
def command() -> Callable[..., subprocess.CompletedProcess]:
    """Run `python main.py` with these flags; by default it must succeed and be silent on stderr."""

    def run(
        *flags: str, script: Sequence[str] = ("main.py",), code: int = 0, **more: str
    ) -> subprocess.CompletedProcess:
        done = subprocess.run(
            [sys.executable, *script, *flags],
            cwd=ROOT,
            env=environment(**more),
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
        )
        assert done.returncode == code, f"{flags}\n{done.stdout}\n{done.stderr}"
        assert "Traceback" not in done.stderr
        if code == 0:
            assert "Warning" not in done.stderr, done.stderr
        return done

    return run


def call_main(*arguments: str) -> int:
    """What `python main.py` does with these flags, in this process; returns the exit code."""
    sys.path.insert(0, str(ROOT))
    try:
        import main
    finally:
        sys.path.remove(str(ROOT))
    with flagsaver.flagsaver():
        flags.FLAGS.unparse_flags()
        return main.main(app.parse_flags_with_usage(["main.py", *arguments]))


def write_images(folder: Path, count: int, size: int = 32, seed: int = 0) -> None:
    """`count` noisy images of each of three colours, in one folder a colour."""
    rng = np.random.default_rng(seed)
    for name, channel in COLOURS.items():
        (folder / name).mkdir(parents=True, exist_ok=True)
        for i in range(count):
            pixels = rng.integers(0, 90, (size, size, 3), dtype=np.uint8)
            pixels[..., channel] += 120
            Image.fromarray(pixels).save(folder / name / f"{i:03}.png")


@pytest.fixture(scope="session")
def colour_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """train/ and test/ with 8 and 4 images of blue, green and red: labels 0, 1, 2."""
    folder = tmp_path_factory.mktemp("images") / "colours"
    write_images(folder / "train", 8)
    write_images(folder / "test", 4, seed=1)
    return folder


@pytest.fixture(scope="session")
def colour_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A network of two convolutions whose outputs are the red, green and blue of the image."""
    import keras

    inputs = keras.Input((32, 32, 3), name="image")
    x = keras.layers.Conv2D(4, 3, padding="same", activation="relu", name="conv1")(inputs)
    x = keras.layers.MaxPooling2D(4, name="pool1")(x)
    x = keras.layers.Conv2D(6, 3, padding="same", activation="relu", name="conv2")(x)
    x = keras.layers.GlobalAveragePooling2D(name="mean")(x)
    outputs = keras.layers.Dense(3, name="scores")(x)
    model = keras.Model(inputs, outputs, name="colours")
    centre = np.zeros((3, 3, 3, 4), np.float32)
    centre[1, 1] = np.eye(3, 4)
    middle = np.zeros((3, 3, 4, 6), np.float32)
    middle[1, 1] = np.eye(4, 6)
    weights = [centre, np.zeros(4), middle, np.zeros(6), np.eye(6, 3), np.zeros(3)]
    model.set_weights(weights)
    path = tmp_path_factory.mktemp("model") / "colours.keras"
    model.save(path)
    return path


@pytest.fixture
def probe(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    colour_folder: Path,
    colour_model: Path,
) -> Callable[..., str]:
    """Run the command on the user's network and images, which stay as they are; its output."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "120")

    def run(*arguments: str, code: int = 0, model: str | None = None) -> str:
        before = contents(colour_folder), colour_model.read_bytes()
        capsys.readouterr()
        always = ("--dataset=folder", f"--data_dir={colour_folder}", "--head_epochs=2")
        done = call_main(*always, f"--model={model or colour_model}", *arguments)
        said = capsys.readouterr()
        assert done == code, said.err
        assert (contents(colour_folder), colour_model.read_bytes()) == before
        return said.out if code == 0 else said.err

    return run
