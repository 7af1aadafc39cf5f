"""The script that joins runs of several seeds."""

import runpy
import sys
from pathlib import Path

import pandas as pd
import pytest

SCRIPT = Path(__file__).parents[2] / "docs/results/several_seeds.py"


def test_means_and_deviations_are_those_over_seeds(tmp_path, monkeypatch, capsys):
    others = dict.fromkeys(("clusters", "cluster_size", "snr_internal", "snr_external"), 1.0)
    runs = {"net-a-0": (0.8, 3.0), "net-a-1": (0.9, 6.0), "net-b-0": (0.7, 5.0)}
    for name, (accuracy, noise) in runs.items():
        folder = tmp_path / name
        folder.mkdir()
        pd.DataFrame({"epoch": [0, 1], "test_accuracy": [0.1, accuracy]}).to_csv(
            folder / "training.csv", index=False
        )
        rows = [
            {"stage": "layer1", "split": split, "accuracy": accuracy, "noise": value, **others}
            for split, value in (("test", noise), ("train", 99.0))
        ]
        pd.DataFrame(rows).to_csv(folder / "layers.csv", index=False)
    monkeypatch.setattr(
        sys, "argv", ["", *map(str, (tmp_path / "out", *(tmp_path / n for n in runs)))]
    )
    runpy.run_path(str(SCRIPT), run_name="__main__")
    table = pd.read_csv(tmp_path / "out/seeds.csv").set_index("network")
    assert table.loc["net-a", ["seeds", "epochs"]].tolist() == [2, 2]
    assert table.loc["net-a", "network_accuracy_mean"] == pytest.approx(0.85)
    assert table.loc["net-a", "noise_mean"] == pytest.approx(4.5)
    assert table.loc["net-a", "noise_std"] == pytest.approx(4.5**0.5)
    assert "| net-b | layer1 | 1 | 2 | 0.700 |" in capsys.readouterr().out
    assert len(pd.read_csv(tmp_path / "out/layers.csv")) == 3
