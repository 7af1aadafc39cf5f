"""`--mode=ablate` against zeroed rows of a Keras head and forward passes; reruns and mistakes."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import keras
import numpy as np
import pandas as pd
import pytest
from calling import call_main
from PIL import Image
from run_files import contents

from sfp_keras.data import random_order
from sfp_keras.filters import FilterFields, find_clusters

NARROW = "--filters=1:4,2:4,3:4,4:7,5:8"
FOLDER = "ablate/layer4"


@pytest.fixture(scope="module")
def run(colour_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SimpleNamespace]:
    """A run directory after an ablation, the same again, and other commands."""
    folder = tmp_path_factory.mktemp("ablate") / "run"
    flags = [
        *("--model=vgg6", NARROW, "--dataset=folder", f"--data_dir={colour_folder}"),
        *("--batch_size=8", "--lr=0.02", "--epochs=2", "--head_epochs=4", "--head_lr=0.05"),
        *("--nomonitor", f"--run_dir={folder}", "--mode=ablate", "--ablate_stage=layer4"),
        # Of a stage that the narrower networks' runs do not have.
        *("--ablate_draws=3", "--pool=layer2=max:2", "--head_group=layer2: lr=0.1"),
    ]
    files, times = {}, {}
    commands = {
        "first": ["--ablate_removed=2,5,7", "--ablate_widths=3"],
        "again": ["--ablate_removed=2,5,7", "--ablate_widths=3"],
        "other": ["--threshold=0.5"],
        "redone": ["--ablate_removed=2,5,7", "--overwrite=analysis", "--zero_gradients=2"],
    }
    with pytest.MonkeyPatch.context() as patch:
        for name, more in commands.items():
            assert call_main(*flags, *more) == 0
            files[name] = contents(folder)
            times[name] = {n: (folder / n).stat().st_mtime_ns for n in files[name]}
            # One command shows that figures are written; drawing takes most of the others' time.
            patch.setattr("sfp_keras.workflows.ablate.save_figure", lambda figure, path: [])
        yield SimpleNamespace(folder=folder, files=files, times=times, flags=flags)


@pytest.fixture
def table(run: SimpleNamespace, tmp_path: Path) -> Callable[[str, str], pd.DataFrame]:
    def read(when: str, name: str) -> pd.DataFrame:
        (tmp_path / "table").write_bytes(run.files[when][f"{FOLDER}/{name}.csv"])
        return pd.read_csv(tmp_path / "table")

    return read


@pytest.fixture(scope="module")
def right(run: SimpleNamespace, colour_folder: Path) -> Callable[[np.ndarray], np.ndarray]:
    """Whether each test image is classified correctly with the head's rows of filters zeroed."""
    names = sorted(path.name for path in (colour_folder / "test").iterdir())
    files = [sorted((colour_folder / "test" / name).iterdir()) for name in names]
    images = np.stack([np.asarray(Image.open(f)) for of in files for f in of]) / 127.5 - 1
    network = keras.saving.load_model(run.folder / "model.keras")
    stage = keras.Model(network.inputs, network.get_layer("layer4_pool").output)
    outputs = keras.Input(stage.output_shape[1:])
    dense = keras.layers.Dense(3, use_bias=False)
    head = keras.Model(outputs, dense(keras.layers.Flatten()(outputs)))
    kernel = np.load(run.folder / "stages/layer4/head.npz")["kernel"]
    found = stage.predict(images, verbose=0)

    def forward(silenced: np.ndarray) -> np.ndarray:
        left = kernel.copy()
        left[:, silenced] = 0
        dense.set_weights([left.reshape(-1, 3)])
        return head.predict(found, verbose=0).argmax(1).reshape(3, 4) == np.arange(3)[:, None]

    return forward


def mask(filters: np.ndarray) -> np.ndarray:
    found = np.zeros(7, bool)
    found[filters] = True
    return found


def test_random_removal(table: Callable, right: Callable) -> None:
    rows = table("first", "removal")
    keys = list(rows[["removed", "left", "draw"]].itertuples(index=False, name=None))
    assert keys == [(r, 7 - r, draw) for r in (0, 2, 5, 7) for draw in range(3)]
    for row in rows.itertuples():
        chosen = random_order(7, "ablation", 0, row.draw)[: row.removed]
        assert row.accuracy == pytest.approx(right(mask(chosen)).mean())
    # Nothing left: the first label, a third of the images.
    np.testing.assert_allclose(rows["accuracy"][rows["removed"] == 7], 1 / 3)
    summary = table("first", "summary").set_index("removed")
    of_five = rows["accuracy"][rows["removed"] == 5]
    assert summary.loc[5, "mean"] == pytest.approx(of_five.mean())
    assert summary.loc[5, "std"] == pytest.approx(of_five.std(ddof=1))
    assert summary.loc[5, "least"] == of_five.min()


@pytest.mark.parametrize(("when", "threshold"), [("first", 0.3), ("other", 0.5)])
def test_filters_of_a_label(
    run: SimpleNamespace, table: Callable, right: Callable, when: str, threshold: float
) -> None:
    stage = run.folder / "stages/layer4"
    saved = np.load(stage / "test/fields.npz")
    kernel = np.load(stage / "head.npz")["kernel"]
    fields = FilterFields(saved["features"], kernel, saved["label_counts"], (2, 2))
    members = find_clusters(fields, threshold).in_cluster
    whole = right(mask([]))
    labels = table(when, "labels")
    assert labels["name"].tolist() == ["blue", "green", "red"]
    for row in labels.itertuples():
        i, others = row.label, np.arange(3) != row.label
        assert row.silenced == members[:, i].sum()
        without = right(members[:, i])
        assert (row.accuracy, row.others) == pytest.approx((whole[i].mean(), whole[others].mean()))
        assert row.accuracy_silenced == pytest.approx(without[i].mean())
        assert row.others_silenced == pytest.approx(without[others].mean())
        orders = [random_order(7, "ablation", 0, draw) for draw in range(3)]
        drawn = np.mean([right(mask(order[: row.silenced])) for order in orders], axis=0)
        assert row.accuracy_random == pytest.approx(drawn[i].mean())
        assert row.others_random == pytest.approx(drawn[others].mean())


