"""Figures and tables of ablations of few and of many labels, with what is not a number."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from sfp_keras.analyses import Ablation, print_ablation
from sfp_keras.analyses.catalog.removed_filters import draw_removal
from sfp_keras.analyses.catalog.silenced_labels import draw_labels
from sfp_keras.papers import paper_numbers
from sfp_keras.reports import save_figure, terminal

PAPER_OF, AVGG = (
    paper_numbers(model, "cifar10", 10).removed_filters("layer13") for model in ("vgg16", "avgg16")
)
SUMMARY = pd.DataFrame(
    {
        "removed": [0, 150, 500],
        "left": [512, 362, 12],
        "mean": [0.94, 0.93, 0.2],
        "std": [0.0, 0.01, np.nan],
        "least": [0.94, 0.92, 0.1],
        "most": [0.94, 0.94, 0.3],
    }
)
WIDTHS = pd.DataFrame(
    {
        "layers": ["", "13", "11-12-13"],
        "width": [512, 350, 120],
        "network_accuracy": [0.94, 0.93, None],
        "accuracy": [0.94, 0.935, 0.91],
    }
)


def labels(count: int) -> pd.DataFrame:
    rng = np.random.default_rng(count)
    kinds = ["accuracy", "others"]
    table = pd.DataFrame(
        {f"{kind}{of}": rng.random(count) for kind in kinds for of in ("", "_silenced", "_random")}
    )
    table.loc[0, ["accuracy", "accuracy_silenced", "accuracy_random"]] = np.nan
    names = [f"label {i}" for i in range(count - 1)]
    return table.assign(
        name=["$\\bad$ [b]_name", *names], silenced=range(count), label=range(count)
    )


@pytest.mark.parametrize("count", [2, 30, 31, 1000])
def test_labels(count: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    figure = draw_labels(labels(count), "layer$13$")
    files = save_figure(figure, tmp_path / "labels")
    assert [file.suffix for file in files] == [".png", ".svg"]
    assert all(file.stat().st_size > 5000 for file in files)
    ticks = figure.axes[0].get_xticklabels()
    assert len(ticks) == (count if count <= 30 else 0)
    print_ablation(Ablation("layer13", SUMMARY, labels(count), WIDTHS), terminal())
    assert f"0 to {count - 1}, on average" in capsys.readouterr().out


@pytest.mark.parametrize("paper", [PAPER_OF, AVGG, None])
def test_removal(paper: object, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    figure = draw_removal(SUMMARY, WIDTHS.iloc[1:], "layer13", paper)  # type: ignore[arg-type]
    save_figure(figure, tmp_path / "removal")
    points = {line.get_label(): line.get_xydata().tolist() for line in figure.axes[0].lines}
    assert points["removed at random"] == [[0, 94], [150, 93], [500, 20]]
    np.testing.assert_allclose(points["trained with fewer"], [[162, 93.5], [392, 91]])
    print_ablation(
        Ablation("layer13", SUMMARY, labels(2), WIDTHS, paper),  # type: ignore[arg-type]
        terminal(),
    )
    out = capsys.readouterr().out
    assert ("+0.0000" in out) == (paper is PAPER_OF)
    assert ("unchanged" in out) == (paper is PAPER_OF)
    for text in ("-0.0100", "0.9350", "11, 12, 13", "as it is"):
        assert text in out
