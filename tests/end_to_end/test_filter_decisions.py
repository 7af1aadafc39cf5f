"""`--decisions`: the files, what is passed again, and what --overwrite deletes."""

from pathlib import Path
from types import SimpleNamespace

import keras
import numpy as np
import pandas as pd
import pytest
import tensorflow as tf
from calling import call_main
from PIL import Image

from sfp_keras.analyses import image_passes, read_image_result
from sfp_keras.experiment import Experiment
from sfp_keras.filters import FilterFields, find_clusters, layer_statistics
from sfp_keras.runs.stage_results import read_measurement
from sfp_keras.workflows.experiment_run import ExperimentRun


@pytest.fixture(scope="module")
def run(colour_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> SimpleNamespace:
    """A run directory probed at layer 2, then with decisions, then at layer 1 too."""
    folder = tmp_path_factory.mktemp("decisions") / "run"
    flags = [
        *("--model=lenet5", "--filters=1:4,2:20", "--dataset=folder"),
        *(f"--data_dir={colour_folder}", "--epochs=1", "--head_epochs=2", "--head_lr=0.05"),
        *("--nomonitor", f"--run_dir={folder}"),
    ]
    times = {}
    for name, more in {
        "plain": ["--stages=layer2"],
        "decided": ["--stages=layer2", "--decisions"],
        "more": [
            *("--stages=layer2,layer1", "--decisions", "--split=test,train"),
            *("--bootstrap", "--head_seeds=2", "--shuffled_labels", "--zero_gradients=5"),
        ],
    }.items():
        assert call_main(*flags, *more) == 0
        times[name] = {
            path.relative_to(folder).as_posix(): path.stat().st_mtime_ns
            for path in folder.glob("stages/**/*.*")
        }
    return SimpleNamespace(folder=folder, flags=flags, times=times)


def test_decisions_equal_a_loop_over_images_with_one_filter_at_a_time(
    run: SimpleNamespace, colour_folder: Path
) -> None:
    names = sorted(path.name for path in (colour_folder / "test").iterdir())
    files = [sorted((colour_folder / "test" / name).iterdir()) for name in names]
    images = np.stack([np.asarray(Image.open(f)) for of in files for f in of]) / 127.5 - 1
    network = keras.saving.load_model(run.folder / "model.keras")
    directory = ExperimentRun(Experiment.of(run_dir=str(run.folder)))
    for stage in ("layer1", "layer2"):
        cut = keras.Model(network.inputs, network.get_layer(f"{stage}_pool").output)
        outputs = cut.predict(images, verbose=0)
        filters = outputs.shape[-1]
        kernel = np.load(run.folder / f"stages/{stage}/head.npz")["kernel"]
        counts = np.zeros((filters, 3, 3), int)
        for index, output in enumerate(outputs.reshape(12, -1, filters)):
            for f in range(filters):
                fields = output[:, f] @ kernel[:, f]
                if fields.any():
                    counts[f, index // 4, fields.argmax()] += 1
        decisions = read_image_result(
            directory.stage(stage).split("test").image_result("decisions"),
            image_passes()["decisions"],
        )
        np.testing.assert_array_equal(decisions.by_input, counts.sum(2))
        np.testing.assert_array_equal(decisions.by_output, counts.sum(1))
        np.testing.assert_array_equal(decisions.correct, counts.diagonal(axis1=1, axis2=2))
        np.testing.assert_array_equal(decisions.counts, counts[decisions.filters])
        assert decisions.label_counts.tolist() == [4, 4, 4]
        assert all(array.dtype == np.int64 for array in vars(decisions).values())
        maxima = read_measurement(directory, stage, "test").fields.maxima()
        assert len(decisions.filters) == min(16, (maxima > 0).sum())
        assert maxima.argmax() in decisions.filters
        table = pd.read_csv(run.folder / f"stages/{stage}/test/decisions.csv")
        assert list(table) == [
            *("filter", "accuracy", "accuracy_of_active", "share_of_favourite", "active")
        ]
        right, made = counts.diagonal(axis1=1, axis2=2).sum(1), counts.sum((1, 2))
        np.testing.assert_allclose(table["accuracy"], right / 12)
        np.testing.assert_allclose(table["active"], made / 12)
        with np.errstate(invalid="ignore"):
            np.testing.assert_allclose(table["accuracy_of_active"], right / made)
            favourite = counts.sum(1).max(1)
            np.testing.assert_allclose(table["share_of_favourite"], favourite / made)


def test_only_what_is_missing_is_passed_again(run: SimpleNamespace) -> None:
    decisions = {f"stages/layer2/test/decisions.{ending}" for ending in ("npz", "csv")}
    assert set(run.times["decided"]) - set(run.times["plain"]) == decisions
    for name in ("stages/layer2/head.npz", "stages/layer2/test/fields.npz"):
        assert run.times["more"][name] == run.times["plain"][name]
    for name in decisions:
        assert run.times["more"][name] == run.times["decided"][name]
    assert {
        f"stages/{stage}/{split}/decisions.npz"
        for stage in ("layer1", "layer2")
        for split in ("test", "train")
    } <= set(run.times["more"])


def test_error_bars_and_further_heads_stand_beside_the_table(run: SimpleNamespace) -> None:
    layers = pd.read_csv(run.folder / "layers.csv").set_index(["stage", "split"])
    intervals = pd.read_csv(run.folder / "intervals.csv").set_index(["stage", "split", "quantity"])
    heads = pd.read_csv(run.folder / "heads.csv").set_index(["stage", "split", "head"])
    assert len(layers) == 4
    for stage, split in layers.index:
        for key in ("accuracy", "noise", "clusters", "signal"):
            number = layers.loc[(stage, split), key]
            assert intervals.loc[(stage, split, key), "value"] == pytest.approx(number)
            assert heads.loc[(stage, split, "seed0"), key] == pytest.approx(number)
        of_stage = heads.loc[(stage, split)]
        assert of_stage.index.tolist() == ["seed0", "seed1", "shuffled0"]
        kernels = np.load(run.folder / f"stages/{stage}/further_heads.npz")
        saved = np.load(run.folder / f"stages/{stage}/{split}/fields.npz")
        kernel = kernels["shuffled0"]
        fields = FilterFields(saved["features"], kernel, saved["label_counts"], (len(kernel),))
        found = layer_statistics(find_clusters(fields))
        assert of_stage.loc["shuffled0", "noise"] == pytest.approx(found.noise)


def test_a_head_asked_for_later_leaves_the_others_as_they_are(run: SimpleNamespace) -> None:
    table = pd.read_csv(run.folder / "heads.csv")
    path = run.folder / "stages/layer1/further_heads.npz"
    kernels = dict(np.load(path))
    # What no training gives: it would be seen if the head were trained again.
    marked = {**kernels, "seed1": kernels["seed1"] * 2}
    np.savez(path, **marked)
    more = ("--stages=layer2,layer1", "--split=test,train", "--head_seeds=3")
    assert call_main(*run.flags, *more) == 0
    found = dict(np.load(path))
    assert [*found] == ["seed1", "shuffled0", "seed2"]
    for name, kernel in marked.items():
        np.testing.assert_array_equal(found[name], kernel)
    later = pd.read_csv(run.folder / "heads.csv")
    assert later["head"].tolist() == ["seed0", "seed1", "seed2", "shuffled0"] * 4
    # Layer 1 has another kernel now.
    same = later[(later["head"] != "seed2") & (later["stage"] == "layer2")].reset_index(drop=True)
    pd.testing.assert_frame_equal(same, table[table["stage"] == "layer2"].reset_index(drop=True))


def test_zero_gradients_are_those_of_one_training_image_at_a_time(
    run: SimpleNamespace, colour_folder: Path
) -> None:
    found = pd.read_csv(run.folder / "network/zero_gradients.csv")
    names = sorted(path.name for path in (colour_folder / "train").iterdir())
    files = [sorted((colour_folder / "train" / name).iterdir()) for name in names]
    labelled = [(file, label) for label, of in enumerate(files) for file in of]
    network = keras.saving.load_model(run.folder / "model.keras")
    zeros = []
    for place in np.linspace(0, len(labelled) - 1, 5).round().astype(int):
        file, label = labelled[place]
        image = np.asarray(Image.open(file), np.float32)[None] / 127.5 - 1
        with tf.GradientTape() as tape:
            logits = network(image, training=False)
            loss = tf.nn.sparse_softmax_cross_entropy_with_logits([label], logits)
        values = [variable.value for variable in network.trainable_variables]
        zeros.append([np.asarray(one) == 0 for one in tape.gradient(loss, values)])
    assert found["variable"].tolist() == [one.path for one in network.trainable_variables]
    assert (found["images"] == 5).all()
    for row, of_images in zip(found.itertuples(), zip(*zeros, strict=True), strict=True):
        assert row.size == of_images[0].size
        assert row.zero_share == pytest.approx(np.mean(of_images))
        assert row.zero_always == pytest.approx(np.all(of_images, axis=0).mean())
    assert found["zero_share"].max() > 0.2


def test_overwriting_the_analysis_deletes_them_and_a_line_a_stage_is_said(
    run: SimpleNamespace, capsys: pytest.CaptureFixture[str]
) -> None:
    capsys.readouterr()
    assert call_main(*run.flags, "--stages=layer1", "--decisions") == 0
    lines = [line for line in capsys.readouterr().out.splitlines() if "decisions of" in line]
    assert len(lines) == 1
    assert lines[0].startswith("decisions of layer1 on 12 test images: a filter alone is right in")
    assert call_main(*run.flags, "--stages=layer1", "--overwrite=analysis") == 0
    assert not list(run.folder.glob("stages/**/decisions.*"))
    assert not list(run.folder.glob("network/*"))
