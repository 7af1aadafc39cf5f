"""The contract of every analysis: it computes, draws and makes its tables of a small run."""

import functools
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from sfp_keras import analyses
from sfp_keras.analyses import (
    Ablation,
    Afcc,
    Analysis,
    Committee,
    Drawing,
    Run,
    Scope,
    Split,
    Stage,
    Sweep,
    Tabled,
    all_analyses,
    analyses_of,
    image_passes,
    read_image_result,
    switches,
    write_image_result,
)
from sfp_keras.errors import InputError
from sfp_keras.filters import (
    FilterFields,
    PartMeans,
    SingleHeadFields,
    committee_votes,
    filter_decisions,
    find_clusters,
    follow_clusters,
)
from sfp_keras.papers import PaperNumbers, cited, paper_numbers, paper_sweep
from sfp_keras.reports import Paragraph, save_table, terminal
from sfp_keras.reports.power_laws import POWER_LAWS
from sfp_keras.reports.sweep import METRICS, fit_stages, summarise
from sfp_keras.reports.terminal import print_table
from sfp_keras.settings import WIDTHS
from sfp_keras.settings.analysis import AnalysisSettings

NAMES = tuple(f"label {i}" for i in range(10))
PAPERS = paper_numbers("vgg16", "cifar10", 10)
NOTHING_SAVED = {"saved": lambda name: None, "heads": None, "silenced_heads": None}


def stage(name: str, split: str = "test", paper: PaperNumbers = PAPERS, **more: Any) -> Stage:
    rng = np.random.default_rng(len(name))
    kernel = rng.normal(size=(2, 6, 10)).astype(np.float32)
    features = rng.gamma(1, 1, (10, 2, 6)).astype(np.float32)
    fields = FilterFields(features, kernel, np.full(10, 4), (2,))
    inputs = np.maximum(rng.normal(size=(40, 2, 6)), 0).astype(np.float32)
    decisions = filter_decisions(inputs, np.repeat(np.arange(10), 4), kernel, np.array([1, 5]))
    after = fields.by_heads(3)
    silenced = FilterFields(
        after.features + rng.random(after.features.shape, np.float32),
        *(after.kernel, after.label_counts, after.position_shape),
    )
    means = features[:, None] + rng.normal(0, 0.1, (10, 4, 2, 6)).astype(np.float32)
    parts = PartMeans(means, np.ones((10, 4), int), rng.integers(2, size=(10, 4)))
    saved: dict[str, Any] = {"decisions": decisions}
    if (name, split) == ("layer13", "test"):  # The others are as if it had not been asked for.
        saved["bootstrap"] = parts
    more = {"silenced_heads": SingleHeadFields(after, silenced), **more}
    return Stage(
        name, split, fields, find_clusters(fields), 0.7, rng.random(10), NAMES, paper,
        **{"saved": saved.get, "heads": 3, **more},
    )  # fmt: skip


