"""`--mode=report`: from a run directory alone to figures, tables and one page."""

import json
import re
import subprocess
import sys
import xml.etree.ElementTree as ET
from html.parser import HTMLParser
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from calling import ROOT, call_main
from PIL import Image
from run_files import contents

from sfp_keras.analyses import image_passes, write_image_result
from sfp_keras.experiment import Experiment
from sfp_keras.files import write_text
from sfp_keras.filters import FilterFields, StageMeasurement, filter_decisions
from sfp_keras.papers import paper_numbers
from sfp_keras.workflows.experiment_run import ExperimentRun

# Names of strangers: they must be shown, never read as markup of any kind.
NAMES = tuple(f"<img src=x{i}>&$_{{}}|" if i else "\\textbf{apple}" for i in range(10))
SHAPES = {"layer10": ((2, 2), 12), "layer13": ((1, 1), 16)}


class Page(HTMLParser):
    """Tags, references and text of a page, whose tags must close in order."""

    def __init__(self, text: str):
        super().__init__()
        self.open, self.tags, self.references, self.text, self.cells = [], [], [], "", []
        self.feed(text)
        self.close()
        assert not self.open

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.references += [value for name, value in attrs if name in ("src", "href", "style")]
        if tag not in ("meta", "img", "br"):
            self.open.append(tag)
        if tag in ("td", "th"):
            self.cells.append("")

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data
        if self.open and self.open[-1] in ("td", "th"):
            self.cells[-1] += data


def write_run(folder: Path) -> None:
    """A finished run of VGG-16 on ten labels of CIFAR-10, of random numbers."""
    from sfp_keras.probing.heads import Head
    from sfp_keras.runs import stage_results
    from sfp_keras.workflows.phases.statistics import analyse

    experiment = Experiment.of(dataset="cifar10", model="vgg16", run_dir=str(folder), seed=3)
    rng = np.random.default_rng(0)
    curve = pd.DataFrame(
        {"epoch": [0, 1], "lr": 0.1, "loss": [2, 1], "accuracy": 0.5, "test_accuracy": [0.4, 0.6]}
    )
    with ExperimentRun(experiment).opened("data") as run, run.timed("train"):
        labels = {"label": range(10), "name": NAMES, "original_label": range(10)}
        write_text(run.labels, pd.DataFrame(labels).to_csv(index=False))
        write_text(run.training, curve.to_csv(index=False))
        run.record.add_results(network_accuracy=0.875)
        for name, (shape, filters) in SHAPES.items():
            positions = int(np.prod(shape))
            kernel = rng.normal(size=(positions, filters, 10)).astype(np.float32)
            stage_results.write_head(run, name, Head(kernel, shape, curve.to_dict("records")))
            for split in ("test", "train"):
                features = rng.gamma(1, 1, (10, positions, filters)).astype(np.float32)
                fields = FilterFields(features, kernel, np.full(10, 4), shape)
                measured = StageMeasurement(fields, rng.integers(1, 4, 10))
                stage_results.write_fields(run, name, split, measured)
        inputs = np.maximum(rng.normal(size=(40, *kernel.shape[:2])), 0)
        decisions = filter_decisions(inputs, np.repeat(np.arange(10), 4), kernel, [1, 5])
        file = run.stage("layer13").split("test").image_result("decisions")
        write_image_result(file, image_passes()["decisions"], decisions)
        session = SimpleNamespace(
            run=run,
            experiment=experiment,
            dataset=SimpleNamespace(class_names=NAMES),
            stages=[SimpleNamespace(name=name, path=name) for name in SHAPES],
            depths={"layer10": 0, "layer13": 1},
            measurement=lambda name, split: stage_results.read_measurement(run, name, split),
        )
        analyse(session)  # type: ignore[arg-type]
        row = {
            "variant": "clusters", "clusters_from": "test", "threshold": 0.3, "kept": 10,
            "total": 100, "accuracy_before": 0.5, "accuracy_zeroed": 0.4, "accuracy_after": 0.45,
            "epochs": 2,
        }  # fmt: skip
        write_text(run.afcc("layer10").results, pd.DataFrame([row]).to_csv(index=False))
        for name, table in ablation().items():
            write_text(run.ablation("layer13").path / f"{name}.csv", table.to_csv(index=False))


