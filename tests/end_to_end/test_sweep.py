"""`--mode=sweep` on real digits: ordinary runs, nested subsets, presets, mistakes."""

import json
import shlex
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import pandas as pd
import pytest
from absl import flags as absl_flags
from absl.testing import flagsaver
from calling import ROOT, call_main
from run_files import contents, differing

from sfp_keras.data import label_subset, load_dataset

QUICK = ("--filters=1:4,2:4,3:4,4:4,5:8", "--epochs=1", "--head_epochs=1", "--nomonitor")
NAMES = ["k2-seed1", "k3-seed1"]

# Members are whole processes; the sweep itself is tested with pretended ones.
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def swept(tmp_path_factory: pytest.TempPathFactory) -> SimpleNamespace:
    """A sweep of two members, each a process of its own."""
    folder = tmp_path_factory.mktemp("sweep") / "digits"
    flags = [
        *("--mode=sweep", "--sweep_labels=3,2", "--sweep_seeds=1", "--stages=layer4,layer5"),
        *(*QUICK, f"--run_dir={folder}"),
    ]
    assert call_main(*flags) == 0
    return SimpleNamespace(folder=folder, flags=flags)


def test_members_are_ordinary_runs_of_their_own_labels_and_seeds(
    swept: SimpleNamespace, tmp_path: Path
) -> None:
    for name in NAMES:
        saved = json.loads((swept.folder / name / "experiment.json").read_text())["flags"]
        labels, seed = int(name[1]), int(name[-1])
        assert (saved["labels"], saved["seed"], saved["subset_seed"]) == (labels, seed, seed)
        assert (saved["preset"], saved["epochs"]) == ("vgg6-digits", 1)
    command = json.loads((swept.folder / "k3-seed1/experiment.json").read_text())["command"]
    assert call_main(*shlex.split(command)[2:], f"--run_dir={tmp_path / 'alone'}") == 0
    alone = contents(tmp_path / "alone")
    assert not differing(contents(swept.folder / "k3-seed1"), alone)


def test_subsets_of_a_seed_are_nested(swept: SimpleNamespace) -> None:
    def labels(name: str) -> set[int]:
        return set(pd.read_csv(swept.folder / name / "labels.csv")["original_label"])

    assert labels("k2-seed1") < labels("k3-seed1")
    everything = load_dataset("digits")
    for name in NAMES:
        assert labels(name) == set(label_subset(everything, int(name[1]), 1).original_labels)


def test_the_tables_are_those_of_the_members(swept: SimpleNamespace) -> None:
    members = pd.read_csv(swept.folder / "members.csv")
    assert [*dict.fromkeys(members["member"])] == NAMES
    for name, rows in members.groupby("member"):
        layers = pd.read_csv(swept.folder / str(name) / "layers.csv")
        mine = rows[layers.columns].reset_index(drop=True)
        pd.testing.assert_frame_equal(mine, layers, check_exact=True)
    assert json.loads((swept.folder / "sweep.json").read_text())["results"]["stage"] == "layer5"
    assert {path.suffix for path in (swept.folder / "figures").iterdir()} >= {".png", ".svg"}
    assert "2 of 2 members finished" in (swept.folder / "report.html").read_text()