def run(paper: bool = True, **more: Any) -> Run:
    papers = PAPERS if paper else PaperNumbers()
    splits = [
        Split(
            split, [stage(name, split, papers, **more) for name in ("layer10", "layer13")], papers
        )
        for split in ("test", "train")
    ]
    curve = pd.DataFrame(
        {"epoch": [0, 1], "lr": 0.1, "loss": [2, 1], "accuracy": 0.5, "test_accuracy": [0.4, 0.6]}
    )
    accuracy = np.linspace(0.5, 0.9, 10)
    ablation = Ablation(
        "layer13",
        pd.DataFrame(
            {
                **{"removed": [0, 150], "left": [512, 362], "mean": [0.9, 0.8], "std": [0, 0.1]},
                **{"least": [0.9, 0.7], "most": [0.9, 0.85]},
            }
        ),
        pd.DataFrame(
            {
                **{"label": range(10), "name": NAMES, "silenced": 3, "accuracy": accuracy},
                **{"accuracy_silenced": accuracy / 2, "accuracy_random": accuracy, "others": 0.9},
                **{"others_silenced": 0.8, "others_random": 0.85},
            }
        ),
        pd.DataFrame(
            {
                **{"layers": ["", "13"], "width": [512, 350], "network_accuracy": 0.9},
                "accuracy": [0.9, 0.8],
            }
        ),
        papers.removed_filters("layer13"),
    )
    results = pd.DataFrame(
        {
            **{"variant": ["clusters", "random", "full"], "clusters_from": ["test", "test", ""]},
            **{"threshold": [0.3, 0.3, 0.0], "kept": [10, 10, 100], "total": 100},
            **{"accuracy_before": 0.5, "accuracy_zeroed": 0.4, "accuracy_after": 0.45, "epochs": 2},
        }
    )
    networks = pd.DataFrame(
        {
            **{"network": ["full head", "AFCC head"], "parameters": 100, "nonzero": [100, 10]},
            **{"sparsity": [0.0, 0.9], "operations": 1000, "nonzero_operations": [1000, 100]},
            **{"parameters_share": 1.0, "operations_share": 1.0},
        }
    )
    afcc = Afcc("layer10", results, papers.afcc, networks)
    measured = {step: stage("layer13" + step * "!").clusters for step in range(4)}
    followed = {("heads", "layer13"): follow_clusters(measured)}
    links, heads = links_results(), heads_of(splits)
    zeros = pd.DataFrame({"variable": ["a/kernel", "_$b"], "size": [30, 10], "images": 7})
    tables = {"zero_gradients": zeros.assign(zero_share=[0.5, 0.1], zero_always=[0.0, 0.1])}
    of_stages = [ablation], [afcc], links, followed, heads
    return Run(splits, curve, {"layer10": curve}, *of_stages, tables)


def heads_of(splits: list[Split]) -> pd.DataFrame:
    return pd.DataFrame(
        {**one.row, "head": head}
        for split in splits
        for one in split.stages
        for head in ("seed0", "seed1", "shuffled0")
    )


def links_results() -> pd.DataFrame:
    groups = [
        *(("alone", "layer9", 7), ("alone", "output", 9), ("sequence", "output layer9", 7)),
        ("together", "output layer9", 7),
    ]
    trainings = [("clusters", 0.3), ("clusters", 0.4), ("full", 0.0), ("random_afcc", 0.0)]
    return pd.DataFrame(
        {
            **{"how": how, "links": links, "place": place, "start": start, "variant": variant},
            **{"clusters_from": "train" if threshold else "", "threshold": threshold},
            **{"seed": seed, "kept": 20, "total": 100, "share": 0.2, "expected_share": 0.25},
            **{"accuracy_before": 0.7, "accuracy_zeroed": 0.3, "accuracy_after": 0.6 + seed / 50},
            "epochs": 2,
        }
        for how, links, place in groups
        for start in ("trained", "scratch")
        for variant, threshold in trainings
        for seed in (0, 1)
    )


def sweep(paper: bool = True) -> Sweep:
    rows = [
        {"K": k, "seed": seed, "stage": stage, **dict.fromkeys(METRICS, 0.5)}
        | {"error": 0.01 * k + 0.1 * seed, "accuracy": 1 - 0.01 * k - 0.1 * seed}
        for seed in (0, 1)
        for k in (3, 6, 8)
        for stage in ("layer10", "layer13")
    ]
    members = pd.DataFrame(rows)
    papers = paper_sweep("vgg16", "cifar10") if paper else None
    return Sweep(members, summarise(members), fit_stages(members), "layer10", papers)


def widths() -> Sweep:
    rows = [
        {"width": width, "seed": seed, "stage": stage, **dict.fromkeys(METRICS, 0.5)}
        | {"network_accuracy": 1 - 0.8 / width, "parameters": width**2, "operations": 9 * width}
        | {"filters": width, "outputs_per_filter": 4, "noise": 2 / width + seed / 99}
        for seed in (0, 1)
        for width in (3, 6, 8)
        for stage in ("layer1", "layer2")
    ]
    members = POWER_LAWS.extended(pd.DataFrame(rows))
    summary = summarise(members, WIDTHS, POWER_LAWS.metrics)
    return Sweep(members, summary, POWER_LAWS.fit(members), "layer2", axis=WIDTHS)


