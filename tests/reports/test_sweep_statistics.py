"""Lines, bands, means and deviations of a sweep against formulas written out and SciPy's."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from matplotlib.collections import FillBetweenPolyCollection
from rich.console import Console

from sfp_keras.analyses.catalog.accuracy_over_depth import draw_depth
from sfp_keras.analyses.catalog.clusters_over_labels import draw_clusters, stage_table
from sfp_keras.analyses.catalog.error_over_labels import draw_error, fit_table
from sfp_keras.papers import paper_sweep
from sfp_keras.reports.line_fit import fit_line
from sfp_keras.reports.sweep import (
    METRICS,
    fit_stages,
    paper_line,
    print_sweep,
    summarise,
    sweep_stage,
    sweep_table,
)


def table(errors: dict[tuple[int, int], float], stages: tuple[str, ...] = ("last",)):
    """Members of these (K, seed) with these errors, larger by 0.1 a stage."""
    return pd.DataFrame(
        [
            {"K": k, "seed": seed, "stage": stage, **dict.fromkeys(METRICS, 1.0)}
            | {"error": error + 0.1 * i, "accuracy": 1 - error - 0.1 * i}
            for (k, seed), error in errors.items()
            for i, stage in enumerate(stages)
        ]
    )


numbers = st.floats(-1e3, 1e3, allow_nan=False).map(lambda x: round(x, 3))


@settings(deadline=None, derandomize=True, max_examples=60)
@given(st.lists(st.tuples(st.integers(1, 100), numbers), min_size=3, max_size=12))
def test_a_line_is_scipys(points: list[tuple[int, float]]) -> None:
    # Not where every process collects this test.
    from scipy import stats

    x, y = np.array(points, float).T
    # SciPy has no errors for a level line.
    assume(len(set(x)) > 1 and len(set(y)) > 1)
    fit, scipys = fit_line(x, y), stats.linregress(x, y)
    scale = np.abs(y).max() + 1e-9
    assert fit.slope == pytest.approx(scipys.slope, abs=1e-9 * scale)
    assert fit.intercept == pytest.approx(scipys.intercept, abs=1e-7 * scale)
    assert fit.slope_error == pytest.approx(scipys.stderr, rel=1e-5, abs=1e-6 * scale)
    assert fit.intercept_error == pytest.approx(scipys.intercept_stderr, rel=1e-5, abs=1e-5 * scale)


def test_the_band_is_that_of_the_normal_equations() -> None:
    from scipy import stats

    x = np.array([20, 20, 40, 60, 60, 100.0])
    y = np.array([0.09, 0.10, 0.15, 0.17, 0.19, 0.25])
    fit = fit_line(x, y)
    design = np.stack([np.ones_like(x), x], 1)
    inverse = np.linalg.inv(design.T @ design)
    solution = inverse @ design.T @ y
    variance = ((y - design @ solution) ** 2).sum() / 4
    at = np.array([1, 30.0, 100])
    rows = np.stack([np.ones_like(at), at], 1)
    half = stats.t.ppf(0.975, 4) * np.sqrt(variance * np.einsum("ni,ij,nj->n", rows, inverse, rows))
    np.testing.assert_allclose([fit.intercept, fit.slope], solution)
    np.testing.assert_allclose(fit.band(at), half)
    np.testing.assert_allclose(fit.at(at), rows @ solution)


def test_a_line_by_hand() -> None:
    fit = fit_line(np.array([1, 2, 3]), np.array([1, 2, 4.0]))
    # Mean 2, spread 2, residuals 1/6, -1/3, 1/6.
    assert (fit.slope, fit.intercept) == (pytest.approx(1.5), pytest.approx(-2 / 3))
    assert fit.deviation == pytest.approx(np.sqrt(1 / 6))
    assert fit.slope_error == pytest.approx(np.sqrt(1 / 12))
    assert fit.band(2) == pytest.approx(12.7062 * np.sqrt(1 / 18), rel=1e-5)


def test_two_points_have_no_band_and_one_no_line() -> None:
    two = fit_line(np.array([3, 10]), np.array([0.1, 0.8]))
    assert two.slope == pytest.approx(0.1)
    assert np.isnan([two.slope_error, float(two.band(3))]).all()
    assert np.isnan(fit_line(np.array([3, 3]), np.array([0.1, 0.2])).slope)


def test_means_and_deviations_over_seeds() -> None:
    members = table({(3, 0): 0.1, (3, 1): 0.3, (6, 0): 0.4}, ("first", "last"))
    members.loc[0, "snr_internal"] = np.inf
    members.loc[0, "cluster_size"] = np.nan
    found = summarise(members)
    assert [*zip(found["K"], found["stage"], found["seeds"], strict=True)] == [
        *((3, "first", 2), (3, "last", 2), (6, "first", 1), (6, "last", 1)),
    ]
    np.testing.assert_allclose(found["error_mean"], [0.2, 0.3, 0.4, 0.5])
    # Of a sample: sqrt(2 * 0.1^2 / 1).
    np.testing.assert_allclose(found["error_std"], [np.sqrt(0.02)] * 2 + [np.nan] * 2)
    assert found["snr_internal_mean"][0] == np.inf
    assert np.isnan(found["snr_internal_std"][0])
    # Of two seeds, one has no cluster: a mean of the other is not that of two.
    assert np.isnan([found["cluster_size_mean"][0], found["cluster_size_std"][0]]).all()
    assert np.isfinite(found["cluster_size_mean"][1])
    text = sweep_table(found, None).markdown()
    assert "–" in text
    assert "nan" not in text


def test_lines_of_stages_and_of_single_seeds() -> None:
    from scipy import stats

    members = table({(2, 0): 0.1, (4, 0): 0.3, (2, 7): 0.2, (4, 7): 0.6}, ("first", "last"))
    fits = fit_stages(members)
    assert [*fits["stage"]] == ["first", "last"]
    np.testing.assert_allclose(fits["slope"], 0.15)
    np.testing.assert_allclose(fits["slope_seed0"], 0.1)
    np.testing.assert_allclose(fits["slope_seed7"], 0.2)
    np.testing.assert_allclose(fits["slope_std"], np.sqrt(0.005))
    np.testing.assert_allclose(fits["error_at_1"], [0, 0.1], atol=1e-12)
    wide = stats.t.ppf(0.975, 2) * fits["slope_error"]
    np.testing.assert_allclose(fits["slope_high"] - fits["slope"], wide)


def test_the_papers_lines() -> None:
    efficientnet = paper_sweep("efficientnetb0", "cifar100")
    assert efficientnet is not None
    assert efficientnet.slope is not None
    # The slope that the paper prints is that of its points.
    assert round(paper_line(efficientnet, "stage9").slope, 4) == 0.0013
    assert paper_line(efficientnet, "stage9").points == 4
    vgg = paper_sweep("vgg16", "cifar100")
    assert vgg is not None
    assert vgg.slope is None
    assert sorted(set(vgg.rows["K"])) == [10, 20, 40, 60, 100]
    small = paper_sweep("vgg16", "cifar10")
    assert small is not None
    assert paper_line(small, "layer10").points == 4
    assert paper_sweep("vgg6", "digits") is None
    # One K of the paper is not a sweep.
    assert paper_sweep("vgg6", "cifar10") is None


def test_the_stage_that_is_shown() -> None:
    layers = ["layer7", "layer10", "layer13"]
    assert sweep_stage(None, "vgg16", layers) == "layer10"
    assert sweep_stage("layer7", "vgg16", layers) == "layer7"
    assert sweep_stage(None, "vgg16", ["layer7", "layer13"]) == "layer13"
    assert sweep_stage(None, "efficientnetb0", ["stage7", "stage9"]) == "stage9"


def test_two_numbers_of_labels_have_no_line_drawn() -> None:
    two = table({(k, seed): 0.02 * k + 0.01 * seed for k in (3, 6) for seed in (0, 1, 2)})
    axes = draw_error(two, None, "last").axes[0]
    assert not any(isinstance(one, FillBetweenPolyCollection) for one in axes.collections)
    assert not any("line" in str(line.get_label()) for line in axes.lines)
    three = pd.concat([two, table({(8, 0): 0.99})])
    axes = draw_error(three, None, "last").axes[0]
    assert any(isinstance(one, FillBetweenPolyCollection) for one in axes.collections)
    assert any(str(line.get_label()).startswith("line, slope") for line in axes.lines)
    # No error is below 0 or above 1.
    assert axes.get_ylim()[0] == 0
    assert axes.get_ylim()[1] <= 1


@pytest.mark.parametrize("model", ["vgg16", "mine"])
@pytest.mark.parametrize("counts", [(20, 40, 100), (20,)], ids=["several K", "one K"])
@pytest.mark.parametrize("seeds", [(0, 1), (5,)], ids=["two seeds", "one seed"])
def test_everything_is_drawn_and_told(
    model: str, counts: tuple[int, ...], seeds: tuple[int, ...]
) -> None:
    errors = {(k, s): 0.002 * k + 0.01 * s for k in counts for s in seeds}
    members = table(errors, ("layer7", "$layer_{10"))
    members["stage"] = members["stage"].replace(
        {"$layer_{10": "layer10"} if model == "vgg16" else {}
    )
    stage = members["stage"].iloc[-1]
    paper = paper_sweep(model, "cifar100")
    for figure in (
        draw_error(members, paper, stage),
        draw_clusters(members, paper),
        draw_depth(members),
    ):
        figure.canvas.draw()
    summary, fits = summarise(members), fit_stages(members)
    console = Console(record=True, width=200)
    print_sweep(summary, fits, paper, stage, console)
    output = console.export_text()
    assert ("paper, layer10: slope 0.0019" in output) == (model == "vgg16")
    assert (f"{stage}: error = 0.002 K" in output) == (len(counts) > 1)
    assert ("slopes of single seeds" in output) == (len(counts) > 1 and len(seeds) > 1)
    rows = stage_table(summary, paper, stage).frame()
    assert [*rows["K"]] == [*counts]
    assert ("accuracy_paper" in rows) == (model == "vgg16")
    assert [*fit_table(fits, paper).frame()["stage"]] == ["layer7", stage]
