"""A user's own architecture through phase 1, sweeps and presets, as the papers' networks."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from calling import call_main, own_training_flags

STAGES = ["conv2d", "conv2d_1"]


@pytest.fixture
def flags(monkeypatch: pytest.MonkeyPatch, colour_folder: Path) -> Callable[..., list[str]]:
    # Members of a sweep are processes of their own, which look where they are started.
    monkeypatch.chdir(Path(__file__).parent)
    return lambda name="small": own_training_flags(name, colour_folder)


def test_a_network_with_a_size_of_its_own(flags: Callable, tmp_path: Path) -> None:
    run = tmp_path / "run"
    assert call_main(*flags("with_own_size"), "--mode=train", f"--run_dir={run}") == 0
    record = json.loads((run / "experiment.json").read_text())
    assert record["flags"]["train"] is True
    assert (run / "model.keras").exists()


def test_heads_of_kept_versions_are_those_of_new_images_every_epoch(
    flags: Callable, tmp_path: Path
) -> None:
    """As long as there are as many versions as epochs."""
    run = tmp_path / "run"
    common = [*flags(), "--head_data=augmented", "--cache_dtype=float32", f"--run_dir={run}"]
    heads = {}
    for more in ([], ["--head_versions=2", "--cache_gib=0", "--shuffled_labels"]):
        assert call_main("--mode=probe", "--overwrite=heads", *common, *more) == 0
        for name in STAGES:
            with np.load(run / "stages" / name / "head.npz") as file:
                heads.setdefault(name, []).append(file["kernel"])
    for name, (new, kept) in heads.items():
        assert kept.shape == new.shape
        np.testing.assert_allclose(kept, new, rtol=1e-3, atol=1e-5, err_msg=name)
    # What the labels of new images cannot be.
    assert "shuffled0" in set(pd.read_csv(run / "heads.csv")["head"])


# Members are whole processes.
@pytest.mark.slow
def test_a_sweep_trains_it_for_every_number_of_labels(flags: Callable, tmp_path: Path) -> None:
    folder = tmp_path / "sweep"
    few = ["--mode=sweep", "--sweep_labels=2,3", f"--run_dir={folder}"]
    assert call_main(*flags(), *few) == 0
    table = pd.read_csv(folder / "members.csv")
    assert sorted(set(table["K"])) == [2, 3]
    assert set(STAGES) <= set(table["stage"])


@pytest.mark.slow
def test_it_is_trained_with_fewer_filters(
    flags: Callable, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = tmp_path / "run"
    stage = ["--mode=ablate", "--ablate_stage=max_pooling2d_1", "--ablate_removed=2"]
    assert call_main(*flags(), *stage, "--ablate_widths=3", f"--run_dir={run}") == 0
    assert "conv2d_1:3 filters" in capsys.readouterr().out
    table = pd.read_csv(run / "ablate" / "max_pooling2d_1" / "widths.csv").fillna("")
    assert table["width"].tolist() == [8, 3]
    assert table["layers"].tolist() == ["", "conv2d_1"]
    narrow = run / "ablate" / "max_pooling2d_1" / "width-3"
    assert pd.read_csv(narrow / "layers.csv")["filters"].tolist() == [3]

    by_name = [*stage, "--ablate_widths=2", "--ablate_layers=conv2d,conv2d_1"]
    assert call_main(*flags(), *by_name, f"--run_dir={run}") == 0
    assert "conv2d-conv2d_1" in (run / "ablate" / "max_pooling2d_1" / "widths.csv").read_text()

    capsys.readouterr()
    wrong = [*stage, "--ablate_widths=9", "--ablate_layers=dense"]
    assert call_main(*flags(), *wrong, f"--run_dir={run}") == 2
    assert "--ablate_widths=9 is not fewer than the 3 filters" in capsys.readouterr().err


def test_a_preset_may_name_it(
    flags: Callable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, colour_folder: Path
) -> None:
    from sfp_keras.command import preset

    monkeypatch.setattr(preset, "PRESETS", tmp_path)
    (tmp_path / "small-folder.flags").write_text(
        "--model=own_small_networks:small\n--train\n--dataset=folder\n--schedule_epochs=1\n"
    )
    assert preset.choose("own_small_networks:small", "folder", None) == "small-folder"
    assert preset.choose("small", "folder", None) is None
    run = tmp_path / "run"
    given = ("--mode=train", "--preset=small-folder", f"--data_dir={colour_folder}")
    assert call_main(*given, f"--run_dir={run}") == 0
    assert len(pd.read_csv(run / "training.csv")) == 1


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--fc_widths=5"], "--fc_widths is no option of own_small_networks:small; vgg6"),
        (["--model=x.keras"], "--train: --model=x.keras is not trained from its beginning"),
        (["--weights=a.h5"], "--weights is for networks with a name"),
        (["--filters=conv2d:a"], "--filters=conv2d:a: give a layer and a number each"),
        (["--filters=dense:2"], "changes the outputs"),
        (["--model=own_small_networks:with_own_size", "--labels=2"], "but the data has 2 labels"),
    ],
)
def test_what_cannot_be_trained_is_one_line(
    more: list[str],
    message: str,
    flags: Callable,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert call_main(*flags(), *more, f"--run_dir={tmp_path / 'run'}") == 2
    error = capsys.readouterr().err
    assert message in error
    assert len(error.strip().splitlines()) == 1