def ablation() -> dict[str, pd.DataFrame]:
    """What an ablation of layer 13 leaves: with the paper's number of filters removed."""
    accuracy = np.linspace(0.5, 0.95, 10)
    return {
        "summary": pd.DataFrame(
            {
                "removed": [0, 150, 480],
                "left": [512, 362, 32],
                "mean": [0.9, 0.875, 0.25],
                "std": [0.0, 0.01, 0.02],
                "least": [0.9, 0.86, 0.2],
                "most": [0.9, 0.89, 0.3],
            }
        ),
        "labels": pd.DataFrame(
            {
                **{"label": range(10), "name": NAMES, "silenced": range(20, 30)},
                **{"accuracy": accuracy, "accuracy_silenced": accuracy - 0.4},
                **{"accuracy_random": accuracy - 0.1, "others": 0.9},
                **{"others_silenced": 0.8, "others_random": 0.85},
            }
        ),
        "widths": pd.DataFrame(
            {
                "layers": ["", "11-12-13"],
                "width": [512, 350],
                "network_accuracy": [0.91, 0.92],
                "accuracy": [0.9, 0.925],
            }
        ),
    }


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> SimpleNamespace:
    folder = tmp_path_factory.mktemp("report") / "run"
    write_run(folder)
    before = contents(folder)
    code = call_main("--mode=report", f"--run_dir={folder}", "--report_filters=5")
    text = (folder / "report.html").read_text()
    return SimpleNamespace(
        folder=folder, before=before, code=code, text=text, page=Page(text),
        figures=folder / "figures",
    )  # fmt: skip


def report(folder: Path, capsys: pytest.CaptureFixture[str], *flags: str, code: int) -> str:
    assert call_main("--mode=report", f"--run_dir={folder}", *flags) == code
    output = capsys.readouterr()
    return output.out if code == 0 else output.err


def test_the_run_itself_stays_as_it_was(story: SimpleNamespace) -> None:
    assert story.code == 0
    after = contents(story.folder)
    new = {name for name in after if name not in story.before}
    assert {name: after[name] for name in story.before} == story.before
    assert all(name == "report.html" or name.startswith("figures/") for name in new)


def test_a_run_is_read_without_a_framework(story: SimpleNamespace) -> None:
    code = """
import sys
from sfp_keras.experiment import Experiment
from sfp_keras.workflows.report.report import read_run
assert read_run(Experiment.of(mode="report", run_dir=sys.argv[1])).measured().splits
assert not {"keras", "tensorflow", "jax", "torch"} & set(sys.modules)
"""
    subprocess.run([sys.executable, "-c", code, str(story.folder)], cwd=ROOT, check=True)


def test_the_page_needs_nothing_else(story: SimpleNamespace) -> None:
    for reference in story.page.references:
        assert reference.startswith(("data:image/", "#", "width:")), reference[:80]
    for word in ("http:", "https:", "<script", "<link", "url(", "@import", "file:"):
        assert word not in story.text
    assert "prefers-color-scheme: dark" in story.text


def test_every_figure_and_table_is_there_in_every_form(story: SimpleNamespace) -> None:
    of_stage = ("filter5", "label-noise", "sub-threshold", "summed-fields")
    expected = {
        *("layer-curves", "test-cluster-sizes", "test-appearances", "training", "heads"),
        *("afcc-layer10", "test-layer13-decisions"),
        *("ablate-layer13-removal", "ablate-layer13-labels"),
        *(f"test-{stage}-{name}" for stage in SHAPES for name in of_stage),
    }
    for ending in ("png", "svg"):
        assert {path.stem for path in story.figures.glob(f"*.{ending}")} == expected
    assert story.page.tags.count("img") == len(expected)
    for path in story.figures.glob("*.svg"):
        ET.parse(path)
    for path in story.figures.glob("*.png"):
        with Image.open(path) as image:
            image.verify()
    tables = {
        *("test-layers", "test-cluster-sizes", "test-label-means", "test-fields"),
        *("test-robustness", "afcc-layer10", "test-layer10-labels", "test-layer13-labels"),
        *("test-layer10-filters", "test-layer13-filters"),
        *(f"ablate-layer13-{name}" for name in ("removal", "silenced", "labels", "widths")),
    }
    for ending, more in (("csv", set()), ("tex", {"figures"}), ("md", set())):
        assert {path.stem for path in story.figures.glob(f"*.{ending}")} == tables | more
    floats = (story.figures / "figures.tex").read_text()
    assert floats.count("\\begin{figure}") == len(expected)
    assert floats.index("layer-curves") < floats.index("fig:test-layer10-filter5")
    assert "\\label{tab:test-layers}" in (story.figures / "test-layers.tex").read_text()


