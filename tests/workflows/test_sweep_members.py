"""Who works on which member of a sweep, with members that take a moment."""

import dataclasses
import fcntl
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest
from PIL import Image

from sfp_keras.errors import InputError
from sfp_keras.experiment import Experiment, all_declarations
from sfp_keras.workflows.sweep import member_process
from sfp_keras.workflows.sweep.plan import SweepPlan
from sfp_keras.workflows.sweep.sweep import sweep

PRETENDED = str(Path(__file__).parent / "pretended_member.py")
# A sweep in a process of its own: python -c DRIVER <folder> <numbers of labels> <seeds>
DRIVER = """
import sys
sys.path[:0] = [sys.argv[4]]
from pathlib import Path
from test_sweep_members import plan_of
from sfp_keras.workflows.sweep.sweep import sweep
numbers = [[int(n) for n in text.split(",")] for text in sys.argv[2:4]]
sweep(plan_of(Path(sys.argv[1]), *numbers))
"""


def plan_of(folder: Path, counts: list, seeds: list, **more: object) -> SweepPlan:
    base = Experiment.of(run_dir=str(folder), **more)  # type: ignore[arg-type]
    members = [
        base.changed(run_dir=None, labels=k, seed=s, subset_seed=s) for s in seeds for k in counts
    ]
    return SweepPlan(base, tuple(members), (sys.executable, PRETENDED), "python main.py")


