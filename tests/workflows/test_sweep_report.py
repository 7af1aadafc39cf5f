"""What the members of a sweep say together, with members that take a moment."""

from pathlib import Path

import pandas as pd
import pytest
from test_sweep_members import plan_of

from sfp_keras.errors import InputError
from sfp_keras.workflows.sweep.directory import SweepDirectory
from sfp_keras.workflows.sweep.report import read_members, sweep_report
from sfp_keras.workflows.sweep.sweep import sweep

pytestmark = pytest.mark.usefixtures("undrawn")


def test_a_report_needs_a_finished_member_and_its_stage(folder: Path, unread: None) -> None:
    with pytest.raises(InputError, match=r"holds no sweep\.json"):
        sweep_report(folder)
    sweep(plan_of(folder, [2, 4], [0]))
    sweep_report(folder, "layer3")
    with pytest.raises(
        InputError, match="`sweep_stage`=layer9 is none of the probed layer3, layer5"
    ):
        sweep_report(folder, "layer9")
    for name in ("k2-seed0", "k4-seed0"):
        (folder / name / "layers.csv").unlink()
    with pytest.raises(InputError, match="has no finished member"):
        sweep_report(folder)


def test_a_damaged_member_is_named(folder: Path, unread: None) -> None:
    sweep(plan_of(folder, [2, 4], [0]))
    file = folder / "k4-seed0" / "layers.csv"
    whole = file.read_bytes()
    for length in (0, 20, len(whole) // 2, len(whole) - 1):
        file.write_bytes(whole[:length])
        with pytest.raises(
            InputError, match=rf"{file} is damaged .*; delete it and run `mode`=sweep"
        ):
            sweep_report(folder)
    file.unlink()
    sweep(plan_of(folder, [2, 4], [0]))
    assert file.read_bytes() == whole


def test_a_member_made_before_a_quantity_was_added_is_read(folder: Path, unread: None) -> None:
    sweep(plan_of(folder, [2, 4], [0]))
    file = folder / "k4-seed0" / "layers.csv"
    table = pd.read_csv(file)
    table.drop(columns="clusters").to_csv(file, index=False)
    found = SweepDirectory(folder)
    members = read_members(found, found.read()).set_index("member")
    assert members.loc["k4-seed0", "clusters"].isna().all()
    assert members.loc["k2-seed0", "clusters"].notna().all()
    assert members.loc["k4-seed0", "accuracy"].tolist() == table["accuracy"].tolist()
    table.drop(columns="split").to_csv(file, index=False)
    with pytest.raises(InputError, match=rf"{file} is damaged"):
        read_members(found, found.read())


def test_only_the_paper_s_network_has_the_paper_beside(
    folder: Path, capsys: pytest.CaptureFixture[str], unread: None
) -> None:
    for more, beside in (({}, True), ({"filters": ("10:350",)}, False)):
        own = folder.with_name(f"sweep{len(more)}")
        settings = {"model": "vgg16", "dataset": "cifar100", **more}
        sweep(plan_of(own, [20], [0], **settings))
        # The members' stages are not the paper's, but its line is known.
        file = own / "k20-seed0" / "layers.csv"
        file.write_text(file.read_text().replace("layer5", "layer10"))
        capsys.readouterr()
        sweep_report(own)
        assert ("paper, layer10" in capsys.readouterr().out) == beside


def test_members_that_were_measured_otherwise_are_named(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sweep(plan_of(folder, [2, 6], [0]))
    (folder / "k6-seed0" / "layers.csv").unlink()
    sweep(plan_of(folder, [4], [0], threshold=0.4))
    output = " ".join(capsys.readouterr().out.split())
    assert "1 of 3 members are not finished" in output
    assert (
        "left out: k2-seed0, not measured at threshold 0.4 on test images; run the sweep of these "
        "members too, which trains nothing" in output
    )
    assert [*pd.read_csv(folder / "members.csv")["member"].unique()] == ["k4-seed0"]
    page = (folder / "report.html").read_text()
    assert "1 of 3 members finished, 1 measured otherwise. Folder" in page
    sweep(plan_of(folder, [2], [0], threshold=0.4))
    assert "left out: k2" not in capsys.readouterr().out
