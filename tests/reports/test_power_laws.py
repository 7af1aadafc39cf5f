"""Power laws of a sweep over widths against least squares written out, and on exact powers."""

import numpy as np
import pandas as pd
import pytest
from rich.console import Console

from sfp_keras.analyses.catalog.power_laws import draw_power_laws, networks_table, stages_table
from sfp_keras.reports.power_laws import (
    NETWORK,
    POWER_LAWS,
    fit_power_laws,
    power_laws_in_words,
)
from sfp_keras.reports.sweep import METRICS, print_sweep, summarise
from sfp_keras.settings import WIDTHS


def members(widths: tuple[int, ...], seeds: tuple[int, ...], error, noise) -> pd.DataFrame:
    """Members whose error and noise are these functions of width and seed; twice at layer1."""
    rows = [
        {"width": width, "seed": seed, "stage": stage, **dict.fromkeys(METRICS, 1.0)}
        | {"error": times * error(width, seed), "noise": times * noise(width, seed)}
        | {"network_accuracy": 1 - error(width, seed), "parameters": 9 * width}
        | {"operations": 5 * width**2, "outputs_per_filter": 16 if stage == "layer1" else 4}
        | {"filters": width if stage == "layer1" else 2 * width}
        for seed in seeds
        for width in widths
        for stage, times in (("layer1", 2), ("layer2", 1))
    ]
    return POWER_LAWS.extended(pd.DataFrame(rows))


def test_exact_powers_come_back() -> None:
    table = members(
        (3, 6, 12, 48), (0, 1), lambda w, s: 0.9 * w**-0.25, lambda w, s: 7 * w**-1.5 * 2**s
    )
    fits = fit_power_laws(table).set_index(["quantity", "stage"])
    assert [*fits.index] == [
        ("error", NETWORK),
        *(("error", "layer1"), ("error", "layer2"), ("noise", "layer1"), ("noise", "layer2")),
    ]
    np.testing.assert_allclose(fits["exponent"], [0.25] * 3 + [1.5] * 2)
    of_errors = fits.loc["error"]
    np.testing.assert_allclose(of_errors["amplitude"], [0.9, 1.8, 0.9])
    np.testing.assert_allclose(of_errors["exponent_high"], 0.25)
    # The second seed's noise is twice the first's: the mean logarithm is in the middle.
    assert fits.loc[("noise", "layer2"), "amplitude"] == pytest.approx(7 * 2**0.5)
    for seed in (0, 1):
        np.testing.assert_allclose(fits[f"exponent_seed{seed}"], fits["exponent"])


def test_a_fit_is_least_squares_of_the_logarithms() -> None:
    random = np.random.default_rng(0)
    noise = random.lognormal(size=100)
    table = members((2, 5, 7, 30), (1, 4, 9), lambda w, s: 0.1 * noise[w + s], lambda w, s: 1 / w)
    fit = fit_power_laws(table).iloc[0]
    points = table.drop_duplicates(["width", "seed"])
    x, y = np.log(points["width"]), np.log(points["network_error"])
    design = np.stack([np.ones(12), x], 1)
    (intercept, slope), (rest,), *_ = np.linalg.lstsq(design, y, rcond=None)
    assert fit["amplitude"] == pytest.approx(np.exp(intercept))
    assert fit["exponent"] == pytest.approx(-slope)
    covariance = np.linalg.inv(design.T @ design) * rest / 10
    # Student's t of 10 degrees of freedom at 97.5%.
    around = 2.228139 * np.sqrt(np.diag(covariance))
    assert fit["exponent_low"] == pytest.approx(-slope - around[1])
    assert fit["exponent_high"] == pytest.approx(-slope + around[1])
    assert fit["amplitude_low"] == pytest.approx(np.exp(intercept - around[0]))
    assert fit["amplitude_high"] == pytest.approx(np.exp(intercept + around[0]))
    of_seed = points[points["seed"] == 4]
    slope = np.polyfit(np.log(of_seed["width"]), np.log(of_seed["network_error"]), 1)[0]
    assert fit["exponent_seed4"] == pytest.approx(-slope)


def test_what_is_zero_or_missing_has_no_power_law() -> None:
    table = members((2, 4, 8), (0,), lambda w, s: 1 / w, lambda w, s: float(w > 2) / w)
    fits = fit_power_laws(table.assign(network_error=np.nan)).set_index(["quantity", "stage"])
    assert fits["points"].tolist() == [0, 3, 3, 2, 2]
    assert np.isnan(fits.loc[("error", NETWORK), "exponent"])
    assert fits.loc[("noise", "layer1"), "exponent"] == pytest.approx(1)
    assert np.isnan(fits.loc[("noise", "layer1"), "exponent_low"])


@pytest.mark.parametrize(
    ("widths", "seeds"), [((3, 6, 12), (0, 1)), ((3, 6), (5,)), ((3,), (0, 1))]
)
def test_everything_is_drawn_and_printed(widths: tuple[int, ...], seeds: tuple[int, ...]) -> None:
    table = members(widths, seeds, lambda w, s: (0.5 + s / 9) / w, lambda w, s: 4 / w + s / 50)
    fits = fit_power_laws(table)
    figure = draw_power_laws(table, fits)
    figure.canvas.draw()
    texts = [text.get_text() for text in figure.axes[0].get_legend().get_texts()]
    assert any("exponent" in text for text in texts) == (len(widths) > 2)
    console = Console(record=True, width=200)
    summary = summarise(table, WIDTHS, POWER_LAWS.metrics)
    print_sweep(summary, fits, None, "layer2", console, POWER_LAWS)
    output = console.export_text()
    assert ("network: error = " in output) == (len(widths) > 1)
    assert ("layer2: noise = " in output) == (len(widths) > 1)
    assert "layer1: noise = " not in output
    rows = networks_table(summary).frame()
    assert rows["operations"].tolist() == [5 * width**2 for width in widths]
    # sqrt(16) w and sqrt(4) 2w: the conservation law holds.
    assert stages_table(summary).frame()["size_times_depth"].tolist() == [
        4 * width for width in widths for _ in range(2)
    ]


def test_seeds_without_an_exponent_yet_are_left_out_of_the_words() -> None:
    table = members((3, 6, 12), (0, 1, 2), lambda w, s: 1 / w, lambda w, s: 1 / w)
    unfinished = table[(table["seed"] < 2) | (table["width"] == 3)]
    for sentence in power_laws_in_words(fit_power_laws(unfinished), "layer1"):
        assert sentence.endswith("; of single seeds 1.000, 1.000")


def test_an_interval_beyond_all_numbers_is_infinite() -> None:
    """Three points of uneven noise, close together, say nothing of the amplitude."""
    noise = {28: 0.02, 30: 1.5, 32: 0.05}
    table = members((28, 30, 32), (0,), lambda w, s: 0.5, lambda w, s: noise[w])
    fits = fit_power_laws(table).set_index(["quantity", "stage"])
    assert fits.loc[("noise", "layer2"), "amplitude_high"] == np.inf
