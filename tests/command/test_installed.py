"""What is installed: the command alone, with every preset, in an empty directory."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
BUILD = "import sys; from setuptools.build_meta import build_wheel; build_wheel(sys.argv[1])"
PIP = (sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of this checkout, built without network."""
    pytest.importorskip("setuptools")
    folder = tmp_path_factory.mktemp("wheel")
    # Building writes into the source, so it is a copy.
    source = folder / "source"
    source.mkdir()
    for name in ("sfp_keras", "flags", "tb_plugin", "setup.py", "setup.cfg", "pyproject.toml"):
        subprocess.run(["cp", "-r", str(ROOT / name), str(source)], check=True)
    for name in ("README.md", "LICENSE"):
        subprocess.run(["cp", str(ROOT / name), str(source)], check=True)
    # As pip calls it, which itself takes as long again.
    asked = [sys.executable, "-c", BUILD, str(folder)]
    subprocess.run(asked, cwd=source, check=True, capture_output=True)
    (built,) = folder.glob("*.whl")
    return built


def test_the_wheel_has_every_file_of_the_packages(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        packed = {name for name in archive.namelist() if ".dist-info/" not in name}
    presets = ROOT / "flags" / "presets"
    wanted = {f"sfp_keras/presets/{p.relative_to(presets)}" for p in presets.rglob("*.flags")}
    for name in ("sfp_keras", "tb_plugin"):
        files = [path for path in (ROOT / name).rglob("*") if path.is_file()]
        wanted |= {str(p.relative_to(ROOT)) for p in files if "__pycache__" not in p.parts}
    assert packed == wanted


@pytest.mark.slow
def test_the_installed_command_runs_in_an_empty_directory(wheel: Path, tmp_path: Path) -> None:
    target, empty = tmp_path / "site", tmp_path / "empty"
    empty.mkdir()
    subprocess.run([*PIP, "install", "--no-deps", f"--target={target}", str(wheel)], check=True)
    assert {path.name for path in target.iterdir() if "." not in path.name} == {
        *("bin", "sfp_keras", "tb_plugin"),
    }

    def run(*command: str) -> str:
        done = subprocess.run(
            [sys.executable, *command],
            cwd=empty,
            env={**os.environ, "PYTHONPATH": str(target), "COLUMNS": "100"},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    script = str(target / "bin" / "sfp-keras")
    assert "    sfp-keras --dataset=" in run(script, "--help")
    assert "    python -m sfp_keras --dataset=" in run("-m", "sfp_keras", "--help")
    assert run(script, "--version").startswith("sfp-keras ")
    listed = run(script, "--preset=vgg6-cifar10", "--dataset=digits", "--list_stages")
    assert "layer5_" in listed
    quick = ("--preset=vgg6-digits", "--labels=3", "--epochs=1", "--head_epochs=1")
    small = ("--filters=1:8,2:8,3:8,4:8,5:8", "--stages=layer5", "--nomonitor")
    output = run(script, *quick, *small)
    assert "layer5" in output
    assert [path.name for path in empty.iterdir()] == ["runs"]
