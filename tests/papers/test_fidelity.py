"""The committed scoreboard is what its script makes of the committed runs."""

import runpy
import shutil
from pathlib import Path

import pandas as pd

RESULTS = Path(__file__).parents[2] / "docs/results"


def test_the_scoreboard_is_up_to_date(tmp_path):
    script = runpy.run_path(str(RESULTS / "fidelity.py"))
    table = script["beside"](script["paper_rows"](), script["our_rows"]())
    table.to_csv(tmp_path / "fidelity.csv", index=False, float_format="%.6g")
    again, kept = (pd.read_csv(folder / "fidelity.csv") for folder in (tmp_path, RESULTS))
    pd.testing.assert_frame_equal(again, kept, rtol=1e-4)
    assert script["page"](table) == (RESULTS / "fidelity.md").read_text("utf-8")


def test_what_counts_as_near():
    script = runpy.run_path(str(RESULTS / "fidelity.py"))
    theirs = {"model": "m", "dataset": "d", "labels": 3, "stage": "s", "place": "Table"}
    theirs |= {"paper_accuracy": 0.5, "paper_noise": 8.0, "paper_clusters": 2.0}
    names = ("accuracy", "noise", "clusters", "cluster_size")
    cases = [
        ((0.51, 10.0, 1.7, 9.0), True),
        ((0.511, 8.0, 2.0, 9.0), False),
        ((0.5, 5.9, 2.0, 9.0), False),
        ((0.5, 8.0, 2.31, 9.0), False),
    ]
    for numbers, expected in cases:
        ours = dict(zip(names, numbers, strict=True))
        row = {**theirs, "paper_cluster_size": float("nan")}
        run = {name: row[name] for name in ("model", "dataset", "labels", "stage")}
        run |= ours | {f"{name}_{of}": 0.0 for name in ours for of in ("deviation", "error")}
        run |= {"seeds": 1, "epochs": 1, "paper_epochs": 2, "device": "", "command": ""}
        run |= {"filters": 40, "dead_filters": 3}
        run["note"] = "other labels"
        found = script["beside"](pd.DataFrame([row]), pd.DataFrame([run]))
        assert found["within"].tolist() == [expected]
        reason = "" if expected else "1 of 2 epochs; other labels"
        assert found["reason"].tolist() == [reason]
        assert found["remark"].tolist() == ["3 of the 40 filters are dead"]


def test_every_row_that_is_not_near_says_why():
    table = pd.read_csv(RESULTS / "fidelity.csv")
    assert (table["reason"].isna() == (table["within"] == True)).all()  # noqa: E712


def test_one_network_has_errors_over_images_and_several_have_deviations(tmp_path):
    script = tmp_path / "fidelity.py"
    shutil.copy(RESULTS / "fidelity.py", script)
    shutil.copy(RESULTS / "not_run.csv", tmp_path)
    run = "vgg16,cifar100,{labels},0,{epochs},300,CPU,command,other labels"
    folders = {"alone": (10, 300), "seed0": (20, 300), "seed1": (20, 300), "short": (20, 30)}
    lines = [
        f"{folder},{run.format(labels=labels, epochs=epochs)}"
        for folder, (labels, epochs) in folders.items()
    ]
    names = (RESULTS / "runs.csv").read_text("utf-8").splitlines()[0]
    (tmp_path / "runs.csv").write_text("\n".join([names, *lines]) + "\n")
    for noise, folder in enumerate(folders):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "layers.csv").write_text(
            "stage,split,threshold,accuracy,noise,clusters,cluster_size,filters,dead_filters\n"
            f"layer2,test,0.3,0.5,{noise},1,1,64,0\nlayer2,test,0.4,0.6,9,9,9,64,0\n"
        )
        (tmp_path / folder / "intervals.csv").write_text(
            "stage,split,threshold,quantity,value,error\nlayer2,test,0.3,noise,0,0.25\n"
            "layer2,test,0.4,noise,9,0.75\nlayer2,train,0.3,noise,9,0.5\n"
        )
    runpy.run_path(str(script), run_name="__main__")
    page = (tmp_path / "fidelity.md").read_text("utf-8").splitlines()
    rows = [line.split(" | ") for line in page if "vgg16" in line and "of 300" in line]
    # Of one quantity of the first the errors are known; of the others the seeds count.
    assert [row[3] for row in rows] == ["0.500", "0.500 ± 0.000", "0.500"]
    assert [row[5] for row in rows] == ["0.0 ± 0.2", "1.5 ± 0.7", "3.0 ± 0.2"]
    # Another number of epochs is another run of the same row of the paper's.
    assert [row[11] for row in rows] == ["300 of 300", "300 of 300", "30 of 300"]
    assert sum("2 were run, some in several ways" in line for line in page) == 1