def test_figures_and_tables_are_numbered_and_name_the_papers(story: SimpleNamespace) -> None:
    for kind in ("Figure", "Table"):
        numbers = re.findall(rf"(?<!, ){kind} (\d+)\. ", story.page.text)
        assert numbers == [str(i + 1) for i in range(len(numbers))]
        assert len(numbers) > 10
    assert "paper 1" not in story.page.text
    assert "paper 2" not in story.page.text
    assert "Compare Tzach et al. 2023, arXiv:2305.18078, Figure 5B." in story.page.text
    assert "Universality of underlying mechanism" in story.page.text


def test_the_numbers_of_the_filters_drawn_are_those_of_the_run(story: SimpleNamespace) -> None:
    shown = pd.read_csv(story.figures / "test-layer13-filters.csv").set_index("filter")
    path = story.folder / "stages" / "layer13" / "test" / "fields.npz"
    with np.load(path) as saved:
        activation = saved["features"].mean(axis=1)[:, 5]
    largest, rest = activation.max(), np.sort(activation)[:-1].mean()
    assert list(shown.index) == [5]
    expected = (largest - rest) / (largest + rest)
    assert shown["selectivity"][5] == pytest.approx(expected, rel=1e-5)


def test_numbers_are_those_of_the_run_and_of_the_paper(story: SimpleNamespace) -> None:
    ours = pd.read_csv(story.folder / "layers.csv")
    table = pd.read_csv(story.figures / "test-layers.csv")
    shared = [column for column in ours if column in table]
    assert {"accuracy", "noise", "clusters", "cluster_size", "snr_external"} < set(shared)
    pd.testing.assert_frame_equal(table[shared], ours[shared], rtol=1e-12)
    paper = paper_numbers("vgg16", "cifar10", 10).layers
    for row in table.to_dict("records"):
        for name, value in paper[row["stage"]].items():
            assert row[f"{name}_paper"] == value
            assert row[f"{name}_difference"] == pytest.approx(row[name] - value, abs=1e-12)
    assert f"{ours['noise'][0]:.2f}" in story.page.cells
    sizes = pd.read_csv(story.figures / "test-cluster-sizes.csv")
    assert sizes["size3_paper"].tolist() == [0.11, 0.67]
    fields = pd.read_csv(story.figures / "test-fields.csv")
    assert fields["snr_paper"].tolist()[1] == ">5"
    labels = pd.read_csv(story.figures / "test-layer13-labels.csv")
    of_run = pd.read_csv(story.folder / "stages/layer13/test/labels.csv")
    for column in ("accuracy", "signal", "noise_external", "field_noise_internal"):
        np.testing.assert_allclose(labels[column], of_run[column], rtol=1e-12)


def test_an_ablation_stands_beside_the_paper(story: SimpleNamespace) -> None:
    removal = pd.read_csv(story.figures / "ablate-layer13-removal.csv").set_index("removed")
    assert removal["change"].round(12).tolist()[1:] == [-0.025, -0.65]
    assert removal.loc[150, "mean_paper"] == 0.94
    assert removal["mean_paper"].notna().tolist() == [False, True, False]
    silenced = pd.read_csv(story.figures / "ablate-layer13-silenced.csv").set_index("name")
    assert silenced["change"].round(12).tolist() == [-0.4, -0.1]
    assert silenced["random_change"].round(12).tolist() == [-0.1, -0.05]
    widths = pd.read_csv(story.figures / "ablate-layer13-widths.csv")
    assert widths["paper"].tolist()[1] == "unchanged"
    assert {"11, 12, 13", "+0.0250"} <= set(story.page.cells)


def test_a_damaged_ablation_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_run(tmp_path / "run")
    (tmp_path / "run/ablate/layer13/labels.csv").write_text("label\n1\n")
    output = report(tmp_path / "run", capsys, "--report_stages=layer13", code=2)
    assert "ablate/layer13/labels.csv is damaged" in output
    assert "--mode=ablate again" in output


def test_names_of_strangers_are_text(story: SimpleNamespace) -> None:
    assert set(NAMES) <= set(story.page.cells)
    for ending, forbidden in (("svg", "<img"), ("md", "<img"), ("tex", "\\textbf{apple}")):
        for path in story.figures.glob(f"*.{ending}"):
            assert forbidden not in path.read_text(), path.name


def test_settings_and_provenance_are_on_the_page(story: SimpleNamespace) -> None:
    saved = json.loads((story.folder / "experiment.json").read_text())
    for value in (saved["command"], saved["backend"], saved["versions"]["keras"], "0.8750"):
        assert value in story.page.text
    assert "seconds of phase train" in story.page.cells
    assert {"schedule_epochs", "momentum"} <= set(story.page.cells)


