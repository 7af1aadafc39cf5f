"""A sweep over widths in numbers: errors and noise as powers of the number of filters."""

import dataclasses
from collections.abc import Iterator

import numpy as np
import pandas as pd

from sfp_keras.reports.line_fit import LineFit, fit_line
from sfp_keras.reports.sweep import METRICS, SweepReading, of_single_seeds
from sfp_keras.settings import WIDTHS

# Where another row has a stage; no layer that is probed has this name, for a model has it.
NETWORK = "network"
_OF_NETWORKS = ("network_error", "parameters", "operations", "filters", "size_times_depth")


def fit_power_laws(members: pd.DataFrame) -> pd.DataFrame:
    """Fit y = amplitude * width^-exponent to error and noise (arXiv:2211.11106).

    Least squares of ln y against ln width, through all points of all seeds; a y of zero has no
    logarithm and is left out. The exponents of single seeds, and how they differ, stand beside.

    Args:
        members: `DataFrame` with width, seed, stage, error, noise and network_error; a row for
            each member and stage.

    Returns:
        A row for the error of the network, and for error and noise of each stage: quantity, stage,
        amplitude, exponent, exponent_error (standard), exponent_low, exponent_high, amplitude_low,
        amplitude_high (95% confidence), the attributes of `LineFit` of the logarithms,
        exponent_mean and exponent_std over seeds, and exponent_seed<S> of each.
    """
    return pd.DataFrame([_row(*one) for one in _measured(members)])


def _measured(members: pd.DataFrame) -> Iterator[tuple[str, str, pd.DataFrame]]:
    """Quantity, stage and points: width, seed, y."""
    networks = members.drop_duplicates([WIDTHS.column, "seed"])
    yield "error", NETWORK, _points(networks, "network_error")
    for quantity in ("error", "noise"):
        for stage, rows in members.groupby("stage", sort=False):
            yield quantity, str(stage), _points(rows, quantity)


def _points(rows: pd.DataFrame, column: str) -> pd.DataFrame:
    points = rows[[WIDTHS.column, "seed"]].assign(y=rows[column].astype(float))
    return points[points["y"] > 0]


def _exp(exponent: float) -> float:
    """e to the power of it; infinite where that is no float."""
    with np.errstate(over="ignore"):
        return float(np.exp(np.float64(exponent)))


def _row(quantity: str, stage: str, points: pd.DataFrame) -> dict[str, object]:
    fit = power_law(points)
    single = {
        f"exponent_seed{seed}": -power_law(of_seed).slope
        for seed, of_seed in points.sort_values("seed").groupby("seed")
    }
    exponents = pd.Series(single, dtype=float)
    around, factor = fit.quantile * fit.slope_error, fit.quantile * fit.intercept_error
    return {
        "quantity": quantity,
        "stage": stage,
        "amplitude": _exp(fit.intercept),
        "exponent": -fit.slope,
        "exponent_error": fit.slope_error,
        "exponent_low": -fit.slope - around,
        "exponent_high": -fit.slope + around,
        "amplitude_low": _exp(fit.intercept - factor),
        "amplitude_high": _exp(fit.intercept + factor),
        **dataclasses.asdict(fit),
        "exponent_mean": exponents.mean(),
        "exponent_std": exponents.std(),
        **single,
    }


def power_law(points: pd.DataFrame) -> LineFit:
    """The line of ln y against ln width.

    Args:
        points: `DataFrame` with width and y, all above 0.

    Returns:
        A `LineFit`; its slope is minus the exponent.
    """
    x, y = (points[name].to_numpy(np.float64) for name in (WIDTHS.column, "y"))
    return fit_line(np.log(x), np.log(y))


def with_networks(members: pd.DataFrame) -> pd.DataFrame:
    """Members with network_error, and size_times_depth of each stage.

    The latter is the square root of the outputs of a filter, times the filters: constant along the
    layers where the conservation law of arXiv:2211.11106 holds.
    """
    return members.assign(
        network_error=1 - members["network_accuracy"].astype(float),
        size_times_depth=np.sqrt(members["outputs_per_filter"]) * members["filters"],
    )


def power_laws_in_words(fits: pd.DataFrame, stage: str) -> list[str]:
    """The power laws of the network and of a stage, each as a sentence."""
    rows = fits[fits["stage"].isin([NETWORK, stage]) & fits["exponent"].notna()]
    return [_in_words(row) for _, row in rows.iterrows()]


def _in_words(row: pd.Series) -> str:
    seeds = of_single_seeds(row, "exponent")
    text = (
        f"{row['stage']}: {row['quantity']} = {row['amplitude']:.3g} width^{-row['exponent']:.3f}, "
        f"exponent {exponent_in_words(row)}"
    )
    if len(seeds) > 1:
        text += f"; of single seeds {', '.join(f'{s:.3f}' for s in seeds)}"
    return text


def exponent_in_words(row: pd.Series) -> str:
    """An exponent with its 95% interval, where it has one."""
    text = f"{row['exponent']:.3f}"
    if pd.notna(row["exponent_low"]):
        text += f" (95%: {row['exponent_low']:.3f} to {row['exponent_high']:.3f})"
    return text


POWER_LAWS = SweepReading(
    WIDTHS,
    (*METRICS, *_OF_NETWORKS),
    fit_power_laws,
    "power laws of error and noise against width, of the network and every stage",
    power_laws_in_words,
    with_networks,
)