def committee() -> Committee:
    names = ["a", "a very long name of a member/run", "<b>$_{"]
    softmax = np.random.default_rng(0).dirichlet(np.ones(4), (3, 20))
    votes = committee_votes(softmax, np.arange(20) % 4)
    members = pd.DataFrame(
        {"member": names, "run_dir": names, "model": "cct", "seed": 1, "accuracy": 0.5}
        | {"accuracy_error": [0.1, 0.1, np.nan]}
    )
    agreement = pd.DataFrame(
        {
            **{"member": [names[0], names[0], names[1]], "other": [names[1], *names[2:] * 2]},
            **{"agreement": [0.5, 0.6, 0.7], "agreement_error": 0.1},
        }
    )
    return Committee(members, votes.to_frame(), agreement)


@functools.cache
def subjects(paper: bool) -> list[tuple[Scope, Any]]:
    """The parts of a run and of sweeps, with their scopes."""
    sections = [*run(paper).subjects(), *sweep(paper).subjects(), *committee().subjects()]
    sections += [one for one in widths().subjects() if one[0] is Scope.POWER_LAWS]
    return [(scope, subject) for scope, _, subject in sections]


@functools.cache
def shown(analysis: Analysis, paper: bool = True) -> list[tuple[Any, Any]]:
    """The figures and tables of an analysis, each with the part that it is of."""
    of = [subject for scope, subject in subjects(paper) if scope is analysis.scope]
    assert of
    return [(subject, part) for subject in of for part in analysis.show(subject)]


every = pytest.mark.parametrize("analysis", all_analyses(), ids=lambda one: one.name)


def test_every_file_of_the_catalog_is_found() -> None:
    files = Path(analyses.__file__).parent.glob("catalog/[a-z]*.py")
    assert {one.name for one in all_analyses()} == {file.stem for file in files}
    places = [(one.scope, one.place) for one in all_analyses()]
    assert len(set(places)) == len(places)


@every
def test_it_shows_something(analysis: Analysis) -> None:
    assert shown(analysis)


@every
def test_figures_are_drawn_and_described(analysis: Analysis) -> None:
    seen, kinds = set(), set()
    for subject, part in shown(analysis):
        if not isinstance(part, Drawing):
            continue
        assert part.caption.endswith(".")
        assert part.counterpart is None or cited(part.counterpart) != part.counterpart
        assert "Counterpart" not in part.caption
        name = subject.prefix + part.name
        assert name not in seen
        seen.add(name)
        kind = part.name.rstrip("0123456789")
        if kind not in kinds:
            kinds.add(kind)
            figure = part.draw()
            figure.canvas.draw()
            assert figure.axes