def driven(folder: Path, counts: str, seeds: str, **more: str) -> subprocess.Popen:
    arguments = [str(folder), counts, seeds, str(Path(__file__).parent)]
    return subprocess.Popen(
        [sys.executable, "-c", DRIVER, *arguments],
        env={**os.environ, **more},
        cwd=Path(__file__).parents[2],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def trained(folder: Path) -> list[str]:
    return folder.with_suffix(".log").read_text().split()


def test_members_are_run_once_and_read_together(
    folder: Path, capsys: pytest.CaptureFixture[str], request: pytest.FixtureRequest
) -> None:
    sweep(plan_of(folder, [2, 4], [0, 1]))
    assert trained(folder) == ["k2-seed0", "k4-seed0", "k2-seed1", "k4-seed1"]
    output = capsys.readouterr().out
    assert "member 2 of 4: k4-seed0; 3 left, about 1 s" in output
    assert "layer5: error = 0.01 K" in output
    members = pd.read_csv(folder / "members.csv")
    assert [*members["member"]] == [name for name in trained(folder) for _ in range(2)]
    assert [*members["stage"]] == ["layer3", "layer5"] * 4
    saved = json.loads((folder / "sweep.json").read_text())
    assert saved["results"]["finished"] == trained(folder)
    assert saved["results"]["device"] == ["cpu:0"]
    assert saved["members"]["k4-seed1"]["command"].startswith("python main.py --mode=probe")
    summary = pd.read_csv(folder / "summary.csv").query("stage == 'layer5' and K == 4")
    assert summary["error_mean"].item() == pytest.approx(0.0405)
    assert pd.read_csv(folder / "fit.csv")["slope"].tolist() == pytest.approx([0.01, 0.01])
    assert (folder / "figures/error.svg").exists()
    page = (folder / "report.html").read_text()
    assert "4 of 4 members finished" in page
    assert 'src="http' not in page

    request.getfixturevalue("undrawn")
    # Nothing is left to do; more members join those there are.
    sweep(plan_of(folder, [2, 4], [0, 1]))
    assert "member 1" not in capsys.readouterr().out
    sweep(plan_of(folder, [3], [0, 1]))
    assert trained(folder)[4:] == ["k3-seed0", "k3-seed1"]
    assert [*pd.read_csv(folder / "summary.csv")["K"]] == [2, 2, 3, 3, 4, 4]


# What a sweep may be asked for later, beside its members.
LATER = {
    **{"decisions": True, "bootstrap": True, "zero_gradients": 10},
    **{"head_group": ("layer5: lr=0.01",), "head_seeds": 2, "shuffled_labels": True},
    **{"threshold": 0.4, "split": ("test", "train")},
}


def test_what_is_asked_for_later_is_made(
    folder: Path, capsys: pytest.CaptureFixture[str], unread: None
) -> None:
    asked: dict[str, object] = {}
    for more in ({}, *({name: value} for name, value in LATER.items())):
        asked |= more
        sweep(plan_of(folder, [2], [0], **asked))
        assert "member 1 of 1" in capsys.readouterr().out, more
        sweep(plan_of(folder, [2], [0], **asked))
        assert "member 1 of 1" not in capsys.readouterr().out, more


def test_no_setting_of_a_probe_is_left_out_of_what_may_be_asked_for() -> None:
    of_no_result = {"cache_gib", "keep_cache", "inference_batch_size"}
    found = {
        name
        for name, one in all_declarations().items()
        if one.topic in ("heads", "analysis") and not one.setting.phases
    }
    assert found == {*LATER} | of_no_result


@pytest.mark.slow
def test_two_sweeps_at_once_share_the_members(folder: Path) -> None:
    both = [driven(folder, "2,4,6", seeds) for seeds in ("0,1,2", "0,1,2")]
    output = [process.communicate(timeout=300)[0] for process in both]
    assert [process.returncode for process in both] == [0, 0], output
    names = [f"k{k}-seed{s}" for s in (0, 1, 2) for k in (2, 4, 6)]
    assert sorted(trained(folder)) == sorted(names)
    assert len(pd.read_csv(folder / "members.csv")) == 18
    assert all("layer5: error = 0.01 K" in text for text in output)


@pytest.mark.slow
def test_a_killed_sweep_goes_on_and_waits_for_the_member_it_left(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    sleep = time.sleep

    def wait(seconds: float) -> None:
        # The new sweep has found nothing else to do.
        folder.with_suffix(".released").touch()
        sleep(0.02)

    # The member goes on without its sweep, and holds its claim.
    process = driven(folder, "2,4,6", "0", PRETEND="kill:k4-seed0")
    process.wait(timeout=300)
    assert process.returncode == -signal.SIGKILL
    monkeypatch.setattr("time.sleep", wait)
    sweep(plan_of(folder, [2, 4, 6], [0]))
    assert "waiting for other processes: k4-seed0" in capsys.readouterr().out
    assert sorted(trained(folder)) == ["k2-seed0", "k4-seed0", "k6-seed0"]
    assert pd.read_csv(folder / "members.csv")["member"].nunique() == 3
    process.communicate()


def test_a_member_that_a_command_works_on_is_left_until_it_is_free(
    folder: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    unread: None,
) -> None:
    (folder / "k2-seed0").mkdir(parents=True)
    lock = open(folder / "k2-seed0/.lock", "a")  # noqa: SIM115
    fcntl.flock(lock, fcntl.LOCK_EX)
    (folder / "sweep.json").write_text('{"format": 1, "members": {}}')
    # The first time nothing else is left to do.
    monkeypatch.setattr("time.sleep", lambda seconds: lock.close())
    sweep(plan_of(folder, [2, 4], [0]))
    assert trained(folder) == ["k4-seed0", "k2-seed0"]
    assert "waiting for other processes: k2-seed0" in capsys.readouterr().out


@pytest.mark.parametrize("heard", [signal.default_int_handler, signal.SIG_IGN])
def test_stopping_the_sweep_stops_its_member(
    heard: object,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    unread: None,
) -> None:
    monkeypatch.setattr(member_process, "_BY_ITSELF", 0.2)
    monkeypatch.setenv("PRETEND", "stop:k4-seed0")
    before = signal.getsignal(signal.SIGTERM)
    interrupted = signal.signal(signal.SIGINT, heard)  # type: ignore[arg-type]
    try:
        with pytest.raises(KeyboardInterrupt):
            sweep(plan_of(folder, [2, 4, 6], [0]))
    finally:
        signal.signal(signal.SIGINT, interrupted)
    assert signal.getsignal(signal.SIGTERM) == before
    # What the member says of stopping, the sweep says itself.
    assert "stopped" not in capfd.readouterr().err
    with open(folder / "k4-seed0/.lock") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    monkeypatch.delenv("PRETEND")
    sweep(plan_of(folder, [2, 4, 6], [0]))
    assert trained(folder) == ["k2-seed0", "k4-seed0", "k6-seed0"]


def test_a_mistake_stops_the_sweep_and_a_crash_does_not(
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    undrawn: None,
) -> None:
    monkeypatch.setenv("PRETEND", "refuse:k4-seed0")
    with pytest.raises(InputError, match=r"^k4-seed0: --lr=7 is too much$"):
        sweep(plan_of(folder, [2, 4, 6], [0]))
    assert trained(folder) == ["k2-seed0"]
    monkeypatch.setenv("PRETEND", "crash:k4-seed0")
    with pytest.raises(InputError, match="k4-seed0 crashed, and the tables are without"):
        sweep(plan_of(folder, [2, 4, 6], [0]))
    assert trained(folder) == ["k2-seed0", "k6-seed0"]
    output = capsys.readouterr().out
    assert f"k4-seed0 crashed (exit code -{int(signal.SIGKILL)}); the others go on" in output
    assert "1 of 3 members are not finished" in output
    assert [*pd.read_csv(folder / "summary.csv")["K"]] == [2, 2, 6, 6]
    with pytest.raises(InputError, match=r"^k4-seed0 crashed; the same command tries again$"):
        sweep(plan_of(folder.with_name("alone"), [4], [0]))
    sweep(plan_of(folder.with_name("other"), [2], [0], split=("test", "train")))
    assert "note: these tables are of test images; those of train" in capsys.readouterr().out


def test_a_member_that_was_deleted_or_asked_for_more_is_run_again(
    folder: Path, unread: None
) -> None:
    sweep(plan_of(folder, [2], [0]))
    claim = folder / ".members/k2-seed0"
    asked = claim.read_text()
    claim.write_text(asked[:20])
    sweep(plan_of(folder, [2], [0]))
    assert claim.read_text() == asked
    (folder / "k2-seed0/layers.csv").unlink()
    sweep(plan_of(folder, [2], [0]))
    assert (folder / "k2-seed0/layers.csv").exists()
    sweep(plan_of(folder, [2], [0], stages=("layer3", "layer5")))
    assert claim.read_text() != asked
    # The network is the same all the time.
    assert trained(folder) == ["k2-seed0"]


def test_a_member_of_all_labels_needs_no_seed_of_labels(
    folder: Path, capsys: pytest.CaptureFixture[str], unread: None
) -> None:
    sweep(plan_of(folder, [10], [1]))
    plan = plan_of(folder, [None], [1])
    alone = dataclasses.replace(
        plan, members=tuple(member.changed(subset_seed=0) for member in plan.members)
    )
    capsys.readouterr()
    sweep(alone)
    assert "member 1 of 1" not in capsys.readouterr().out
    assert trained(folder) == ["k10-seed1"]


@pytest.mark.parametrize(("counts", "finished"), [([2, 4], True), ([10], True), ([10], False)])
def test_other_settings_are_refused(
    folder: Path, counts: list[int], finished: bool, unread: None
) -> None:
    sweep(plan_of(folder, [2, 4], [0]))
    for file in () if finished else folder.glob("*/model.keras"):
        file.unlink()  # As of a member that is being trained.
    with pytest.raises(InputError, match=r"another sweep: `lr` was 0\.01, now 0\.1; choose"):
        sweep(plan_of(folder, counts, [0], lr=0.1))
    assert trained(folder) == ["k2-seed0", "k4-seed0"]


def test_other_images_are_refused(folder: Path, tmp_path: Path, unread: None) -> None:
    for name in ("cat", "dog"):
        (tmp_path / "images" / name).mkdir(parents=True)
        Image.new("RGB", (8, 8)).save(tmp_path / "images" / name / "0.png")
    flags = {"dataset": "folder", "data_dir": str(tmp_path / "images")}
    sweep(plan_of(folder, [2], [0], **flags))
    Image.new("RGB", (8, 8)).save(tmp_path / "images/cat/1.png")
    for seed in (0, 1):
        with pytest.raises(InputError, match="members of other images than `data_dir`="):
            sweep(plan_of(folder, [2], [seed], **flags))
    assert trained(folder) == ["k2-seed0"]


def test_initial_weights_that_are_left_out_are_refused(folder: Path, unread: None) -> None:
    weights = folder.with_suffix(".keras")
    weights.write_bytes(b"weights")
    sweep(plan_of(folder, [2], [0], initial_weights=str(weights)))
    with pytest.raises(InputError, match="another sweep: `initial_weights` was a file of SHA-256"):
        sweep(plan_of(folder, [2], [1]))
    assert trained(folder) == ["k2-seed0"]


@pytest.mark.parametrize(
    ("name", "message"), [("notes.txt", "is no sweep"), ("experiment.json", "is a run directory")]
)
def test_a_folder_with_other_things_is_refused(folder: Path, name: str, message: str) -> None:
    folder.mkdir()
    (folder / name).write_text("mine")
    with pytest.raises(InputError, match=rf"{message}: it holds {name}"):
        sweep(plan_of(folder, [2], [0]))
    assert os.listdir(folder) == [name]


def test_a_file_is_no_folder_and_a_damaged_sweep_is_named(folder: Path, unread: None) -> None:
    folder.write_text("mine")
    with pytest.raises(InputError, match="cannot be used as a folder"):
        sweep(plan_of(folder, [2], [0]))
    folder.unlink()
    sweep(plan_of(folder, [2], [0]))
    (folder / "sweep.json").write_text("{")
    with pytest.raises(InputError, match=r"sweep\.json is damaged"):
        sweep(plan_of(folder, [2], [0]))
    (folder / "sweep.json").unlink()
    sweep(plan_of(folder, [2], [0]))
    assert trained(folder) == ["k2-seed0"]


@pytest.mark.parametrize(
    ("counts", "more", "message"),
    [
        ([4, 11], {"sweep_labels": (4, 11)}, "`sweep_labels`: 11 is more than the 10 labels"),
        ([11], {}, "`labels`: 11 is more than the 10 labels of digits"),
        ([4, 5], {"model": "mine.keras"}, "`model`=mine.keras is trained already"),
        ([4, 5], {"weights": "a.h5"}, "`weights`=a.h5 is trained already"),
        ([11], {"sweep_widths": (3,)}, "`labels`: 11 is more than the 10 labels of digits"),
        ([4], {"sweep_stage": "layer9"}, "`sweep_stage`=layer9 is none of the probed stages"),
        (
            [4],
            {"sweep_stage": "layer1", "stages": ("layer3",)},
            "`sweep_stage`=layer1 is none of the probed stages layer3",
        ),
    ],
)
def test_what_cannot_work_is_refused_before_any_work(
    folder: Path, counts: list[int], more: dict, message: str
) -> None:
    with pytest.raises(InputError, match=message):
        sweep(plan_of(folder, counts, [0], **more))
    assert not folder.with_suffix(".log").exists()
    assert not (folder / "sweep.json").exists()


def test_a_trained_network_may_be_probed_for_several_seeds(folder: Path, unread: None) -> None:
    plan = plan_of(folder, [None], [0, 1], model="mine.keras")
    sweep(plan)
    assert trained(folder) == ["k10-seed0", "k10-seed1"]
