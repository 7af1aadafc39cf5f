"""`--mode=committee`: networks of run directories vote on the test images."""

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import keras
import numpy as np
import pandas as pd
import pytest
from calling import call_again, call_main, write_images
from run_files import contents

import sfp_keras
from sfp_keras.data import load_dataset
from sfp_keras.experiment import Experiment
from sfp_keras.filters import committee_votes
from sfp_keras.workflows.committee.directory import CommitteeDirectory
from sfp_keras.workflows.inputs.images import fingerprint
from sfp_keras.workflows.train import train

# Size of the images, seed of the weights, activation of the outputs.
MEMBERS = {"large": (32, 0, None), "small": (16, 1, "softmax"), "third": (32, 2, "softmax")}


def colours(size: int, seed: int, activation: str | None) -> keras.Model:
    """A network that tells colours apart, with some noise in its weights."""
    keras.utils.set_random_seed(seed)
    inputs = keras.Input((size, size, 3))
    x = keras.layers.Conv2D(3, 3, padding="same", activation="relu")(inputs)
    x = keras.layers.GlobalAveragePooling2D()(x)
    outputs = keras.layers.Dense(3, activation=activation)(x)
    return keras.Model(inputs, outputs)


@pytest.fixture(scope="module")
def made(colour_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> SimpleNamespace:
    """Three members, of other structures, and runs that do not go with them."""
    place = tmp_path_factory.mktemp("members")
    for name, network in MEMBERS.items():
        colours(*network).save(place / f"{name}.keras")
        about = {"model": str(place / f"{name}.keras"), "scaling": "0..1"}
        images = {"dataset": "folder", "data_dir": str(colour_folder), "inference_batch_size": 5}
        run_dir = str(place / "runs" / name / "run")
        train(Experiment.of(**about, **images, run_dir=run_dir))

    def changed(name: str, file: str, change: Callable[[str], str]) -> None:
        """A copy of the small member with another file."""
        run = place / "runs" / name / "run"
        shutil.copytree(place / "runs/small/run", run)
        (run / file).write_text(change((run / file).read_text()))

    write_images(place / "images" / "train", 2, seed=5)
    write_images(place / "images" / "test", 4, seed=6)
    moved = str(colour_folder), str(place / "images")

    def made_with(images: str, text: str) -> str:
        size = MEMBERS["small"][0]
        found = fingerprint(load_dataset("folder", images, image_size=(size, size)))
        return json.dumps(json.loads(text) | {"data": found})

    changed("elsewhere", "experiment.json", lambda text: made_with(moved[1], text.replace(*moved)))
    changed("exchanged", "experiment.json", lambda text: text.replace(*moved))
    changed("two_labels", "labels.csv", lambda text: text[: text.index("2,red")])
    changed("turned", "labels.csv", lambda text: text.replace("green", "x").replace("red", "green"))
    changed("copy", "experiment.json", str)
    changed("untrained", "experiment.json", str)
    (place / "runs/untrained/run/model.keras").unlink()
    good = [str(place / "runs" / name / "run") for name in MEMBERS]
    return SimpleNamespace(place=place, runs=place / "runs", good=good, images=colour_folder)


def outputs(made: SimpleNamespace, name: str) -> np.ndarray:
    model = keras.saving.load_model(made.place / f"{name}.keras")
    size = model.input_shape[1:3]
    test = load_dataset("folder", str(made.images), image_size=size).test
    scores = keras.ops.convert_to_numpy(model(test.images.astype(np.float32) / 255))
    if name == "large":
        scores = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    return scores


@pytest.fixture(scope="module")
def voted(made: SimpleNamespace, tmp_path_factory: pytest.TempPathFactory) -> SimpleNamespace:
    folder = tmp_path_factory.mktemp("committee") / "votes"
    pattern = f"{made.runs}/[ls]*/run,{made.good[2]}"
    before = contents(made.runs)
    flags = ("--mode=committee", f"--members={pattern}", f"--run_dir={folder}")
    out = call_again(*flags)
    assert contents(made.runs) == before
    return SimpleNamespace(folder=folder, flags=flags, out=out)


def test_the_vote_is_that_of_the_networks(made: SimpleNamespace, voted: SimpleNamespace) -> None:
    labels = load_dataset("folder", str(made.images)).test.labels
    softmax = [outputs(made, name) for name in MEMBERS]
    wanted = committee_votes(softmax, labels)
    members = pd.read_csv(voted.folder / "members.csv")
    assert members["member"].tolist() == ["large/run", "small/run", "third/run"]
    assert members["accuracy"].tolist() == [share.value for share in wanted.member_accuracy]
    votes = pd.read_csv(voted.folder / "votes.csv")
    pd.testing.assert_frame_equal(votes, wanted.to_frame())
    agreement = pd.read_csv(voted.folder / "agreement.csv")
    assert agreement["agreement"].tolist() == [
        wanted.agreement(*pair).value for pair in ((0, 1), (0, 2), (1, 2))
    ]
    for found, one in zip(members["member"], softmax, strict=True):
        kept = np.load(voted.folder / f"probabilities/{found.replace('/', '%2F')}.npz")
        np.testing.assert_allclose(kept["probabilities"], one, atol=1e-5)
    assert f"{wanted.accuracy('soft').value:.4f}" in voted.out
    saved = json.loads((voted.folder / "committee.json").read_text())
    assert (saved["members"], saved["images"]) == (made.good, 12)


def test_the_same_from_python(made: SimpleNamespace, voted: SimpleNamespace) -> None:
    found = sfp_keras.committee([Path(one) for one in made.good])
    pd.testing.assert_frame_equal(found.to_frame(), pd.read_csv(voted.folder / "votes.csv"))


def test_images_that_are_asked_for_need_not_be_those_of_the_runs(
    made: SimpleNamespace, tmp_path: Path
) -> None:
    images = f"--data_dir={made.place / 'images'}"
    flags = ("--mode=committee", f"--members={made.good[0]},{made.good[2]}", images)
    out = call_again(*flags, f"--run_dir={tmp_path / 'votes'}")
    assert out.count("was made with other images") == 2
    assert json.loads((tmp_path / "votes/committee.json").read_text())["images"] == 12


def test_a_second_call_computes_nothing(voted: SimpleNamespace) -> None:
    before = contents(voted.folder)
    assert "on 12 images" in voted.out
    again = call_again(*voted.flags, "--epochs=3", "--model=vgg16")
    assert "on 12 images" not in again
    assert "note: --model, --epochs without effect for a committee" in again
    assert contents(voted.folder) == before


def test_one_that_is_stopped_keeps_what_it_says(
    voted: SimpleNamespace, made: SimpleNamespace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "votes"
    shutil.copytree(voted.folder, folder)
    before = json.loads((folder / "committee.json").read_text())
    monkeypatch.chdir(made.place)
    # The same members by other paths.
    paths = [str(Path(one).relative_to(made.place)) for one in made.good]
    with (
        pytest.raises(KeyboardInterrupt),
        CommitteeDirectory(folder).opened(paths, before["command"]),
    ):
        raise KeyboardInterrupt
    after = json.loads((folder / "committee.json").read_text())
    assert after == {**before, "members": paths}


def test_a_report_reads_the_tables(
    voted: SimpleNamespace, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    copy = tmp_path / "votes"
    shutil.copytree(voted.folder, copy)
    page = (copy / "report.html").read_text()
    references = page[page.index("<h2>References") :]
    # The method's two papers and the one that has committees.
    found = re.findall(r"arXiv:([\d.]{10})", references)
    assert found == ["2305.18078", "2309.07537", "2506.23832"]
    (copy / "votes.csv").write_text("vote,accuracy\nsoft,0.5\n")
    assert call_main("--mode=report", f"--run_dir={copy}") == 2
    error = capsys.readouterr().err
    assert "votes.csv is damaged" in error
    assert "run --mode=committee again" in error


@pytest.mark.parametrize(
    ("members", "words"),
    [
        (["large"], ["two members or more", "large/run"]),
        (["large", "large"], ["two members or more"]),
        ([], ["two members or more", "runs/a,runs/b"]),
        (
            ["large", "untrained"],
            ["untrained/run has no trained network, model.keras; first run ", "/untrained/run "],
        ),
        (["large", "two_labels"], ["two_labels/run is of 2 labels", "large/run of 3"]),
        (["large", "turned"], ["label 1 of ", "turned/run is 'x', of ", "'green': the members"]),
        (["third", "elsewhere"], ["elsewhere/run", "other test images"]),
        (["third", "exchanged"], ["exchanged/run was made with other images", "--data_dir"]),
        (["small", "copy"], ["copy/run hold the same network"]),
        (["large", "nowhere"], ["nowhere/run does not exist"]),
        (["large", "x*"], ["x*/run matches no run directory"]),
        (["large", ".."], ["is no run directory", "experiment.json"]),
    ],
)
def test_members_that_do_not_go_together(
    members: list[str],
    words: list[str],
    made: SimpleNamespace,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    paths = ",".join(
        f"{made.runs}/{name}" if name == ".." else f"{made.runs}/{name}/run" for name in members
    )
    folder = tmp_path / "votes"
    assert call_main("--mode=committee", f"--members={paths}", f"--run_dir={folder}") == 2
    error = capsys.readouterr().err
    assert error.startswith("error: --members: ")
    assert error.count("\n") == 1
    for word in words:
        assert word in error


def test_a_folder_of_something_else_is_refused(
    made: SimpleNamespace, voted: SimpleNamespace, capsys: pytest.CaptureFixture[str]
) -> None:
    def refused(run_dir: str | Path, members: list[str]) -> str:
        flags = ("--mode=committee", f"--members={','.join(members)}", f"--run_dir={run_dir}")
        assert call_main(*flags) == 2
        return capsys.readouterr().err

    assert "is a run directory" in refused(made.good[0], made.good)
    assert "votes of other members" in refused(voted.folder, made.good[:2])
