"""kill -9 at chosen moments of every phase: the rerun ends with the files of an undisturbed run."""

import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from calling import ROOT, call_again, environment, own_training_flags
from run_files import contents, differing

# When the file of this name is put in place for the n-th time, what then is already there.
KILLS = {
    "training": ("train.npz", 2, "after"),
    "saving the network": ("model.keras", 1, "before"),
    "head training": ("heads-", 1, "after"),
    "saving the second head": ("head.npz", 2, "before"),
    "pass": ("fields-test-", 1, "after"),
    "analysis": ("fields.npz", 2, "before"),
    "clusters": ("clusters.npz", 2, "after"),
}
# Building and tracing the network again takes most of the time: for every day one of each phase,
# and a small network.
FEW = ("training", "head training", "pass")
NETWORKS = {
    "lenet5": ("--filters=1:4,2:8", "--stages=layer1,layer2"),
    "vgg6": ("--filters=1:8,2:8,3:16,4:32,5:32", "--stages=layer3,layer5"),
}


@pytest.fixture(scope="module")
def network(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture(scope="module")
def flags(network: str, colour_folder: Path) -> list[str]:
    return [
        *(f"--model={network}", *NETWORKS[network], "--batch_size=8"),
        *("--dataset=folder", f"--data_dir={colour_folder}"),
        *("--epochs=3", "--head_epochs=3", "--head_batch_size=8"),
        *("--split=test,train", "--decisions", "--inference_batch_size=9"),
    ]


@pytest.fixture(scope="module")
def undisturbed(flags: list[str], tmp_path_factory: pytest.TempPathFactory):
    folder = tmp_path_factory.mktemp("undisturbed") / "run"
    call_again(*flags, f"--run_dir={folder}")
    return contents(folder)


@pytest.mark.parametrize(
    ("network", "kills"),
    [("lenet5", FEW), pytest.param("vgg6", tuple(KILLS), marks=pytest.mark.slow)],
    indirect=["network"],
)
def test_a_run_killed_in_every_phase_ends_like_an_undisturbed_one(
    kills: tuple[str, ...],
    killed: Callable[..., str],
    flags: list[str],
    undisturbed: dict[str, bytes],
    tmp_path: Path,
) -> None:
    run = tmp_path / "run"
    for name in kills:
        out = killed(*KILLS[name], *flags, f"--run_dir={run}")
        assert "Single-filter performance" not in out, name
        if name == "training":
            assert (run / "checkpoint" / "train.npz").exists()
            assert not (run / "model.keras").exists()
        elif name == kills[1]:
            assert "training: going on after epoch 2 of 3" in out
        elif name == kills[kills.index("head training") + 1]:
            assert "heads: going on after epoch 1 of 3" in out
        elif kills.index(name) and kills[kills.index(name) - 1] == "saving the second head":
            assert "heads: epoch" not in out
        elif name == "clusters":
            # The pass of the test images was done when the kill came.
            assert "test 9/" not in out.split("train")[0]
        if name == "head training":
            assert len(list((run / "checkpoint").glob("heads-*.npz"))) == 1
        elif name == "saving the second head":
            assert len(list(run.glob("stages/*/head.npz"))) == 1
        elif name == "pass":
            # Of two batches one is in, and what it decided is beside the checkpoint.
            names = sorted(path.name for path in (run / "checkpoint").glob("fields-*"))
            assert [name.split(".", 1)[1] for name in names] == [
                *("npz", "npz.0-decisions", "npz.1-decisions"),
            ]
        elif name == "analysis":
            assert len(list(run.glob("stages/*/test/fields.npz"))) == 1
    out = call_again(*flags, f"--run_dir={run}")
    assert "epoch" not in out
    assert not (run / "checkpoint").exists()
    assert not differing(contents(run), undisturbed)


@pytest.mark.slow
@pytest.mark.parametrize("network", ["vgg6"], indirect=True)
def test_features_of_unfinished_heads_outlive_another_command(
    killed: Callable[..., str], flags: list[str], tmp_path: Path
) -> None:
    common = [*flags, f"--run_dir={tmp_path / 'run'}", "--cache_gib=0.000001"]
    first, second = ([*common, f"--stages=layer{number}"] for number in (5, 3))
    call_again(*first)
    killed(*KILLS["head training"], *second)
    features = tmp_path / "run/cache/features"
    before = {path.name: path.stat().st_mtime_ns for path in features.iterdir()}
    call_again(*first, "--threshold=0.4")
    assert {path.name: path.stat().st_mtime_ns for path in features.iterdir()} == before
    out = call_again(*second)
    assert "heads: going on after epoch 1 of 3" in out
    assert "features:" not in out
    assert not features.exists()


@pytest.mark.slow
def test_a_killed_training_of_a_transformer_goes_on(
    killed: Callable[..., str], colour_folder: Path, tmp_path: Path
) -> None:
    flags = [
        *("--model=cct4_3x2", "--encoders=3", "--token_width=8", "--front_convolutions=1"),
        *("--attention_dropout=0.3", "--drop_path=0.4", "--optimizer=adamw", "--batch_size=8"),
        *("--dataset=folder", f"--data_dir={colour_folder}", "--epochs=3", "--head_epochs=2"),
        "--head_batch_size=8",
    ]
    first, second = tmp_path / "first", tmp_path / "second"
    call_again(*flags, f"--run_dir={first}")
    stages = set(pd.read_csv(first / "layers.csv")["stage"])
    assert stages == {f"encoder{n}_{part}" for n in (2, 3) for part in ("heads", "ff2")}
    # What the network's own head reads, for the last stage's is not linear.
    assert (first / "events" / "train").exists()
    for kill in (*(KILLS[name] for name in FEW[:2]), ("single_heads.npz", 2, "before")):
        killed(*kill, *flags, f"--run_dir={second}")
    assert len(list(second.glob("stages/*/test/single_heads.npz"))) == 1
    call_again(*flags, f"--run_dir={second}")
    assert not differing(contents(first), contents(second))


@pytest.mark.slow
def test_a_killed_training_of_a_users_architecture_goes_on(
    killed: Callable[..., str], colour_folder: Path, tmp_path: Path
) -> None:
    flags = own_training_flags("small", colour_folder)
    first, second = tmp_path / "first", tmp_path / "second"
    assert "training: epoch 3/3" in call_again(*flags, f"--run_dir={first}")
    stages = set(pd.read_csv(first / "layers.csv")["stage"])
    assert {"conv2d", "conv2d_1"} <= stages
    assert pd.read_csv(first / "training.csv")["epoch"].tolist() == [0, 1, 2]

    killed("train.npz", 2, "after", *flags, f"--run_dir={second}")
    assert not (second / "model.keras").exists()
    again = call_again(*flags, f"--run_dir={second}")
    assert "training: going on after epoch 2 of 3" in again
    assert differing(contents(first), contents(second)) == []

    # The same network loaded from its file is trained: nothing is done again.
    assert "training:" not in call_again(*flags, f"--run_dir={first}", "--threshold=0.5")


@pytest.mark.slow
@pytest.mark.parametrize("network", ["vgg6"], indirect=True)
def test_a_second_process_is_refused_and_a_kill_from_outside_does_no_harm(
    command: Callable, flags: list[str], undisturbed: dict[str, bytes], tmp_path: Path
) -> None:
    run = tmp_path / "run"
    again = [*flags, f"--run_dir={run}"]
    process = subprocess.Popen(
        [sys.executable, "main.py", *again],
        cwd=ROOT,
        env=environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    deadline = time.monotonic() + 300
    while not (run / "training.csv").exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    process.send_signal(signal.SIGSTOP)  # It is still there, but will not be done meanwhile.
    refused = command(*again, code=2)
    process.kill()
    assert process.wait() == -signal.SIGKILL
    (line,) = refused.stderr.splitlines()
    assert line.startswith(f"error: {run} is in use by another process")
    command(*again)
    assert not differing(contents(run), undisturbed)
