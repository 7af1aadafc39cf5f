"""`--mode=probe` on a network and a folder of images that are the user's own."""

import re
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from calling import COLOURS
from PIL import Image
from run_files import contents

# The network's outputs are red, green, blue; the class folders sort as blue, green, red.
ORDER = "--class_names=red,green,blue"
SWAPPING = "--scaling=keras.applications.vgg16:preprocess_input"  # takes RGB, returns BGR


def accuracy_of(text: str) -> float:
    (number,) = re.findall(r"network: test accuracy ([\d.]+)", text)
    return float(number)


def test_list_stages_shows_what_can_be_probed_and_writes_nothing(
    probe: Callable, tmp_path: Path
) -> None:
    text = probe("--list_stages")
    rows = _stages(text)
    assert rows == {"conv1": True, "pool1": False, "conv2": True}
    assert "32x32x4" in text
    assert "8x8x6" in text
    assert not list(tmp_path.iterdir())


def _stages(text: str) -> dict[str, bool]:
    """Each listed stage, and whether it has the star."""
    rows = re.findall(r"^ +(\*?) *(\w+) +\d+x", text, re.MULTILINE)
    return {name: star == "*" for star, name in rows}


def test_a_whole_run(probe: Callable, tmp_path: Path, colour_model: Path) -> None:
    text = probe(ORDER)
    assert "24 training and 12 test images, 3 labels" in text
    assert accuracy_of(text) == 1
    assert "near chance" not in text
    (run,) = (tmp_path / "runs").iterdir()
    assert run.name == "colours-colours-seed0"
    layers = pd.read_csv(run / "layers.csv")
    assert layers["stage"].tolist() == ["conv1", "conv2"]
    assert layers["filters"].tolist() == [4, 6]
    assert layers["outputs_per_filter"].tolist() == [32 * 32, 8 * 8]
    assert pd.read_csv(run / "labels.csv")["name"].tolist() == ["red", "green", "blue"]
    assert not (run / "training.csv").exists()

    # The same network from a function gives the same table, to the last digit.
    (tmp_path / "my_package").mkdir()
    (tmp_path / "my_package/__init__.py").touch()
    (tmp_path / "my_package/networks.py").write_text(
        "import keras\n\n"
        "def colours():\n"
        f"    return keras.saving.load_model({str(colour_model)!r}, compile=False)\n"
    )
    sys.path.insert(0, str(tmp_path))
    try:
        text = probe(ORDER, "--run_dir=made", model="my_package.networks:colours")
    finally:
        sys.path.remove(str(tmp_path))
        for name in ("my_package", "my_package.networks"):
            sys.modules.pop(name, None)
    assert accuracy_of(text) == 1
    assert (tmp_path / "made/layers.csv").read_bytes() == (run / "layers.csv").read_bytes()

    # Another order of the labels is another experiment.
    before = contents(run)
    error = probe("--class_names=blue,green,red", f"--run_dir={run}", code=2)
    assert re.search(r"holds (another experiment: --class_names|results of other images)", error)
    assert contents(run) == before


