"""A report of a run that was never probed: AFCC measures what it needs on the training images."""

import json
from collections.abc import Callable
from pathlib import Path

import pandas as pd
from calling import call_main


def test_stages_are_in_the_networks_order(
    probe: Callable[..., str], tmp_path: Path, capsys
) -> None:
    run = tmp_path / "run"
    afcc = ["--mode=afcc", "--stages=pool1,conv2", "--afcc_stage=conv2", "--afcc_epochs=1"]
    heads = ("--head_epochs=20", "--head_lr=0.05")
    probe(*afcc, *heads, "--afcc_variants=clusters", f"--run_dir={run}")
    saved = json.loads((run / "experiment.json").read_text())
    order = saved["results"]["stage_order"]
    measured = {path.parents[1].name for path in run.glob("stages/*/train/fields.npz")}
    assert measured <= set(order)
    assert sorted(order, key=order.get) == [one for one in ("pool1", "conv2") if one in order]

    capsys.readouterr()
    assert call_main("--mode=report", f"--run_dir={run}") == 2
    error = capsys.readouterr().err
    assert f"--run_dir={run} has no stage measured on test images; give --split=train" in error
    assert call_main("--mode=report", f"--run_dir={run}", "--split=train") == 0
    shown = pd.read_csv(run / "figures" / "train-layers.csv")["stage"].tolist()
    assert shown == [one for one in ("pool1", "conv2") if one in measured]