@pytest.mark.slow
def test_another_threshold_and_split_have_no_paper_beside(
    story: SimpleNamespace, capsys: pytest.CaptureFixture[str]
) -> None:
    flags = ("--threshold=0.5", "--split=train", "--report_stages=layer13", "--report_filters=2")
    out = report(story.folder, capsys, *flags, code=0)
    assert "threshold 0.5" in out
    assert str(story.folder / "report.html") in out
    table = pd.read_csv(story.figures / "train-layers.csv")
    assert table["stage"].tolist() == ["layer13"]
    assert not any(column.endswith("_paper") for column in table)
    assert (story.figures / "train-layer13-filter2.svg").exists()


@pytest.mark.slow
def test_the_paper_stands_beside_the_test_images_whatever_comes_first(
    story: SimpleNamespace, capsys: pytest.CaptureFixture[str]
) -> None:
    out = report(story.folder, capsys, "--split=train,test", "--report_stages=layer13", code=0)
    train, test = out.split("on the test set")
    assert "paper" not in train.split("on the train set")[1]
    assert "arXiv:2305.18078" in test


@pytest.mark.slow
def test_another_report_replaces_what_the_one_before_wrote(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_run(tmp_path / "run")
    figures = tmp_path / "run" / "figures"
    (tmp_path / "outside.png").write_text("mine")
    report(tmp_path / "run", capsys, "--report_stages=layer10", "--report_filters=5", code=0)
    listed = figures / "report.json"
    first = {path.name for path in figures.iterdir()}
    assert {"test-layer10-filter5.png", "test-layers.tex", "report.json"} <= first
    assert {*json.loads(listed.read_text())["files"], "report.json"} == first
    (figures / "mine.png").write_text("mine")
    names = json.loads(listed.read_text())["files"]
    listed.write_text(json.dumps({"files": [*names, "../../outside.png", "gone.png"]}))
    # Numbers of a changed network have no paper beside.
    settings = tmp_path / "run" / "experiment.json"
    saved = json.loads(settings.read_text())
    saved["flags"]["filters"] = ["13:16"]
    settings.write_text(json.dumps(saved))
    report(tmp_path / "run", capsys, "--report_stages=layer13", "--report_filters=2", code=0)
    second = {path.name for path in figures.iterdir()}
    assert {"test-layer13-filter2.png", "mine.png"} <= second
    assert not any("layer10" in name and "afcc" not in name for name in second)
    assert (tmp_path / "outside.png").exists()
    table = pd.read_csv(figures / "test-layers.csv")
    assert not any(column.endswith("_paper") for column in table)


def test_flags_of_a_run_are_told_to_do_nothing_for_a_sweep(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], undrawn: None
) -> None:
    write_run(tmp_path / "k10-seed3")
    made = {"model": "vgg16", "dataset": "cifar10", "threshold": 0.3, "split": "test"}
    member = {"K": 10, "seed": 3, "preset": None, "command": "python main.py"}
    saved = {
        "format": 1, "command": "python main.py", **made, "stage": None, "settings": {},
        "members": {"k10-seed3": member},
    }  # fmt: skip
    (tmp_path / "sweep.json").write_text(json.dumps(saved))
    output = report(tmp_path, capsys, "--threshold=0.3", "--report_stages=layer10", code=0)
    note = "note: --report_stages, --threshold without effect for the report of a sweep"
    assert note in output.splitlines()
    assert "without effect" not in report(tmp_path, capsys, code=0)
    page = (tmp_path / "report.html").read_text()
    assert re.search(r"stage.{0,40}layer1", page)


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--report_stages=layer4"], "'layer4' is not measured; there are layer10, layer13"),
        (["--report_filters=16"], "there is no filter 16; the largest stage shown has filters 0"),
    ],
)
def test_what_is_not_there_is_told(
    story: SimpleNamespace, capsys: pytest.CaptureFixture[str], flags: list, message: str
) -> None:
    assert message in report(story.folder, capsys, *flags, code=2)


def test_a_folder_without_a_run_is_told(
    story: SimpleNamespace, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    missing = report(tmp_path, capsys, code=2)
    assert "experiment.json is missing; name a run by --run_dir" in missing
    assert f"python main.py --mode=probe --run_dir={tmp_path}" in missing
    (tmp_path / "experiment.json").write_bytes(story.before["experiment.json"])
    unmeasured = report(tmp_path, capsys, code=2)
    assert f"--run_dir={tmp_path} has no stage measured on test images; first run" in unmeasured
    assert "python main.py --mode=probe --split=test " in unmeasured
    assert missing.count("\n") == unmeasured.count("\n") == 1
    (tmp_path / "experiment.json").write_text("{")
    assert "experiment.json is damaged" in report(tmp_path, capsys, code=2)
