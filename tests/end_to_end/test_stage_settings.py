"""--pool and --head_group belong to single stages: further stages can have their own."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from calling import call_again
from run_files import contents

SLOW = "--head_group=conv2: lr=0.01"


@pytest.fixture(scope="module")
def conv2(
    colour_folder: Path, colour_model: Path, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """A run directory where conv2 is finished, with a group and a pool of its own."""
    run = tmp_path_factory.mktemp("conv2") / "run"
    call_again(
        *("--dataset=folder", f"--data_dir={colour_folder}", "--head_epochs=2", "--nomonitor"),
        *(f"--model={colour_model}", "--stages=conv2", SLOW, "--pool=conv2=avg:2"),
        *("--scaling=0..255", f"--run_dir={run}"),
    )
    return run


@pytest.fixture
def finished(probe: Callable, conv2: Path, tmp_path: Path) -> Callable[..., str]:
    """Go on in a copy of that run directory."""
    shutil.copytree(conv2, tmp_path / "run")

    def run(*flags: str, **more: int) -> str:
        return probe(*flags, "--scaling=0..255", "--run_dir=run", "--nomonitor", **more)

    return run


@pytest.mark.parametrize(
    "flags",
    [
        ("--stages=conv1",),
        ("--stages=conv1", SLOW, "--pool=avg:4"),
        ("--stages=conv1", SLOW, "--head_group=conv1: lr=0.1", "--pool=conv2=avg:2,conv1=sequence"),
        ("--stages=conv1,conv2", SLOW, "--head_group=conv1: lr=0.1", "--pool=conv2=avg:2"),
    ],
    ids=str,
)
def test_further_stages_train_only_their_heads(
    flags: tuple[str, ...], finished: Callable, tmp_path: Path
) -> None:
    before = contents(tmp_path / "run/stages/conv2")
    assert "head.npz" in before
    finished(*flags)
    after = contents(tmp_path / "run/stages/conv2")
    assert {n: d for n, d in after.items() if n.startswith(("head", "test/fields"))} == {
        n: d for n, d in before.items() if n.startswith(("head", "test/fields"))
    }
    assert (tmp_path / "run/stages/conv1/head.npz").is_file()
    # Each goes on as it began.
    finished("--stages=conv2", SLOW, "--pool=conv2=avg:2")


def test_a_finished_head_is_not_taken_for_another(finished: Callable, tmp_path: Path) -> None:
    before = contents(tmp_path / "run")
    for flags, words in {
        ("--stages=conv2", "--pool=avg:2"): "--head_group was conv2: lr=0.01, now not given",
        ("--stages=conv2", SLOW): "--pool was avg:2, now none",
        ("--stages=conv1", "--pool=conv2=avg:4"): "--pool was avg:2, now avg:4",
        ("--stages=conv1", "--head_group=conv2: lr=1"): "now conv2: lr=1",
    }.items():
        error = finished(*flags, code=2)
        assert len(error.splitlines()) == 1
        for word in ("conv2", "--run_dir", "--overwrite=heads", words):
            assert word in error
        assert contents(tmp_path / "run") == before
    # Once the heads are redone, conv2 is one of the stages or it is not.
    finished("--stages=conv1", SLOW, "--overwrite=heads", code=2)
    finished("--stages=conv2", "--overwrite=heads")


def test_flags_without_effect_are_noted_and_compare_with_nothing(finished: Callable) -> None:
    same = ("--stages=conv2", SLOW, "--pool=conv2=avg:2")
    text = finished(*same, "--lr=0.5", "--shift=2")
    assert "note: --lr, --shift without effect" in text
    assert "note:" not in finished(*same)


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["afcc", "ablate"])
def test_other_modes_take_what_is_said_of_stages_they_do_not_need(
    mode: str, probe: Callable, tmp_path: Path
) -> None:
    flags = [
        *(f"--mode={mode}", "--pool=conv1=avg:4,conv2=sequence", "--nomonitor"),
        "--head_group=conv1: lr=0.01",
        *("--run_dir=run", "--afcc_variants=full", "--afcc_epochs=1", "--ablate_draws=1"),
    ]
    probe(*flags)
    assert (tmp_path / "run" / mode / "conv2").is_dir()
    probe(*flags, "--overwrite=heads")
    assert not (tmp_path / "run/stages/conv1").exists()
    # The stage itself may be another than those that are probed.
    probe(*flags, "--stages=conv2", f"--{mode}_stage=conv1")
    assert (tmp_path / "run" / mode / "conv1").is_dir()
    assert "'conv3' is none of" in probe(*flags, "--pool=conv3=avg:2", code=2)


def test_heads_that_were_stopped_stay_while_others_are_trained(
    probe: Callable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    flags = ("--run_dir=run", "--nomonitor")
    with monkeypatch.context() as patch:
        patch.setattr("sfp_keras.runs.stage_results.write_head", interrupted)
        probe(*flags, "--stages=conv2", code=130)
    probe(*flags, "--stages=conv1")
    assert len(list((tmp_path / "run/checkpoint").glob("heads-*"))) == 1
    assert "heads: epoch" not in probe(*flags, "--stages=conv2")
    assert not (tmp_path / "run/checkpoint").exists()


def interrupted(*arguments: object) -> None:
    raise KeyboardInterrupt
