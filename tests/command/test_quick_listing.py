"""The list of a paper's network waits for no more than it needs."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SCRIPT = """
import sys
from absl import flags
import main
code = main.main(flags.FLAGS(["main.py", *sys.argv[1:]]))
print(code, *sorted({"tensorflow", "sklearn", "matplotlib"} & set(sys.modules)))
"""


@pytest.mark.slow
def test_a_listing_imports_no_more_than_a_backend(tmp_path: Path) -> None:
    pytest.importorskip("jax")
    flags = ("--preset=vgg16-cifar10", "--dataset=arrays", "--data_dir=images.npz")
    make = (
        "import numpy as np; x = np.zeros((4, 32, 32, 3), np.uint8); y = [0, 1, 0, 1]; "
        "np.savez('images', x_train=x, y_train=y, x_test=x, y_test=y)"
    )
    for command in ((make,), (SCRIPT, *flags, "--list_stages")):
        done = subprocess.run(
            [sys.executable, "-c", *command],
            cwd=tmp_path,
            env={"PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
    assert "* layer13 " in done.stdout
    assert done.stdout.splitlines()[-1] == "0"
