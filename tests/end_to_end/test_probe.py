"""`--mode=probe` on digits: every file and column, and what another run with other flags does."""

import json
import re
import shlex
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from calling import call_again
from literal_layers import clipped, clusters_of, filter_matrices, layer_row
from run_files import contents, differing

from sfp_keras.data import load_dataset
from sfp_keras.filters import FILTER_QUANTITIES

LAYER_COLUMNS = [
    *("stage", "split", "threshold", "filters", "outputs_per_filter", "fc_inputs", "accuracy"),
    *("noise", "noise_clustered", "clusters", "cluster_size", "signal", "noise_internal"),
    *("noise_external", "snr_internal", "snr_external", "dead_filters", "zero_signal_labels"),
]
CURVE_COLUMNS = ["epoch", "lr", "loss", "accuracy", "test_accuracy"]
FILTERS = {"layer1": 8, "layer2": 12, "layer5": 16}
# A network of few filters, which takes little time.
NARROW = "--filters=1:8,2:12,3:12,4:12,5:16"
POSITIONS = {"layer1": (16, 16), "layer2": (8, 8), "layer5": (1, 1)}


def snapshot(folder: Path) -> dict[str, tuple[int, bytes]]:
    """Time of writing and content of every file."""
    return {
        name: ((folder / name).stat().st_mtime_ns, data) for name, data in contents(folder).items()
    }


def table_of(text: str) -> list[str]:
    return [line.rstrip() for line in text.splitlines() if re.match(r" {2,}(stage|layer\d)", line)]


@pytest.fixture(scope="module")
def story(command: Callable, tmp_path_factory: pytest.TempPathFactory) -> SimpleNamespace:
    """One run directory, and the output and files after each of several commands in it."""
    folder = tmp_path_factory.mktemp("probe") / "run"
    always = (NARROW, "--labels=3", "--epochs=1", "--head_epochs=2", f"--run_dir={folder}")
    both = "--stages=layer5,layer2"
    story = SimpleNamespace(folder=folder, out={}, files={})
    story.out["first"] = command("--mode=probe", *always, both).stdout
    story.files["first"] = snapshot(folder)
    for name, flags in {
        "again": (both,),
        "threshold": (both, "--threshold=0.5", "--split=test,train"),
        "stage": ("--stages=layer1",),
        "disk": (both, "--overwrite=heads", "--cache_gib=0", "--keep_cache"),
        "analysis": (both, "--overwrite=analysis"),
    }.items():
        story.out[name] = call_again("--mode=probe", *always, *flags)
        story.files[name] = snapshot(folder)
    return story


@pytest.fixture(scope="module")
def arrays(story: SimpleNamespace, tmp_path_factory: pytest.TempPathFactory) -> Callable:
    """Arrays of an npz file, and tables, as they were after one of the commands."""
    place = tmp_path_factory.mktemp("read") / "file"

    def read(after: str, name: str) -> dict[str, np.ndarray]:
        place.write_bytes(story.files[after][name][1])
        with np.load(place, allow_pickle=False) as archive:
            return dict(archive)

    def table(after: str, name: str) -> pd.DataFrame:
        place.write_bytes(story.files[after][name][1])
        return pd.read_csv(place)

    read.table = table  # type: ignore[attr-defined]
    return read


def test_the_run_directory_holds_the_files_of_the_contract_and_no_others(
    story: SimpleNamespace,
) -> None:
    stage = [
        *("head.npz", "head.csv", "test/fields.npz", "test/clusters.npz", "test/filters.csv"),
        "test/labels.csv",
    ]
    expected = {
        *(".lock", "experiment.json", "model.keras", "training.csv", "labels.csv", "layers.csv"),
        *(f"stages/{name}/{file}" for name in ("layer2", "layer5") for file in stage),
    }
    assert set(story.files["first"]) == expected


