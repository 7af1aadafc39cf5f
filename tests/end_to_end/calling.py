"""Running the command in this process or in one of its own, and images to run it on."""

import contextlib
import io
import os
import sys
from pathlib import Path

import numpy as np
from absl import app, flags
from absl.testing import flagsaver
from PIL import Image

ROOT = Path(__file__).parents[2]
# Most networks of tests are made and not trained, and are right by chance alone.
ALWAYS = ("--at_chance=go_on",)
COLOURS = {"blue": 2, "green": 1, "red": 0}


def environment(**more: str) -> dict[str, str]:
    kept = {k: v for k, v in os.environ.items() if k not in ("KERAS_BACKEND", "PYTHONPATH")}
    return {**kept, "TF_CPP_MIN_LOG_LEVEL": "3", "COLUMNS": "100", **more}


def call_main(*arguments: str) -> int:
    """What `python main.py` does with these flags, in this process; returns the exit code."""
    sys.path.insert(0, str(ROOT))
    try:
        import main
    finally:
        sys.path.remove(str(ROOT))
    with flagsaver.flagsaver():
        flags.FLAGS.unparse_flags()
        return main.main(app.parse_flags_with_usage(["main.py", *ALWAYS, *arguments]))


def call_again(*arguments: str) -> str:
    """A command that must succeed, in this process, which has imported TensorFlow; its output."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = call_main(*arguments)
    assert code == 0, f"{arguments}\n{out.getvalue()}\n{err.getvalue()}"
    assert "Warning" not in err.getvalue(), err.getvalue()
    return out.getvalue()


def write_images(folder: Path, count: int, size: int = 32, seed: int = 0) -> None:
    """`count` noisy images of each of three colours, in one folder a colour."""
    rng = np.random.default_rng(seed)
    for name, channel in COLOURS.items():
        (folder / name).mkdir(parents=True, exist_ok=True)
        for i in range(count):
            pixels = rng.integers(0, 90, (size, size, 3), dtype=np.uint8)
            pixels[..., channel] += 120
            Image.fromarray(pixels).save(folder / name / f"{i:03}.png")


def own_training_flags(name: str, images: Path) -> list[str]:
    """To train a network of own_small_networks.py on these images and probe it."""
    return [
        *(f"--model=own_small_networks:{name}", "--train", "--batch_size=8"),
        *("--dataset=folder", f"--data_dir={images}", "--head_batch_size=8"),
        *("--epochs=3", "--head_epochs=2", "--nomonitor"),
    ]
