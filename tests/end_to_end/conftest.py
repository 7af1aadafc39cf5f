"""Running the command as its users do, and tiny images and networks to run it on."""

import json
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
from calling import ALWAYS, ROOT, call_main, environment, write_images
from run_files import contents


@pytest.fixture(scope="session")
def command() -> Callable[..., subprocess.CompletedProcess]:
    """Run `python main.py` with these flags; by default it must succeed and be silent on stderr."""

    def run(
        *flags: str, script: Sequence[str] = ("main.py",), code: int = 0, **more: str
    ) -> subprocess.CompletedProcess:
        done = subprocess.run(
            [sys.executable, *script, *flags, *ALWAYS],
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


@pytest.fixture(scope="session")
def killed() -> Iterator[Callable[..., str]]:
    """Run the command until a file is put in place, where it is killed; its output till then."""
    script = Path(__file__).with_name("killed_mains.py")
    with subprocess.Popen(
        [sys.executable, str(script)],
        env=environment(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as server:
        assert server.stdin
        assert server.stdout

        def run(ending: str, number: int, moment: str, *flags: str) -> str:
            asked = [ending, number, moment, flags]
            print(json.dumps(asked), file=server.stdin, flush=True)
            output = ""
            for line in server.stdout:
                if line.startswith("exit code "):
                    assert line == f"exit code {-signal.SIGKILL}\n", f"{flags}\n{output}"
                    return output
                output += line
            raise AssertionError(output)

        yield run
    assert server.returncode == 0


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
        output = capsys.readouterr()
        assert done == code, output.err
        assert (contents(colour_folder), colour_model.read_bytes()) == before
        return output.out if code == 0 else output.err

    return run