def test_arrays_have_the_shapes_and_types_of_the_contract(arrays: Callable) -> None:
    for name in ("layer2", "layer5"):
        filters, shape = FILTERS[name], POSITIONS[name]
        positions = int(np.prod(shape))
        head = arrays("first", f"stages/{name}/head.npz")
        assert head["kernel"].shape == (positions, filters, 3)
        assert head["kernel"].dtype == np.float32
        assert tuple(head["position_shape"]) == shape
        fields = arrays("first", f"stages/{name}/test/fields.npz")
        assert fields["features"].shape == (3, positions, filters)
        assert fields["features"].dtype == np.float32
        assert fields["label_counts"].sum() == 108
        assert (fields["correct"] <= fields["label_counts"]).all()
        found = arrays("first", f"stages/{name}/test/clusters.npz")
        assert found["cluster_id"].shape == found["ones_per_row"].shape == (filters, 3)
        assert found["cluster_id"].dtype == np.int16
        assert found["threshold"] == 0.3


def test_tables_have_the_columns_of_the_contract(arrays: Callable) -> None:
    table = arrays.table  # type: ignore[attr-defined]
    assert list(table("first", "layers.csv")) == LAYER_COLUMNS
    training = table("first", "training.csv")
    assert list(training) == CURVE_COLUMNS
    assert training["epoch"].tolist() == [0]
    curve = table("first", "stages/layer2/head.csv")
    assert list(curve) == CURVE_COLUMNS
    assert curve["epoch"].tolist() == [0, 1]
    assert np.isfinite(curve.to_numpy()).all()
    layers = table("first", "layers.csv").set_index("stage")
    for name in ("layer2", "layer5"):
        last = table("first", f"stages/{name}/head.csv")["test_accuracy"].iloc[-1]
        assert layers.loc[name, "accuracy"] == pytest.approx(last)
    labels = table("first", "labels.csv")
    assert list(labels) == ["label", "name", "original_label"]
    assert labels["label"].tolist() == [0, 1, 2]
    assert labels["original_label"].is_monotonic_increasing
    assert list(table("first", "stages/layer2/test/filters.csv")) == [
        "filter",
        *(one.key for one in FILTER_QUANTITIES),
    ]
    assert list(table("first", "stages/layer2/test/labels.csv")) == [
        *("label", "name", "accuracy", "appearances", "signal", "noise_internal"),
        *("noise_external", "field_signal", "field_noise_internal", "field_noise_external"),
    ]


@pytest.mark.parametrize(
    ("after", "split", "threshold"),
    [("first", "test", 0.3), ("threshold", "test", 0.5), ("threshold", "train", 0.5)],
)
def test_layers_follow_from_the_saved_arrays_by_the_literal_procedure(
    arrays: Callable, after: str, split: str, threshold: float
) -> None:
    layers = arrays.table(after, "layers.csv")  # type: ignore[attr-defined]
    for name in ("layer2", "layer5"):
        head = arrays(after, f"stages/{name}/head.npz")
        fields = arrays(after, f"stages/{name}/{split}/fields.npz")
        expected = layer_row(fields["features"], head["kernel"], threshold)
        (row,) = layers[
            (layers.stage == name) & (layers.split == split) & (layers.threshold == threshold)
        ].to_dict("records")
        for column, value in expected.items():
            assert row[column] == pytest.approx(value, rel=1e-6), (name, column)
        accuracy = fields["correct"].sum() / fields["label_counts"].sum()
        assert row["accuracy"] == pytest.approx(accuracy)