@pytest.mark.parametrize(
    ("flags", "accuracy"),
    [
        ((), 1 / 3),  # only green is where its label is
        (("--class_names=green,blue,red",), 0),
        ((SWAPPING,), 1),
        ((SWAPPING, ORDER), 1 / 3),
        (("--scaling=0..1", ORDER), 1),
        (("--scaling=1,1,1/1,1,1", ORDER), 1 / 3),  # no pixel above 0: all outputs 0
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_the_networks_accuracy_exposes_wrong_scaling_and_order(
    probe: Callable, tmp_path: Path, flags: tuple[str, ...], accuracy: float
) -> None:
    quick = ("--stages=conv2", "--head_epochs=1", "--nomonitor", *flags)
    if accuracy < 1 and flags:
        # Sooner than with heads; without flags it goes on.
        error = probe(*quick, "--at_chance=stop", code=2)
        assert f"guesses, with a test accuracy of {accuracy:.4f} among 3 labels" in error
        return
    text = probe(*quick)
    assert accuracy_of(text) == pytest.approx(accuracy, abs=1e-4)
    assert ("near chance: check --scaling and --class_names" in text) == (accuracy < 1)


def test_at_chance_it_stops_until_the_order_or_scaling_is_mended(
    probe: Callable, tmp_path: Path
) -> None:
    quick = ("--stages=conv2", "--head_epochs=1", "--run_dir=run", "--nomonitor")
    stops = (*quick, "--at_chance=stop")
    error = probe(*stops, "--class_names=green,blue,red", code=2)
    assert "the network guesses, with a test accuracy of 0.0000 among 3 labels" in error
    assert "mend --scaling=0..255 or --class_names=green,blue,red and run again" in error
    assert "--at_chance=go_on" in error
    assert not (tmp_path / "run/stages").exists()
    # The same folder, and nothing to redo.
    assert accuracy_of(probe(*stops, ORDER)) == 1
    before = contents(tmp_path / "run")
    error = probe(*stops, ORDER, "--scaling=0..1", code=2)
    assert "--scaling was not given, now 0..1" in error
    assert "measure all again with --overwrite=all (the network stays as it is)" in error
    assert contents(tmp_path / "run") == before
    assert accuracy_of(probe(*stops, ORDER, "--scaling=0..1", "--overwrite=all")) == 1
    after = contents(tmp_path / "run")
    assert after["stages/conv2/head.npz"] != before["stages/conv2/head.npz"]
    # Whoever has heads of it went on.
    swapped = ("--scaling=1,1,1/1,1,1", ORDER, *quick, "--run_dir=other")
    assert "near chance" in probe(*swapped)
    probe(*swapped, "--at_chance=stop", "--threshold=0.5")


def test_names_in_a_file_and_a_tree_without_splits(
    probe: Callable, tmp_path: Path, colour_folder: Path
) -> None:
    (tmp_path / "names.txt").write_text("red\ngreen\nblue\n")
    shutil.copytree(colour_folder / "train", tmp_path / "tree")
    text = probe(
        *("--data_dir=tree", "--test_fraction=0.25", "--class_names=names.txt"),
        *("--stages=conv2", "--head_epochs=1"),
    )
    assert "18 training and 6 test images, 3 labels" in text
    assert accuracy_of(text) == 1


def test_a_network_of_one_channel_gets_grey_images(
    probe: Callable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "grey_networks.py").write_text(
        "import keras\n\n"
        "def net(channels=1):\n"
        "    inputs = keras.Input((32, 32, channels))\n"
        "    x = keras.layers.Conv2D(4, 3, strides=4, name='conv')(inputs)\n"
        "    return keras.Model(inputs, keras.layers.Dense(3)(keras.layers.Flatten()(x)))\n\n"
        "def infrared():\n"
        "    return net(4)\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    error = probe("--run_dir=run", model="grey_networks:infrared", code=2)
    assert "takes images of 4 channels, and images are given as RGB or grey" in error
    probe("--run_dir=run", "--stages=conv", "--nomonitor", model="grey_networks:net")
    assert (tmp_path / "run/stages/conv/head.npz").is_file()


@pytest.mark.slow
def test_attention_heads_are_silenced_at_the_input_as_well(
    probe: Callable, tmp_path: Path, colour_folder: Path
) -> None:
    import keras

    from sfp_keras.models import build_network
    from sfp_keras.probing import cut_stages, measure_single_heads
    from sfp_keras.runs import RunFiles
    from sfp_keras.runs.stage_results import read_head

    network = build_network(
        "cct2_3x2", 3, input_shape=(32, 32, 3), encoders=1, attention_heads=2, token_width=8
    )
    network.save(tmp_path / "cct.keras")
    heads = "encoder1_heads"
    flags = (f"--stages={heads},encoder1_ff2", "--pool=sequence", "--nomonitor", "--run_dir=run")
    text = probe(*flags, model="cct.keras")
    measured = [name for name in contents(tmp_path / "run") if name.endswith("single_heads.npz")]
    assert measured == [f"stages/{heads}/test/single_heads.npz"]

    images, labels = [], []
    for label, name in enumerate(sorted(COLOURS)):
        for path in sorted((colour_folder / "test" / name).iterdir()):
            images.append(np.asarray(Image.open(path), np.float32))
            labels.append(label)
    cut = cut_stages(keras.saving.load_model("run/model.keras"), heads, "sequence")
    trained = {heads: read_head(RunFiles("run"), heads)}
    single = measure_single_heads(cut, trained, (np.stack(images), np.array(labels)), 2)[heads]
    with np.load(f"run/{measured[0]}") as saved:
        np.testing.assert_allclose(saved["features"], single.at_input.features, rtol=1e-4)
    assert f"a head's fields differ by {single.mean_difference:.1%} on average" in text