@every
def test_tables_are_made_in_every_form(
    analysis: Analysis, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    seen = set()
    for subject, part in shown(analysis):
        if not isinstance(part, Tabled):
            continue
        name = subject.prefix + part.name
        assert name not in seen
        seen.add(name)
        csv, tex, markdown = save_table(part.table, tmp_path / name)
        numbers = pd.read_csv(csv)
        assert len(numbers) == len(part.table.rows) > 0
        assert part.table.title in markdown.read_text().replace("\\", "")
        assert "\\begin{tabular}" in tex.read_text()
        assert part.table.html().count("<tr") > len(part.table.rows)
        print_table(part.table, terminal())
        # A title wider than its table is put on several lines.
        assert part.table.title in " ".join(capsys.readouterr().out.split())


@every
def test_it_shows_the_same_without_a_paper(analysis: Analysis) -> None:
    def names(paper: bool) -> list[str]:
        return [getattr(part, "name", "") for _, part in shown(analysis, paper)]

    assert names(paper=False) == names(paper=True)
    for _, part in shown(analysis, paper=False):
        assert not (isinstance(part, Tabled) and part.table.compared)


def test_what_was_not_made_is_not_shown() -> None:
    bare = run(**NOTHING_SAVED)
    bare = Run(bare.splits)
    parts = {
        scope: [part for one in analyses_of(scope) for part in one.show(subject)]
        for scope, _, subject in bare.subjects()
    }
    assert Scope.AFCC not in parts
    assert Scope.ABLATION not in parts
    assert Scope.LINKS not in parts
    assert parts[Scope.TRAINING] == [Paragraph("The network came trained.")]
    names = [getattr(part, "name", "") for one in parts.values() for part in one]
    of_heads = {"attention-heads", "node-depth", "single-heads", "heads-at-input"}
    assert not {"intervals", "decisions", *of_heads} & set(names)


@pytest.mark.parametrize("name", image_passes())
def test_a_pass_is_asked_for_by_a_setting_of_its_name(name: str) -> None:
    assert getattr(AnalysisSettings(), name) is False
    assert image_passes()[name].summary(stage("layer13").saved(name))


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"decisions": "none"}, r"'decisions' needs a pass .* `decisions: bool` that is False"),
        ({"zero_gradients": 0}, r"'zero_gradients' needs a table .*: int \| None` that is None"),
    ],
)
def test_what_no_setting_asks_for_is_refused(
    wrong: dict[str, Any], message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = SimpleNamespace(**{**switches(), **wrong})
    monkeypatch.setattr("sfp_keras.analyses.catalog.AnalysisSettings", lambda: settings)
    with pytest.raises(TypeError, match=message):
        all_analyses.__wrapped__()


def test_what_is_no_pass_is_refused() -> None:
    with pytest.raises(TypeError, match="analysis 'mine': 'clusters' is no ImagePass"):
        Analysis("mine", Scope.STAGE, 9, lambda stage: None, lambda *of: (), image_pass="clusters")


@pytest.mark.parametrize("name", image_passes())
def test_what_a_pass_left_is_read_back(name: str, tmp_path: Path) -> None:
    needs, result = image_passes()[name], stage("layer13").saved(name)
    path = tmp_path / f"{name}.npz"
    assert read_image_result(path, needs) is None
    write_image_result(path, needs, result)
    assert len(pd.read_csv(tmp_path / f"{name}.csv"))
    again = read_image_result(path, needs)
    assert json.dumps({k: v.tolist() for k, v in needs.arrays(again).items()}) == json.dumps(
        {k: v.tolist() for k, v in needs.arrays(result).items()}
    )
    np.savez(path, other=np.zeros(1))
    with pytest.raises(InputError, match=r"npz is damaged \(it has no"):
        read_image_result(path, needs)


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("right", lambda x: x.astype(complex)),
        ("right", lambda x: x + 2**40),
        ("right", lambda x: x[:, :-1]),
        ("by_input", lambda x: -x - 1),
        ("by_output", lambda x: x[..., None]),
        ("label_counts", lambda x: x[0]),
        ("filters", lambda x: x + 10_000),
        ("filters", lambda x: x[::-1]),
        ("counts", lambda x: x.astype("U9")),
        ("counts", lambda x: x + 1),
    ],
)
def test_decisions_that_cannot_be_are_refused(
    name: str, change: Callable[[np.ndarray], np.ndarray], tmp_path: Path
) -> None:
    needs, path = image_passes()["decisions"], tmp_path / "decisions.npz"
    arrays = dict(needs.arrays(stage("layer10").saved("decisions")))
    np.savez(path, **{**arrays, name: change(arrays[name])})
    with pytest.raises(InputError, match=r"decisions.npz is damaged .*; delete it"):
        read_image_result(path, needs)


def test_the_catalog_loads_no_framework_and_draws_nothing() -> None:
    code = (
        "import sys; from sfp_keras.analyses import all_analyses; all_analyses(); "
        "print(*{'keras', 'tensorflow', 'jax', 'torch', 'matplotlib'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.strip()) == (0, ""), done.stderr
