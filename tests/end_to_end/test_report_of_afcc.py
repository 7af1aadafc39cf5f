"""A report of a run that was never probed: AFCC measures what it needs on the training images."""

import json
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from calling import call_main


def test_stages_are_in_the_networks_order(
    probe: Callable[..., str], tmp_path: Path, capsys: pytest.CaptureFixture[str], undrawn: None
) -> None:
    run = tmp_path / "run"
    afcc = ["--mode=afcc", "--stages=pool1,conv2", "--afcc_epochs=1", "--afcc_variants=clusters"]
    heads = ("--head_epochs=20", "--head_lr=0.05")
    for stage in ("conv2", "pool1"):
        probe(*afcc, *heads, f"--afcc_stage={stage}", f"--run_dir={run}")
    saved = json.loads((run / "experiment.json").read_text())
    order = saved["results"]["stage_order"]
    measured = {path.parents[1].name for path in run.glob("stages/*/train/fields.npz")}
    assert measured == {"pool1", "conv2"}
    assert sorted(order, key=order.get) == ["pool1", "conv2"]

    capsys.readouterr()
    assert call_main("--mode=report", f"--run_dir={run}") == 2
    error = capsys.readouterr().err
    assert f"--run_dir={run} has no stage measured on test images; give --split=train" in error
    assert call_main("--mode=report", f"--run_dir={run}", "--split=train") == 0
    shown = pd.read_csv(run / "figures" / "train-layers.csv")["stage"].tolist()
    assert shown == ["pool1", "conv2"]