def test_filters_and_labels_follow_from_the_saved_arrays(arrays: Callable) -> None:
    stage = "stages/layer2"
    fields = arrays("first", f"{stage}/test/fields.npz")
    kernel = arrays("first", f"{stage}/head.npz")["kernel"]
    filters = arrays.table("first", f"{stage}/test/filters.csv")  # type: ignore[attr-defined]
    labels = arrays.table("first", f"{stage}/test/labels.csv")  # type: ignore[attr-defined]
    found = arrays("first", f"{stage}/test/clusters.npz")
    signal, internal, external = np.zeros((3, 3))
    fields_internal = np.zeros(3)
    for f, matrix in enumerate(filter_matrices(fields["features"], kernel)):
        boolean = clipped(matrix, 0.3)
        clusters = clusters_of(boolean)
        assert json.loads(filters["labels"][f]) == clusters
        assert filters["maximum"][f] == pytest.approx(matrix.max(), rel=1e-4)
        assert bool(filters["dead"][f]) == (matrix.max() <= 0)
        assert found["ones_per_row"][f].tolist() == boolean.sum(1).tolist()
        inside = np.zeros((3, 3), bool)
        for number, cluster in enumerate(clusters):
            assert set(np.flatnonzero(found["cluster_id"][f] == number)) == set(cluster)
            inside[np.ix_(cluster, cluster)] = True
        diagonal = np.eye(3, dtype=bool)
        signal += (inside & diagonal).sum(1)
        internal += (inside & ~diagonal).sum(1) / 2
        external += (boolean & ~inside).sum(1) / 2
        fields_internal += (matrix * (inside & ~diagonal)).sum(1) / 2
    np.testing.assert_allclose(labels["signal"], signal)
    np.testing.assert_allclose(labels["appearances"], signal)
    np.testing.assert_allclose(labels["noise_internal"], internal)
    np.testing.assert_allclose(labels["noise_external"], external)
    inputs = fields["label_counts"].mean()
    np.testing.assert_allclose(labels["field_noise_internal"], fields_internal * inputs, rtol=1e-4)
    np.testing.assert_allclose(labels["accuracy"], fields["correct"] / fields["label_counts"])


def test_the_terminal_shows_network_table_and_next_steps(story: SimpleNamespace) -> None:
    text = story.out["first"]
    saved = json.loads(story.files["first"]["experiment.json"][1])
    accuracy = saved["results"]["network_accuracy"]
    assert text.index(f"network: test accuracy {accuracy:.4f}") < text.index("heads: epoch")
    assert "432 training and 108 test images, 3 labels" in text
    heading, *rows = table_of(text)
    assert all(word in heading for word in ("filters", "accuracy", "noise n", "SNR_E"))
    assert [row.split()[0] for row in rows] == ["layer2", "layer5"]
    assert "--threshold=0.5" in text
    assert f"{story.folder}/layers.csv" in text


@pytest.mark.slow
def test_experiment_json_is_enough_to_rerun(story: SimpleNamespace, tmp_path: Path) -> None:
    saved = json.loads(story.files["first"]["experiment.json"][1])
    assert saved["flags"]["labels"] == 3
    assert saved["flags"]["preset"] == "vgg6-digits"
    assert saved["backend"] == "tensorflow"
    assert {"keras", "numpy", "python", "tensorflow"} <= set(saved["versions"])
    assert set(saved["seconds"]) == {"train", "heads", "analysis"}
    assert saved["command"].startswith("python main.py --mode=probe")
    assert f"--run_dir={story.folder}" in saved["command"]
    program, script, *flags = shlex.split(saved["command"])
    assert (program, script) == ("python", "main.py")
    call_again(*flags, f"--run_dir={tmp_path}/again")
    before = {name: data for name, (_, data) in story.files["first"].items()}
    assert not differing(contents(tmp_path / "again"), before)


def test_a_second_run_redoes_nothing(story: SimpleNamespace) -> None:
    before, after = story.files["first"], story.files["again"]
    assert set(before) == set(after)
    kept = [n for n in before if n.endswith(("model.keras", "head.npz", "fields.npz", "ning.csv"))]
    assert len(kept) == 6
    assert all(before[name] == after[name] for name in kept)
    changed = {name for name in before if before[name][1] != after[name][1]}
    assert changed <= {"experiment.json"}
    assert table_of(story.out["again"]) == table_of(story.out["first"])
    assert "epoch" not in story.out["again"]


