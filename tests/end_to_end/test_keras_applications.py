"""A network of keras.applications, made by a function, on a folder of images."""

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from calling import call_again

FACTORY = """
import keras


def small_mobilenet():
    keras.utils.set_random_seed(0)
    return keras.applications.MobileNetV2(
        input_shape=(32, 32, 3), alpha=0.35, weights=None, classes=3
    )
"""


@pytest.mark.slow
def test_mobilenet_from_a_factory(
    command: Callable, colour_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "networks_of_applications.py").write_text(FACTORY)
    flags = [
        *(
            "--model=networks_of_applications:small_mobilenet",
            "--dataset=folder",
            "--head_epochs=1",
        ),
        *(f"--data_dir={colour_folder}", f"--run_dir={tmp_path}/run"),
        "--scaling=keras.applications.mobilenet_v2:preprocess_input",
    ]
    monkeypatch.syspath_prepend(tmp_path)
    listed = call_again(*flags, "--list_stages")
    rows = dict(re.findall(r"(\w+) {2,}([\dx]+) ", listed))
    assert rows["out_relu"] == "1x1x1280"
    assert rows["expanded_conv_project_BN"] == "16x16x8"
    assert len(re.findall(r"^ +\* ", listed, re.MULTILINE)) >= 3
    assert not (tmp_path / "run").exists()

    command(*flags, "--stages=block_13_expand_relu,out_relu", PYTHONPATH=str(tmp_path))
    layers = pd.read_csv(tmp_path / "run" / "layers.csv")
    assert layers["stage"].tolist() == ["block_13_expand_relu", "out_relu"]
    assert layers["filters"].tolist() == [192, 1280]
    assert layers["outputs_per_filter"].tolist() == [4, 1]
    with np.load(tmp_path / "run/stages/out_relu/head.npz", allow_pickle=False) as head:
        assert head["kernel"].shape == (1, 1280, 3)
