"""A run directory by plain data: what is locked, recorded, redone and left alone."""

import time
from pathlib import Path

import pytest

from sfp_keras.errors import InputError
from sfp_keras.runs import RunDirectory, RunFiles, RunPlan, in_use, record

IMAGES = "every+few"
PHASES = ("train", "heads", "analysis", "ablate", "afcc")


def directory(path: Path, redo: str | None = None, **settings: object) -> RunDirectory:
    """A run directory whose phases depend on one setting each."""
    values = {"train": 1, "heads": 2, "analysis": 3, "ablate": 4, "afcc": 5, **settings}
    plan = RunPlan(
        settings=values,
        phases={phase: {phase: values[phase]} for phase in PHASES},
        defaults=dict.fromkeys(PHASES, 0),
        command="run it",
        redone=PHASES[PHASES.index(redo) :] if redo else (),
    )
    return RunDirectory(path, plan)


def made_by(files: RunFiles) -> dict[str, list[Path]]:
    """A few files of each phase."""
    stage, ablation = files.stage("conv1"), files.ablation("conv1")
    return {
        "train": [files.model, files.training, files.checkpoint("train")],
        "heads": [stage.head, stage.curve, files.checkpoint("heads", ["conv1"])],
        "analysis": [files.layers, stage.split("test").fields, files.checkpoint("fields-test")],
        "ablate": [ablation.removal, ablation.narrower(8) / "model.keras"],
        "afcc": [files.afcc("conv1").results, files.features("afcc") / "prefix.npy"],
    }


@pytest.fixture
def finished(tmp_path: Path) -> Path:
    path = tmp_path / "run"
    with directory(path).opened(IMAGES) as run:
        for phase, files in made_by(run).items():
            with run.timed(phase):
                for file in files:
                    file.parent.mkdir(parents=True, exist_ok=True)
                    file.write_bytes(b"")
        run.record.add_results(network_accuracy=0.5)
    return path


def test_a_kill_leaves_a_phases_seconds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(record, "NOTE_EVERY", 0.02)
    with directory(tmp_path).opened(IMAGES) as run, run.timed("heads"):
        for number in range(300):
            run.record.add_heads({f"conv{number}": {}})
        deadline = time.monotonic() + 60
        while not (killed := run.record.read())["seconds"].get("heads"):
            assert time.monotonic() < deadline
        # What the phase itself keeps is not lost to a note at the same time.
        assert len(run.record.heads) == 300
    assert run.record.read()["seconds"]["heads"] >= killed["seconds"]["heads"]


def test_one_process_at_a_time(tmp_path: Path) -> None:
    assert not in_use(tmp_path)
    with directory(tmp_path).opened(IMAGES):
        assert in_use(tmp_path)
        with pytest.raises(InputError, match="in use"), directory(tmp_path).opened(IMAGES):
            pass
    assert not in_use(tmp_path)


@pytest.mark.parametrize("phase", ["train", "heads", "afcc"])
def test_a_changed_setting_is_refused_unless_its_phase_is_redone(
    finished: Path, phase: str
) -> None:
    with (
        pytest.raises(InputError, match=rf"`{phase}` was \d, now 9.*`overwrite`={phase}"),
        directory(finished, **{phase: 9}).opened(IMAGES),
    ):
        pass
    with directory(finished, redo=phase, **{phase: 9}).opened(IMAGES):
        pass


@pytest.mark.parametrize("first", [phase for phase in PHASES if phase != "ablate"])
def test_redoing_a_phase_deletes_it_and_what_follows(finished: Path, first: str) -> None:
    with directory(finished, redo=first).opened(IMAGES) as run:
        run.discard()
        saved = run.record.read()
    redone = PHASES[PHASES.index(first) :]
    assert set(saved["phases"]) == set(saved["seconds"]) == set(PHASES) - set(redone)
    assert saved["results"] == ({} if first == "train" else {"network_accuracy": 0.5})
    left = {phase: [file.exists() for file in of] for phase, of in made_by(run).items()}
    kept = PHASES[: PHASES.index(first)]
    # Networks with fewer filters delete themselves what they redo.
    narrower = "ablate" in kept or first != "train"
    tables = first == "afcc"
    assert left == {
        **{phase: [True] * 3 for phase in kept},
        **{phase: [False] * len(made_by(run)[phase]) for phase in redone},
        "ablate": [tables, narrower],
    }


def test_the_record_survives_damage_of_nothing_but_itself(finished: Path) -> None:
    RunFiles(finished).record.path.write_text("{")
    with pytest.raises(InputError, match="is damaged"), directory(finished).opened(IMAGES):
        pass


def test_files_of_the_user_stay(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").touch()
    with pytest.raises(InputError, match=r"holds other files, such as thesis\.tex"):
        directory(tmp_path).check_place()


def test_narrower_networks_are_found_by_their_folders(tmp_path: Path) -> None:
    files = RunFiles(tmp_path).ablation("conv1")
    for layers in ((), (1, 3)):
        files.narrower(16, layers).mkdir(parents=True)
    (files.path / "some-width-x").mkdir()
    found = {(layers, width) for layers, width, _ in files.all_narrower()}
    assert found == {("", 16), ("1-3", 16)}