def test_a_narrower_network_is_a_run_of_its_own(run: SimpleNamespace, table: Callable) -> None:
    narrow = run.folder / FOLDER / "width-3"
    saved = json.loads((narrow / "experiment.json").read_text())
    assert saved["flags"]["filters"] == ["1:4", "2:4", "3:4", "5:8", "4:3"]
    own, fewer = table("first", "widths").to_dict("records")
    assert (own["width"], fewer["width"], fewer["layers"]) == (7, 3, 4)
    layers = pd.read_csv(narrow / "layers.csv")
    assert layers["filters"].tolist() == [3]
    assert fewer["accuracy"] == pytest.approx(layers["accuracy"][0])
    assert fewer["network_accuracy"] == saved["results"]["network_accuracy"]
    removal = table("first", "removal")
    assert own["accuracy"] == removal["accuracy"][0]


def test_a_rerun_makes_what_is_missing_or_was_made_otherwise(run: SimpleNamespace) -> None:
    figures = {f"{FOLDER}/{n}.{e}" for n in ("removal", "labels") for e in ("png", "svg")}
    assert figures <= set(run.files["first"])
    assert run.files["again"].keys() == run.files["first"].keys()
    for name in ("removal.csv", "labels.csv", "settings.json", "width-3/model.keras"):
        assert run.times["again"][f"{FOLDER}/{name}"] == run.times["first"][f"{FOLDER}/{name}"]
    # Without --ablate_widths the finished network stays, and in the table.
    for name in ("width-3/model.keras", "widths.csv"):
        assert run.files["other"][f"{FOLDER}/{name}"] == run.files["first"][f"{FOLDER}/{name}"]
    for name in ("removal.csv", "labels.csv"):
        assert run.files["other"][f"{FOLDER}/{name}"] != run.files["first"][f"{FOLDER}/{name}"]
        assert run.files["redone"][f"{FOLDER}/{name}"] == run.files["first"][f"{FOLDER}/{name}"]
    assert (
        run.times["redone"][f"{FOLDER}/width-3/model.keras"]
        == (run.times["first"][f"{FOLDER}/width-3/model.keras"])
    )
    assert not any(name.startswith("cache") for name in run.files["first"])


def test_what_is_asked_of_the_network_is_measured_in_this_mode_too(run: SimpleNamespace) -> None:
    zeros = "network/zero_gradients.csv"
    assert zeros not in run.files["other"]
    assert zeros in run.files["redone"]


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (["--ablate_stage=layer9"], "--ablate_stage"),
        (["--ablate_removed=8"], "--ablate_removed=8: layer4 has 7 filters"),
        (["--ablate_layers=3"], "give both"),
        (["--ablate_layers=9", "--ablate_widths=3"], "--ablate_layers=9: vgg6 has no layer 9"),
        (["--ablate_layers=²", "--ablate_widths=3"], "--ablate_layers=²: vgg6 has no layer ²"),
        (["--ablate_stage=output", "--ablate_widths=3"], "name some by --ablate_layers"),
        (["--initial_weights=w.npz", "--ablate_widths=3"], "--initial_weights"),
    ],
)
def test_mistakes_are_one_line(
    flags: list[str], words: str, run: SimpleNamespace, capsys: pytest.CaptureFixture[str]
) -> None:
    before = contents(run.folder)
    capsys.readouterr()
    assert call_main(*run.flags, "--overwrite=analysis", *flags) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("error: ")
    assert words in line
    assert contents(run.folder) == before


@pytest.mark.slow
def test_an_own_network(probe: Callable[..., str], tmp_path: Path) -> None:
    flags = ("--mode=ablate", "--stages=conv2", f"--run_dir={tmp_path}/run")
    output = probe(*flags, "--ablate_widths=3", code=2)
    assert "--ablate_widths trains a network with fewer filters, but --model=" in output
    assert not (tmp_path / "run").exists()
    output = probe(*flags, "--ablate_removed=0,6", "--ablate_draws=1")
    removal = pd.read_csv(tmp_path / "run/ablate/conv2/removal.csv")
    assert removal["removed"].tolist() == [0, 6]
    assert "as many at random" in output
    assert "trained with fewer" not in output


def test_networks_with_heads_of_other_settings_are_left_out_of_the_table(
    run: SimpleNamespace, capsys: pytest.CaptureFixture[str]
) -> None:
    flags = [*run.flags, "--ablate_removed=2,5,7", "--head_epochs=3"]
    assert call_main(*flags, "--overwrite=heads") == 0
    output = capsys.readouterr().out
    assert "width-3 (--head_epochs was 4, now 3); those that --ablate_widths names are" in output
    assert len(pd.read_csv(run.folder / FOLDER / "widths.csv")) == 1
    # As it says.
    assert call_main(*flags, "--ablate_widths=3") == 0
    assert pd.read_csv(run.folder / FOLDER / "widths.csv")["width"].tolist() == [7, 3]
    assert "other settings" not in capsys.readouterr().out