def test_a_second_call_trains_nothing(
    swept: SimpleNamespace, capsys: pytest.CaptureFixture[str]
) -> None:
    before = contents(swept.folder)
    assert call_main(*swept.flags) == 0
    assert "member 1 of 2" not in capsys.readouterr().out
    after = contents(swept.folder)
    assert {n for n in before if before[n] != after.get(n)} == set()


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--sweep_labels=2,11"], "--sweep_labels: 11 is more than the 10 labels of digits"),
        (["--sweep_labels=2,3", "--labels=3"], "--labels=3 and --sweep_labels=2,3: give only one"),
        (["--sweep_seeds="], "--sweep_seeds is empty; give at least one seed, as in 0,1,2"),
        (["--seed=3"], "--seed=3: every member of a sweep has its own; use --sweep_seeds"),
        (["--subset_seed=3"], "--subset_seed=3: every member of a sweep has its own"),
        (["--overwrite=train"], "--overwrite=train is not for sweeps; choose another --run_dir"),
        (["--sweep_stage=layer9"], "--sweep_stage=layer9 is none of the probed stages layer1,"),
        (["--dataset=folder"], "--dataset=folder has no network by default"),
        (["--dataset=folder", "--model=vgg6"], "--dataset=folder needs --data_dir"),
    ],
)
def test_mistakes_are_one_line(
    flags: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call_main("--mode=sweep", f"--run_dir={tmp_path / 'sweep'}", *flags) == 2
    error = capsys.readouterr().err.strip()
    assert error.startswith(f"error: {message}")
    assert len(error.splitlines()) == 1
    assert not (tmp_path / "sweep").exists()


@pytest.fixture(scope="module")
def plan() -> Iterator[Callable]:
    """The plan of the sweep with these flags."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(ROOT)
        import main
        from sfp_keras.command import sweep

        def planned(*flags: str):
            values = absl_flags.FLAGS
            with flagsaver.flagsaver():
                values.unparse_flags()
                for name in values:
                    values[name].unparse()
                values(["main.py", "--mode=sweep", *flags])
                before = values.flags_into_string()
                made = sweep.plan(values, main.build_experiment)
                # The flags are as they were: nobody's preset was set.
                assert values.flags_into_string() == before
                return made

        yield planned


def test_members_that_draw_no_labels_have_no_seed_for_it(plan: Callable) -> None:
    made = plan("--model=lenet5", "--dataset=digits", "--sweep_widths=2,4", "--sweep_seeds=3")
    assert [(m.run.seed, m.data.subset_seed) for m in made.members] == [(3, 0), (3, 0)]


def test_every_member_has_the_preset_of_its_own_labels(plan: Callable) -> None:
    made = plan("--dataset=cifar100", "--sweep_labels=100,20,10", "--sweep_seeds=4,2")
    assert [(m.data.labels, m.run.seed, m.data.subset_seed) for m in made.members] == [
        *((10, 2, 2), (20, 2, 2), (100, 2, 2), (10, 4, 4), (20, 4, 4), (100, 4, 4)),
    ]
    presets = [f"vgg16-cifar100{of}" for of in ("-k10", "-k20", "")]
    assert [member.run.preset for member in made.members] == presets * 2
    assert [member.training.lr for member in made.members[:3]] == [0.004, 0.004, 0.002]
    assert {member.run.mode for member in made.members} == {"probe"}
    assert made.base.run.preset == "vgg16-cifar100"
    assert made.command == (
        "python main.py --mode=sweep --dataset=cifar100 --sweep_labels=100,20,10 --sweep_seeds=4,2"
    )


def test_flags_given_by_hand_win(plan: Callable) -> None:
    group = "fc: lr=0.5 l2=0"
    made = plan("--dataset=cifar100", "--sweep_labels=20,100", "--lr=0.3", f"--group={group}")
    assert [(m.training.lr, m.training.momentum, m.training.group) for m in made.members] == [
        *((0.3, 0.965, (group,)), (0.3, 0.975, (group,))),
    ]
    assert shlex.split(made.command)[-2:] == [f"--group={group}", "--sweep_labels=20,100"]
    named = plan("--preset=vgg16-cifar100-k20", "--sweep_labels=40")
    assert [(m.run.preset, m.data.labels, m.training.lr) for m in named.members] == [
        ("vgg16-cifar100-k20", 40, 0.004)
    ]


def test_a_sweep_over_widths_keeps_the_labels_and_their_preset(plan: Callable) -> None:
    made = plan("--model=lenet5", "--dataset=cifar10", "--sweep_widths=12,3", "--sweep_seeds=0,2")
    members = [(m.value("width"), m.run.seed, m.data.labels) for m in made.members]
    assert members == [(3, 0, None), (12, 0, None), (3, 2, None), (12, 2, None)]
    assert {member.run.preset for member in made.members} == {"lenet5-cifar10"}
    assert made.axis.column == "width"
    assert "--width=3" in made.members[0].arguments()
    some = plan("--model=vgg6", "--dataset=cifar10", "--sweep_widths=4", "--labels=5").members
    assert [(m.value("width"), m.data.labels) for m in some] == [(4, 5)]


def test_without_numbers_of_labels_it_is_all_or_those_of_labels(plan: Callable) -> None:
    assert [m.data.labels for m in plan("--sweep_seeds=0,1").members] == [None, None]
    assert [m.data.labels for m in plan("--labels=4", "--sweep_seeds=0,1").members] == [4, 4]
    preset = plan("--preset=vgg16-cifar100-k20", "--sweep_seeds=7").members
    assert [(m.data.labels, m.run.seed) for m in preset] == [(20, 7)]