def test_another_threshold_and_split_only_read_more(
    story: SimpleNamespace, arrays: Callable
) -> None:
    before, after = story.files["again"], story.files["threshold"]
    kept = [n for n in before if n.endswith(("model.keras", "head.npz", "test/fields.npz"))]
    assert all(before[name] == after[name] for name in kept)
    old = arrays.table("again", "layers.csv")  # type: ignore[attr-defined]
    new = arrays.table("threshold", "layers.csv")  # type: ignore[attr-defined]
    keys = list(new[["stage", "split", "threshold"]].itertuples(index=False, name=None))
    assert keys == [
        *(("layer2", "test", 0.3), ("layer2", "test", 0.5), ("layer2", "train", 0.5)),
        *(("layer5", "test", 0.3), ("layer5", "test", 0.5), ("layer5", "train", 0.5)),
    ]
    pd.testing.assert_frame_equal(new[new.threshold == 0.3].reset_index(drop=True), old)
    assert arrays("threshold", "stages/layer2/test/clusters.npz")["threshold"] == 0.5
    train = arrays("threshold", "stages/layer2/train/fields.npz")
    assert train["label_counts"].sum() == 432
    assert "on the train set, threshold 0.5" in story.out["threshold"]


def test_another_stage_trains_only_its_head_and_rows_stay_in_order_of_depth(
    story: SimpleNamespace, arrays: Callable
) -> None:
    before, after = story.files["threshold"], story.files["stage"]
    kept = [n for n in before if n.startswith("stages/") or n == "model.keras"]
    assert all(before[name] == after[name] for name in kept)
    assert re.findall(r"heads: epoch 2/2 .*", story.out["stage"])
    layers = arrays.table("stage", "layers.csv")  # type: ignore[attr-defined]
    assert layers["stage"].tolist() == ["layer1"] + ["layer2"] * 3 + ["layer5"] * 3
    assert layers["filters"].tolist() == [8] + [12] * 3 + [16] * 3
    assert [row.split()[0] for row in table_of(story.out["stage"])[1:]] == ["layer1"]


def test_features_on_disk_give_the_same_heads_and_stay_only_if_asked(
    story: SimpleNamespace, arrays: Callable
) -> None:
    before, after = story.files["stage"], story.files["disk"]
    assert before["model.keras"] == after["model.keras"]
    assert not any(name.startswith("stages/layer1/") for name in after)
    assert "(on disk, more than cache_gib=0)" in story.out["disk"]
    assert {"cache/features/layer2.npy", "cache/features/layer5.npy"} <= set(after)
    for name in ("layer2", "layer5"):
        file = f"stages/{name}/head.npz"
        memory, disk = (arrays(when, file)["kernel"] for when in ("stage", "disk"))
        np.testing.assert_allclose(memory, disk, rtol=1e-4, atol=1e-6)
    assert not any(name.startswith("cache/") for name in story.files["analysis"])
    assert not (story.folder / "cache").exists()


def test_overwriting_the_analysis_keeps_the_heads(story: SimpleNamespace) -> None:
    before, after = story.files["disk"], story.files["analysis"]
    for name in ("layer2", "layer5"):
        assert before[f"stages/{name}/head.npz"] == after[f"stages/{name}/head.npz"]
        fields = f"stages/{name}/test/fields.npz"
        assert before[fields][0] < after[fields][0]
        assert before[fields][1] == after[fields][1]


@pytest.mark.slow
def test_the_same_images_as_arrays_give_the_same_fields(
    story: SimpleNamespace, tmp_path: Path
) -> None:
    digits = load_dataset("digits")
    np.savez(
        tmp_path / "digits.npz",
        **{"x_train": digits.train.images, "y_train": digits.train.labels},
        **{"x_test": digits.test.images, "y_test": digits.test.labels},
    )
    flags = (
        NARROW,
        "--model=vgg6",
        "--preset=vgg6-digits",
        "--labels=3",
        "--epochs=1",
        "--head_epochs=2",
    )
    call_again(
        "--dataset=arrays",
        f"--data_dir={tmp_path / 'digits.npz'}",
        *flags,
        "--stages=layer5",
        f"--run_dir={tmp_path / 'run'}",
    )
    name = "stages/layer5/test/fields.npz"
    assert (tmp_path / "run" / name).read_bytes() == story.files["first"][name][1]
