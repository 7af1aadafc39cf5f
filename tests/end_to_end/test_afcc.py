"""`--mode=afcc`: what is kept, what is trained, and what a rerun leaves alone."""

import re
from pathlib import Path
from types import SimpleNamespace

import keras
import numpy as np
import pandas as pd
import pytest
from calling import call_again, call_main
from PIL import Image
from run_files import contents

from sfp_keras import FilterClusters, FilterFields, MaskedDense, cluster_mask, find_clusters
from sfp_keras.errors import InputError
from sfp_keras.runs.afcc_results import ZeroedHead
from sfp_keras.workflows.phases.fine_tuning import note_silent_labels


@pytest.fixture(scope="module")
def run(colour_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> SimpleNamespace:
    """A run directory after a probe, AFCC, more thresholds, and AFCC done again."""
    folder = tmp_path_factory.mktemp("afcc") / "run"
    flags = [
        *("--model=vgg6", "--filters=1:8,2:16,3:32,4:64,5:8", "--batch_size=8"),
        *("--dataset=folder", f"--data_dir={colour_folder}"),
        *("--epochs=3", "--head_epochs=4", "--head_lr=0.05", "--stages=layer4", "--nomonitor"),
        f"--run_dir={folder}",
    ]
    afcc = [*flags, "--mode=afcc", "--afcc_lr=0.001", "--afcc_epochs=2", "--afcc_batch_size=8"]
    files = {}
    call_again(*flags)
    files["probed"] = contents(folder)
    # Of tables that a probe writes; no work is done for them here.
    idle = ["--bootstrap", "--head_seeds=2", "--shuffled_labels"]
    out = call_again(*afcc, *idle)
    files["afcc"] = contents(folder)
    more = [*afcc, "--afcc_thresholds=0.3,0.6,0.30", "--afcc_split=train,test"]
    call_again(*more, "--afcc_variants=clusters")
    files["more"] = contents(folder)
    call_again(*afcc, "--overwrite=afcc", "--afcc_trainable=head", "--afcc_variants=clusters,full")
    files["redone"] = contents(folder)
    return SimpleNamespace(folder=folder, files=files, out=out, afcc=afcc)


@pytest.fixture(scope="module")
def linked(run: SimpleNamespace) -> SimpleNamespace:
    """The run directory after two links were zeroed one after the other."""
    start = [flag for flag in run.afcc if not flag.startswith("--afcc_")]
    training = ["--afcc_links_epochs=1", "--afcc_links_batch_size=8", "--afcc_links_lr=0.001"]
    flags = [*start, *training, "--afcc_links=layer5,output", "--afcc_links_how=sequence"]
    before = contents(run.folder)
    out = call_again(*flags, "--afcc_links_variants=clusters")
    return SimpleNamespace(
        folder=run.folder, flags=flags, out=out, before=before, files=contents(run.folder)
    )


def table(run: SimpleNamespace, when: str, tmp_path: Path) -> pd.DataFrame:
    path = tmp_path / "results.csv"
    path.write_bytes(run.files[when]["afcc/layer4/results.csv"])
    return pd.read_csv(path, keep_default_na=False)


def written(run: SimpleNamespace, when: str, name: str, path: Path) -> Path:
    path.write_bytes(run.files[when][name])
    return path


def accuracy_on_test_images(model: keras.Model, colour_folder: Path) -> float:
    names = sorted(path.name for path in (colour_folder / "test").iterdir())
    right = count = 0
    for label, name in enumerate(names):
        files = sorted((colour_folder / "test" / name).iterdir())
        images = np.stack([np.asarray(Image.open(file)) for file in files]) / 127.5 - 1
        right += (model.predict(images, verbose=0).argmax(1) == label).sum()
        count += len(files)
    return right / count


def test_files_are_those_of_the_contract(run: SimpleNamespace) -> None:
    new = {name for name in run.files["afcc"] if name not in run.files["probed"]}
    curves = {f"curves/{name}-train-0.3.csv" for name in ("clusters", "random", "magnitude")}
    assert new == {
        *("stages/layer4/train/fields.npz",),
        *(
            f"afcc/layer4/{name}"
            for name in ("results.csv", "mask.npz", "model.keras", "networks.csv", "afcc.png")
        ),
        *(f"afcc/layer4/{name}" for name in (*curves, "curves/full.csv")),
    }
    changed = {n for n, data in run.files["probed"].items() if run.files["afcc"][n] != data}
    assert changed == {"experiment.json"}
    idle = "--bootstrap, --head_seeds, --shuffled_labels without effect but for --mode=probe"
    assert f"note: {idle}" in run.out


def test_columns_are_those_of_the_contract(run: SimpleNamespace, linked: SimpleNamespace) -> None:
    page = (Path(__file__).parents[2] / "docs/run_directory.md").read_text()
    page = re.sub(r"\s+", " ", re.sub(r"\s*\([^)]*\)", "", page))
    tables = [run.files["afcc"][f"afcc/layer4/{name}.csv"] for name in ("results", "networks")]
    tables += [data for name, data in linked.files.items() if name.endswith("layer5/results.csv")]
    assert len(tables) == 3
    for table in tables:
        assert table.decode().splitlines()[0].replace(",", ", ") in page


def test_the_mask_is_that_of_the_clusters_of_the_training_images(
    run: SimpleNamespace, tmp_path: Path
) -> None:
    head = np.load(written(run, "afcc", "stages/layer4/head.npz", tmp_path / "h.npz"))
    saved = np.load(written(run, "afcc", "stages/layer4/train/fields.npz", tmp_path / "f.npz"))
    fields = FilterFields(saved["features"], head["kernel"], saved["label_counts"], (2, 2))
    assert fields.label_counts.tolist() == [8, 8, 8]
    kept = np.load(written(run, "afcc", "afcc/layer4/mask.npz", tmp_path / "m.npz"))
    mask = kept["mask"]
    assert (kept["variant"], kept["split"], kept["threshold"]) == ("clusters", "train", 0.3)
    np.testing.assert_array_equal(mask, cluster_mask(find_clusters(fields, 0.3), 4))
    rows = table(run, "afcc", tmp_path).set_index("variant")
    assert rows.loc["clusters", "kept"] == mask.sum()
    assert rows.loc["random", "kept"] == rows.loc["magnitude", "kept"] == mask.sum()
    assert rows.loc["full", "kept"] == rows.loc["full", "total"] == mask.size
    assert (rows["epochs"] == 2).all()


def test_the_saved_network_has_the_accuracy_of_the_table(
    run: SimpleNamespace, colour_folder: Path, tmp_path: Path
) -> None:
    model = keras.saving.load_model(
        written(run, "afcc", "afcc/layer4/model.keras", tmp_path / "m.keras")
    )
    head = model.layers[-1]
    assert isinstance(head, MaskedDense)
    mask = np.load(written(run, "afcc", "afcc/layer4/mask.npz", tmp_path / "m.npz"))["mask"]
    assert not keras.ops.convert_to_numpy(head.kernel)[~mask.reshape(-1, 3)].any()
    rows = table(run, "afcc", tmp_path).set_index("variant")
    accuracy = accuracy_on_test_images(model, colour_folder)
    assert rows.loc["clusters", "accuracy_after"] == pytest.approx(accuracy)
    layers = pd.read_csv(written(run, "afcc", "layers.csv", tmp_path / "layers.csv"))
    assert set(rows["accuracy_before"]) == {layers["accuracy"].iloc[0]}
    assert rows.loc["full", "accuracy_zeroed"] == rows.loc["full", "accuracy_before"]


def test_only_the_last_convolution_and_the_head_were_trained(
    run: SimpleNamespace, tmp_path: Path
) -> None:
    tuned = keras.saving.load_model(
        written(run, "afcc", "afcc/layer4/model.keras", tmp_path / "a.keras")
    )
    before = keras.saving.load_model(written(run, "probed", "model.keras", tmp_path / "b.keras"))
    old = {
        v.path.split("/", 1)[-1] if v.path.startswith("vgg6") else v.path: v
        for v in before.variables
    }
    changed = set()
    for variable in tuned.variables:
        name = "/".join(variable.path.split("/")[-2:])
        if name in old and (np.asarray(old[name]) != np.asarray(variable)).any():
            changed.add(name)
    assert changed == {"layer4_conv/kernel", "layer4_conv/bias"}
    probed = np.load(written(run, "probed", "stages/layer4/head.npz", tmp_path / "h.npz"))
    head = tuned.layers[-1]
    kernel, started = head.get_weights()[0], probed["kernel"].reshape(-1, 3)
    assert (kernel[head.mask] != started[head.mask]).any()


def test_more_thresholds_leave_finished_ones_as_they_are(
    run: SimpleNamespace, tmp_path: Path
) -> None:
    first, more = table(run, "afcc", tmp_path), table(run, "more", tmp_path)
    pd.testing.assert_frame_equal(more.iloc[: len(first)], first)
    assert len(more) == 4 + 3
    found = set(zip(more["clusters_from"], more["threshold"], strict=True))
    assert found == {("", 0.0), ("train", 0.3), ("train", 0.6), ("test", 0.3), ("test", 0.6)}
    for name in ("model.keras", "mask.npz", "curves/clusters-train-0.3.csv"):
        assert run.files["more"][f"afcc/layer4/{name}"] == run.files["afcc"][f"afcc/layer4/{name}"]


def test_done_anew_only_afcc_is_redone(run: SimpleNamespace, tmp_path: Path) -> None:
    rows = table(run, "redone", tmp_path)
    assert rows["variant"].tolist() == ["clusters", "full"]
    for name, data in run.files["more"].items():
        if not name.startswith("afcc/") and name != "experiment.json":
            assert run.files["redone"][name] == data, name


def test_the_terminal_shows_each_head(run: SimpleNamespace) -> None:
    for text in ("AFCC", "random labels", "largest weights", "full head", "768"):
        assert text in run.out
    assert "ends with the AFCC head of train images, threshold 0.3" in " ".join(run.out.split())


@pytest.mark.slow
def test_one_that_was_stopped_waits_while_others_are_made(
    run: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    flags = [*run.afcc, "--afcc_trainable=head"]
    with monkeypatch.context() as patch:
        patch.setattr("sfp_keras.afcc.fine_tuning.with_exact_loss", interrupted)
        assert call_main(*flags, "--afcc_variants=random") == 130
    call_again(*flags, "--afcc_variants=magnitude")
    assert (run.folder / "afcc/layer4/checkpoint-random-train-0.3.npz").exists()
    assert "epoch" not in call_again(*flags, "--afcc_variants=random")
    assert not any((run.folder / "afcc/layer4").glob("checkpoint*"))


def interrupted(history: object) -> None:
    raise KeyboardInterrupt


@pytest.mark.parametrize("again", [["--overwrite=afcc"], []])
def test_an_empty_mask_is_told_before_anything_is_done(
    again: list[str],
    run: SimpleNamespace,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def none_at_09(clusters: FilterClusters) -> np.ndarray:
        if clusters.threshold == 0.9:
            raise InputError("no filter has a cluster at threshold 0.9")
        return cluster_mask(clusters)

    monkeypatch.setattr("sfp_keras.workflows.phases.fine_tuning.cluster_mask", none_at_09)
    before = contents(run.folder)
    flags = ["--afcc_trainable=head", "--afcc_thresholds=0.2,0.9", *again]
    assert call_main(*run.afcc, *flags) == 2
    (line,) = [text for text in capsys.readouterr().err.splitlines() if "error" in text]
    assert line == (
        "error: --afcc_thresholds: stage layer4, train images: no filter has a cluster at "
        "threshold 0.9"
    )
    after = contents(run.folder)
    assert {**after, "experiment.json": b""} == {**before, "experiment.json": b""}


def test_labels_without_a_filter_are_named(capsys: pytest.CaptureFixture[str]) -> None:
    mask, head = np.ones((2, 3, 4), bool), ZeroedHead("clusters", "train", 0.3)
    note_silent_labels(mask, ("ant", "bee", "cat", "dog"), head)
    assert not capsys.readouterr().out
    mask[..., [1, 3]] = False
    note_silent_labels(mask, ("ant", "bee", "cat", "dog"), head)
    out = " ".join(capsys.readouterr().out.split())
    assert "AFCC, train images, threshold 0.3: 2 of 4 labels have no filter: bee, dog" in out


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (["--afcc_stage=layer9"], "--afcc_stage"),
        (
            ["--afcc_trainable=layer5_conv", "--overwrite=afcc"],
            "--afcc_trainable: 'layer5_conv' is no layer before stage",
        ),
        (["--afcc_epochs=3"], "--afcc_epochs was 2, now 3"),
        (["--afcc_decay=fast"], "--afcc_decay"),
        (
            ["--afcc_group=layer9: lr=1", "--overwrite=afcc"],
            "--afcc_group: the pattern 'layer9' of 'layer9' matches no variable",
        ),
    ],
)
def test_mistakes_are_one_line(
    flags: list[str], words: str, run: SimpleNamespace, capsys: pytest.CaptureFixture[str]
) -> None:
    before = contents(run.folder)
    assert call_main(*run.afcc, "--afcc_trainable=head", *flags) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("error: ")
    assert words in line
    assert contents(run.folder) == before


def link_row(run: SimpleNamespace, folder: str) -> pd.Series:
    (row,) = pd.read_csv(run.folder / "links" / folder / "results.csv").to_dict("records")
    return row


# With three labels, a label may be in no cluster.
@pytest.mark.filterwarnings("ignore:mask. .* units have no free weight")
def test_a_sequence_of_links_zeroes_the_last_one_first(
    linked: SimpleNamespace, colour_folder: Path
) -> None:
    for name, data in linked.before.items():
        assert name in ("experiment.json", "layers.csv") or linked.files[name] == data, name
    new = {name for name in linked.files if name.startswith("links/")}
    folders = ("output", "sequence-output-layer5")
    names = ("results.csv", "mask.npz", "model.keras", "curves/clusters-train-0.3-seed0.csv")
    assert new == {f"links/{folder}/{name}" for folder in folders for name in names}
    for name in ("layer4", "layer5"):
        assert f"stages/{name}/train/fields.npz" in linked.files
    first, second = (link_row(linked, folder) for folder in folders)
    assert (first["links"], second["links"]) == ("output", "output layer5")
    assert first["accuracy_before"] == second["accuracy_before"]
    # The second link is zeroed in what the first one became.
    network = keras.saving.load_model(linked.folder / "links/output/model.keras")
    last = keras.saving.load_model(linked.folder / f"links/{folders[1]}/model.keras")
    layer = network.get_layer("layer5_conv")
    kernel, *rest = layer.get_weights()
    layer.set_weights([kernel * last.get_layer("layer5_conv").mask, *rest])
    assert second["accuracy_zeroed"] == pytest.approx(
        accuracy_on_test_images(network, colour_folder)
    )
    # Of the first one the output layer was trained, and not again.
    start = keras.saving.load_model(linked.folder / "model.keras")
    untrained, begun, ended = (
        one.get_layer("output").get_weights()[0] for one in (start, network, last)
    )
    assert (begun != untrained)[network.get_layer("output").mask].any()
    np.testing.assert_array_equal(ended, begun)
    assert second["kept"] > first["kept"]
    for text in ("+ layer5", "by chance", "AFCC"):
        assert text in linked.out


# With three labels, a label may be in no cluster.
@pytest.mark.filterwarnings("ignore:mask. .* units have no free weight")
def test_masks_of_links_are_those_of_the_clusters_at_both_ends(linked: SimpleNamespace) -> None:
    labels = {}
    for name in ("layer4", "layer5"):
        saved = np.load(linked.folder / f"stages/{name}/train/fields.npz")
        head = np.load(linked.folder / f"stages/{name}/head.npz")
        shape = (saved["features"].shape[1],)
        fields = FilterFields(saved["features"], head["kernel"], saved["label_counts"], shape)
        labels[name] = find_clusters(fields, 0.3).in_cluster
    network = keras.saving.load_model(linked.folder / "links/sequence-output-layer5/model.keras")
    kernel = network.get_layer("layer5_conv").get_weights()[0]
    kept = labels["layer4"].astype(int) @ labels["layer5"].T.astype(int) > 0
    assert (network.get_layer("layer5_conv").mask == kept).all()
    assert not kernel[:, :, ~kept].any()
    output = network.get_layer("output")
    assert (output.mask == labels["layer5"]).all()
    assert not output.get_weights()[0][~labels["layer5"]].any()
    row = link_row(linked, "sequence-output-layer5")
    assert row["kept"] == 9 * kept.sum() + labels["layer5"].sum()
    assert row["share"] == pytest.approx(row["kept"] / (kernel.size + labels["layer5"].size))


@pytest.mark.slow
def test_a_sequence_goes_on_with_what_was_trained(
    linked: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    flags = [*linked.flags, "--afcc_links_variants=clusters,full"]
    with monkeypatch.context() as patch:
        patch.setattr("sfp_keras.afcc.link_fine_tuning.with_exact_loss", interrupted)
        assert call_main(*flags) == 130
    call_again(*flags)
    after = contents(linked.folder)
    rows = pd.read_csv(linked.folder / "links/sequence-output-layer5/results.csv")
    assert rows["variant"].tolist() == ["clusters", "full"]
    # One more link: the state of the sequence is made again, and so are its numbers.
    call_again(*(f.replace("layer5,", "layer4,layer5,") for f in flags))
    for name in ("output", "sequence-output-layer5"):
        path = f"links/{name}/results.csv"
        assert sorted(contents(linked.folder)[path].splitlines()) == sorted(
            after[path].splitlines()
        )
    assert not [name for name in contents(linked.folder) if "state" in name or "check" in name]


@pytest.mark.parametrize(
    ("flag", "words"),
    [
        ("--afcc_links=layer55", "--afcc_links: there is no link 'layer55'; did you mean layer5"),
        ("--afcc_links=layer5,all", "--afcc_links: all stands alone; the last links are"),
        (
            "--afcc_links_variants=magnitude_global",
            "--afcc_links_variants=magnitude_global leaves nothing",
        ),
        ("--afcc_links_epochs=2", "--afcc_links_epochs was 1, now 2; choose another --run_dir"),
        ("--afcc_links_decay=fast", "--afcc_links_decay"),
    ],
)
def test_mistakes_of_links_are_one_line(
    flag: str, words: str, linked: SimpleNamespace, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call_main(*linked.flags, flag) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("error: ")
    assert words in line
    assert "--overwrite=links" not in line
