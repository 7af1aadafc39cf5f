"""A sweep over widths, with members that take a moment."""

import dataclasses
from pathlib import Path

import pandas as pd
import pytest
from test_sweep_members import plan_of, trained

from sfp_keras.errors import InputError
from sfp_keras.experiment import Experiment
from sfp_keras.settings import LABELS, WIDTHS
from sfp_keras.workflows.sweep.sweep import expected_seconds, sweep, sweep_folder


@pytest.mark.parametrize(
    ("axis", "spent", "left", "expected"),
    [
        (LABELS, [(2, 10.0), (4, 20.0)], [6, 8], 70),
        (WIDTHS, [(3, 30.0), (3, 30.0)], [6, 12], 180),
        (WIDTHS, [(3, 29.0), (6, 56.0)], [12], 20 + 12**2),
        (WIDTHS, [(3, 30.0), (6, 28.0)], [12], 29),  # Measured shorter by chance.
    ],
)
def test_the_time_left_grows_as_the_work_of_members(axis, spent, left, expected) -> None:
    assert expected_seconds(spent, left, axis) == pytest.approx(expected)


def test_a_sweep_over_widths_reads_the_networks_too(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "sweep"
    given = plan_of(folder, [None], [0, 1], model="lenet5", sweep_widths=(4, 16, 64))
    members = [
        member.changed(width=width) for member in given.members for width in given.base.sweep.widths
    ]
    sweep(dataclasses.replace(given, members=tuple(members)))
    names = [f"w{width}-seed{seed}" for seed in (0, 1) for width in (4, 16, 64)]
    assert trained(folder) == names
    output = capsys.readouterr().out
    assert "network: error = 0.9 width^-0.500, exponent 0.500 (95%: 0.500 to 0.500)" in output
    found = pd.read_csv(folder / "members.csv")
    assert [*found.columns[:7]] == [
        *("member", "width", "seed", "preset", "network_accuracy", "parameters", "operations"),
    ]
    assert [*found["parameters"]] == [7 * w for _ in (0, 1) for w in (4, 16, 64) for _ in (0, 1)]
    fits = pd.read_csv(folder / "fit.csv")
    assert fits["exponent"][0] == pytest.approx(0.5)
    assert pd.read_csv(folder / "summary.csv")["filters_mean"].tolist() == [8] * 6
    assert (folder / "figures/power-laws.svg").exists()
    assert "lenet5 on digits, width varied" in (folder / "report.html").read_text()
    # The labels are the same in all, so that a sweep over K is another one.
    with pytest.raises(InputError, match="holds a sweep over width, not over K; choose another"):
        sweep(plan_of(folder, [2, 4], [0], model="lenet5"))


def test_the_default_folder() -> None:
    base = Experiment.of(model="vgg16", dataset="cifar100", labels=20, seed=4)
    assert str(sweep_folder(base)) == "runs/vgg16-cifar100-sweep"
    widths = base.changed(sweep_widths=(3, 6), width=3)
    assert str(sweep_folder(widths)) == "runs/vgg16-cifar100-20-widths"
