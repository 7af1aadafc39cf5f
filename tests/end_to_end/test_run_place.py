"""Where a run may be: never over files of the user's, and what it leaves of its own."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from calling import call_again
from run_files import contents

QUICK = ("--stages=conv2", "--head_epochs=1", "--nomonitor")


@pytest.fixture(scope="module")
def finished(
    colour_folder: Path, colour_model: Path, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """A finished run directory of the probed network, to be copied."""
    run = tmp_path_factory.mktemp("finished") / "run"
    data = ("--dataset=folder", f"--data_dir={colour_folder}", f"--model={colour_model}")
    call_again(*data, *QUICK, f"--run_dir={run}")
    return run


@pytest.mark.parametrize("name", [".draft.tmp", "notes/.draft.tmp", "cache/features/mine", "a.csv"])
@pytest.mark.parametrize("overwrite", [(), ("--overwrite=train",)], ids=["plain", "overwrite"])
def test_a_folder_with_other_files_is_refused_and_left(
    name: str, overwrite: tuple[str, ...], probe: Callable, tmp_path: Path
) -> None:
    (tmp_path / "mine" / name).parent.mkdir(parents=True)
    (tmp_path / "mine" / name).write_text("mine")
    before = contents(tmp_path)
    error = probe(*QUICK, *overwrite, "--run_dir=mine", code=2)
    assert len(error.splitlines()) == 1
    assert f"--run_dir=mine holds other files, such as {name.split('/')[0]}" in error
    assert contents(tmp_path) == before


@pytest.mark.parametrize("foreign", ["{}", "{", '{"phases": {}}'])
def test_an_experiment_json_of_another_program_is_refused(
    foreign: str, probe: Callable, tmp_path: Path
) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/experiment.json").write_text(foreign)
    before = contents(tmp_path)
    error = probe(*QUICK, "--overwrite=train", "--run_dir=mine", code=2)
    assert "experiment.json is damaged" in error
    assert {n: d for n, d in contents(tmp_path).items() if n != "mine/.lock"} == before


@pytest.mark.parametrize("overwrite", [(), ("--overwrite=train",)], ids=["plain", "overwrite"])
def test_the_network_itself_is_never_replaced(
    overwrite: tuple[str, ...],
    probe: Callable,
    colour_model: Path,
    finished: Path,
    tmp_path: Path,
) -> None:
    (tmp_path / "mine").mkdir()
    shutil.copy(colour_model, tmp_path / "mine/model.keras")
    alone = contents(tmp_path)
    flags = (*QUICK, *overwrite, "--run_dir=mine")
    error = probe(*flags, code=2, model="mine/model.keras")
    assert "--model=mine/model.keras lies in the run directory mine" in error
    assert "--run_dir" in error
    assert contents(tmp_path) == alone

    # Not even where the folder is a run directory, of this very network.
    shutil.copytree(finished, tmp_path / "run")
    before = (tmp_path / "run/model.keras").read_bytes()
    error = probe(*QUICK, *overwrite, "--run_dir=run", code=2, model="run/model.keras")
    assert "lies in the run directory" in error
    assert (tmp_path / "run/model.keras").read_bytes() == before


def test_a_network_put_into_a_run_directory_does_not_count_as_trained(
    probe: Callable, finished: Path, tmp_path: Path
) -> None:
    shutil.copytree(finished, tmp_path / "run")
    experiment = tmp_path / "run/experiment.json"
    saved = json.loads(experiment.read_text())
    experiment.write_text(json.dumps({**saved, "phases": {}, "results": {}}))
    shutil.rmtree(tmp_path / "run/stages")
    for model in (None, "vgg6"):
        error = probe(*QUICK[1:], "--run_dir=run", "--epochs=1", code=2, model=model)
        assert "model.keras was not made by this run" in error
        assert (tmp_path / "run/model.keras").is_file()


@pytest.mark.slow
def test_redoing_the_heads_keeps_decoded_images(probe: Callable, tmp_path: Path) -> None:
    probe(*QUICK, "--run_dir=run", "--cache_gib=0", "--keep_cache")
    assert (tmp_path / "run/cache/features/conv2.npy").is_file()
    images = tmp_path / "run/cache/images/some-train-32x32.npy"
    images.parent.mkdir()
    images.write_text("decoded")
    probe(*QUICK, "--run_dir=run", "--overwrite=heads")
    assert images.read_text() == "decoded"
    assert not (tmp_path / "run/cache/features").exists()
    assert not (tmp_path / "run/checkpoint").exists()
    images.unlink()
    images.parent.rmdir()
    probe(*QUICK, "--run_dir=run", "--overwrite=heads")
    assert not (tmp_path / "run/cache").exists()


def test_a_stage_may_be_called_labels(
    probe: Callable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "named_labels.py").write_text(
        "import keras\n\n"
        "def net():\n"
        "    inputs = keras.Input((32, 32, 3))\n"
        "    x = keras.layers.Conv2D(4, 3, name='labels')(inputs)\n"
        "    x = keras.layers.Conv2D(4, 3, strides=4, name='complete')(x)\n"
        "    return keras.Model(inputs, keras.layers.Dense(3)(keras.layers.Flatten()(x)))\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    flags = ("--stages=labels,complete", "--head_epochs=2", "--cache_gib=0", "--nomonitor")
    probe(*flags, "--run_dir=run", model="named_labels:net")
    assert (tmp_path / "run/stages/labels/head.npz").is_file()


def test_the_paths_printed_are_those_of_the_split(probe: Callable, tmp_path: Path) -> None:
    text = probe(*QUICK, "--run_dir=run[b]", "--split=train")
    (line,) = [line for line in text.splitlines() if "filters.csv" in line]
    path = Path(line.split()[0].replace("<stage>", "conv2"))
    assert (tmp_path / path).is_file()


def test_names_of_stages_are_never_cut(
    probe: Callable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    long = "a_very_long_name_of_a_layer_" + "x" * 60
    (tmp_path / "long_names.py").write_text(
        "import keras\n\n"
        "def net():\n"
        "    inputs = keras.Input((32, 32, 3))\n"
        f"    x = keras.layers.Conv2D(4, 3, name={long!r})(inputs)\n"
        "    return keras.Model(inputs, keras.layers.Dense(3)(keras.layers.Flatten()(x)))\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setenv("COLUMNS", "40")
    assert long in probe("--list_stages", model="long_names:net")


def test_the_cache_may_be_a_link_to_another_disk(probe: Callable, tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    (tmp_path / "run").mkdir()
    (tmp_path / "run/cache").symlink_to(tmp_path / "disk")
    probe(*QUICK, "--run_dir=run", "--cache_gib=0", "--keep_cache")
    assert (tmp_path / "disk/features/conv2.npy").is_file()
