"""The examples of CONTRIBUTING.md, added to a copy of the project, work."""

import ast
import csv
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parents[1]
BLOCK = re.compile(r"^```(python|js|sh)\n(.*?)^```$", re.DOTALL | re.MULTILINE)

# The commands one after another in one process, then what the tab would show.
SCRIPT = """
import io, json, shlex, sys
from contextlib import redirect_stdout
from pathlib import Path

from absl import app, flags
from absl.testing import flagsaver

import main
from sfp_keras.workflows.report import writer

save = writer.save_figure


def save_maxima(figure, path):
    if path.name.endswith("-maxima"):
        return save(figure, path)
    path.parent.mkdir(parents=True, exist_ok=True)
    files = [path.with_name(f"{path.name}.{form}") for form in ("png", "svg")]
    for file in files:
        file.touch()
    return files


# To draw the others takes most of a report's time.
writer.save_figure = save_maxima
found = {"output": []}
for command in json.loads(sys.argv[1]):
    out = io.StringIO()
    with flagsaver.flagsaver(), redirect_stdout(out):
        flags.FLAGS.unparse_flags()
        code = main.main(app.parse_flags_with_usage(shlex.split(command)[1:]))
    assert code == 0, command
    found["output"].append(out.getvalue())

import keras
from gain import Gain
from sfp_keras import links, prune_filters

inputs = keras.Input((4, 4, 3))
x = Gain(name="gain")(keras.layers.Conv2D(3, 1, name="conv")(inputs))
model = keras.Model(inputs, keras.layers.Dense(2)(keras.layers.Flatten()(x)))
found["sources"] = [link.sources for link in links(model)]
found["gain"] = prune_filters(model, "conv", [0]).get_layer("gain").output.shape[-1]

from tb_plugin.columns import described
from tb_plugin.static_files import StaticFiles

found["columns"], found["modules"] = described(), StaticFiles("/").modules()
Path("found.json").write_text(json.dumps(found))
"""


def add_to(copy: Path, language: str, code: str) -> None:
    """Add a block to the copy, as its first line says."""
    first, _, rest = code.partition("\n")
    name = first.split()[-1]
    if "at the end of" not in first:
        file = copy / name
        assert not file.exists(), f"{name} is a new file"
        file.write_text(rest)
        return
    file, class_name = copy / name, first.split()[5]
    lines = file.read_text().splitlines()
    (body,) = (
        node
        for node in ast.parse("\n".join(lines)).body
        if isinstance(node, ast.ClassDef) and node.name == class_name
    )
    lines[body.end_lineno : body.end_lineno] = rest.splitlines()
    file.write_text("\n".join(lines) + "\n")


def write_digits(folder: Path) -> None:
    # Not where every process collects this test.
    from sklearn.datasets import load_digits

    digits = load_digits()
    rows = np.column_stack([digits.data, digits.target]).astype(int)
    folder.mkdir()
    for name, part in (("optdigits.tra", rows[:1000]), ("optdigits.tes", rows[1000:])):
        np.savetxt(folder / name, part, fmt="%d", delimiter=",")


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the project with all examples, in which their commands ran."""
    folder = tmp_path_factory.mktemp("copy")
    for name in ("sfp_keras", "flags", "tb_plugin"):
        shutil.copytree(ROOT / name, folder / name)
    shutil.copy(ROOT / "main.py", folder)
    commands = []
    for language, code in BLOCK.findall((ROOT / "CONTRIBUTING.md").read_text()):
        if language == "sh":
            commands.append(code.strip())
        else:
            add_to(folder, language, code)
    write_digits(folder / "digits")
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, json.dumps(commands)],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(folder), "COLUMNS": "120"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture(scope="module")
def found(copy: Path) -> dict:
    return json.loads((copy / "found.json").read_text())


def test_the_network_is_trained_and_probed_with_its_option(copy: Path) -> None:
    with open(copy / "run" / "layers.csv") as file:
        rows = list(csv.DictReader(file))
    assert [row["stage"] for row in rows] == ["layer1_pool", "layer2_pool", "layer3_pool"]
    assert [int(row["filters"]) for row in rows] == [4, 8, 16]


def test_the_source_is_read_with_the_network_it_names(found: dict) -> None:
    (listed,) = (text for text in found["output"] if "stages of three" in text)
    assert "* layer3_pool" in listed


def test_the_statistic_is_in_the_files_and_in_the_tab(copy: Path, found: dict) -> None:
    stage = copy / "run" / "stages" / "layer2_pool"
    with open(stage / "test" / "filters.csv") as file:
        shares = [float(row["negative_share"]) for row in csv.DictReader(file)]
    saved, kernel = np.load(stage / "test" / "fields.npz"), np.load(stage / "head.npz")["kernel"]
    matrices = np.einsum("kpf,pfl->fkl", saved["features"], kernel)
    wanted = (matrices < 0).mean(axis=(1, 2))
    assert wanted.any()
    np.testing.assert_allclose(shares, wanted, atol=0.005)
    assert "negative_share" in [column["key"] for column in found["columns"]["filters"]]


def test_the_analysis_is_in_the_report(copy: Path) -> None:
    figures = copy / "run" / "figures"
    for ending in ("png", "svg", "csv", "tex", "md"):
        assert (figures / f"test-layer3_pool-maxima.{ending}").exists()
    assert "Largest element of each filter" in (copy / "run" / "report.html").read_text()


@pytest.mark.slow
@pytest.mark.parametrize(
    "tests", ["models/test_registry.py -k three", "analyses/test_catalog.py -k maxima"]
)
def test_the_contract_tests_take_the_examples_up(copy: Path, tests: str) -> None:
    shutil.copytree(ROOT / "tests", copy / "tests", dirs_exist_ok=True)
    shutil.copy(ROOT / "pyproject.toml", copy)
    file, *more = tests.split()
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", f"tests/{file}", *more],
        cwd=copy,
        env={**os.environ, "PYTHONPATH": str(copy)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout


def test_the_kind_of_layer_is_followed_and_loses_filters(found: dict) -> None:
    assert found["sources"] == [["gain"]]
    assert found["gain"] == 2


def test_the_view_is_among_those_that_the_tab_loads(found: dict) -> None:
    assert "views/dead.js" in found["modules"]
