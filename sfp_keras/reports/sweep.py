"""A sweep in numbers: means and deviations over seeds, lines over K, and the paper's beside."""

import dataclasses
import math
from collections.abc import Callable, Sequence

import pandas as pd
from rich.console import Console

from sfp_keras.filters import LAYER_MEASURES, LAYER_QUANTITIES
from sfp_keras.papers import PaperSweep, shown_stage
from sfp_keras.reports.line_fit import LineFit, fit_line
from sfp_keras.reports.quantity_columns import quantity_column
from sfp_keras.reports.tables import Column, ReportTable
from sfp_keras.reports.terminal import print_table
from sfp_keras.settings import LABELS, SweepAxis


@dataclasses.dataclass(frozen=True)
class SweepReading:
    """How the members of a sweep are read together.

    Attributes:
        axis: `SweepAxis`. What they differ in.
        metrics: columns of members that are averaged over seeds.
        fit: makes the table of fits, of members.
        fit_is: `str`. What that table has, in words.
        in_words: the fits of the network and of a stage, as sentences.
        extended: members with the columns that only this reading has.
    """

    axis: SweepAxis
    metrics: Sequence[str]
    fit: Callable[[pd.DataFrame], pd.DataFrame]
    fit_is: str
    in_words: Callable[[pd.DataFrame, str], list[str]]
    extended: Callable[[pd.DataFrame], pd.DataFrame] = lambda members: members


# Averages over members: of what is measured, without the counts.
METRICS = (
    *("accuracy", "error"),
    *(one.key for one in LAYER_MEASURES if one.format != "d" and one.key != "accuracy"),
)
_OF_LAYERS = {one.key: quantity_column(one) for one in LAYER_QUANTITIES}


def paper_line(paper: PaperSweep, stage: str) -> LineFit:
    """The line through the paper's points of a stage, of the K that its figure draws it through."""
    return stage_line(paper.line_points(stage))


def summarise(
    members: pd.DataFrame, axis: SweepAxis = LABELS, metrics: Sequence[str] = METRICS
) -> pd.DataFrame:
    """Mean and standard deviation over the seeds.

    Args:
        members: `DataFrame` with the axis' column, seed, stage and the metrics; a row for each
            member and stage.
        axis: `SweepAxis`. Default: the labels.
        metrics: names of columns. Default: `METRICS`.

    Returns:
        A row for each value and stage, stages as they come: K or width, stage, seeds, and of each
        metric `<metric>_mean` and `<metric>_std` (of a sample, so NaN for one seed).
    """
    rows = []
    for (value, stage), group in members.groupby([axis.column, "stage"], sort=False):
        row: dict[str, object] = {axis.column: value, "stage": stage, "seeds": len(group)}
        for name in metrics:
            # A mean with an infinite ratio is infinite, without a deviation.
            finite = group[name].abs().max() < float("inf")
            row[f"{name}_mean"] = group[name].mean(skipna=False)
            row[f"{name}_std"] = group[name].std(skipna=False) if finite else float("nan")
        rows.append(row)
    return pd.DataFrame(rows).sort_values(axis.column, kind="stable", ignore_index=True)


def fit_stages(members: pd.DataFrame) -> pd.DataFrame:
    """The line of error against K for every stage.

    All points of all seeds count alike. Those of a seed are not independent, for its labels are
    nested, so the slopes of single seeds, and how they differ, stand beside.

    Args:
        members: `DataFrame` with K, seed, stage, error.

    Returns:
        A row for each stage: stage, the attributes of `LineFit`, slope_low and slope_high (95%
        confidence), error_at_1 (the line at K=1), slope_mean and slope_std over seeds, and
        slope_seed<S> of each.
    """
    rows = []
    for stage, group in members.groupby("stage", sort=False):
        fit = stage_line(group)
        single = {
            f"slope_seed{seed}": stage_line(of_seed).slope
            for seed, of_seed in group.sort_values("seed").groupby("seed")
        }
        slopes = pd.Series(single, dtype=float)
        rows.append(
            {
                "stage": stage,
                **dataclasses.asdict(fit),
                "slope_low": fit.slope - fit.quantile * fit.slope_error,
                "slope_high": fit.slope + fit.quantile * fit.slope_error,
                "error_at_1": float(fit.at(1)),
                "slope_mean": slopes.mean(),
                "slope_std": slopes.std(),
                **single,
            }
        )
    return pd.DataFrame(rows)


def stage_line(points: pd.DataFrame) -> LineFit:
    """The line through the K and error of some rows."""
    return fit_line(points["K"].to_numpy(), points["error"].to_numpy())


def sweep_stage(asked: str | None, model: str, stages: Sequence[str]) -> str:
    """The stage whose error is shown.

    Args:
        asked: `str` or `None`.
        model: `str`.
        stages: those there are, input side first.

    Returns:
        `asked`, or the paper's, or the last; `asked` need not be there.
    """
    if asked:
        return asked
    of_paper = shown_stage(model)
    return of_paper if of_paper is not None and of_paper in stages else stages[-1]


def sweep_table(
    summary: pd.DataFrame, paper: PaperSweep | None, axis: SweepAxis = LABELS
) -> ReportTable:
    """Mean and standard deviation over the seeds, of every stage and value.

    Args:
        summary: `DataFrame` as of `summarise`.
        paper: `PaperSweep`, or `None`.
        axis: `SweepAxis`. Default: the labels.
    """
    columns = (
        Column("stage", "stage"),
        Column(axis.column, axis.column, "d"),
        Column("seeds", "seeds", "d"),
        Column("error", "error", ".4f"),
        *(_OF_LAYERS[key] for key in ("noise", "clusters", "cluster_size")),
    )
    rows, theirs = [], []
    for stage, of_stage in summary.groupby("stage", sort=False):
        for row in of_stage.to_dict("records"):
            cells = {
                c.key: _mean(row[f"{c.key}_mean"], row[f"{c.key}_std"], c.spec) for c in columns[3:]
            }
            about = {name: row[name] for name in (axis.column, "seeds")}
            rows.append({"stage": str(stage), **about, **cells})
            theirs.append(paper.row(str(stage), int(row["K"])) if paper else None)
    title = f"Single-filter performance over {axis.column} (mean ± standard deviation over seeds)"
    return ReportTable(title, columns, rows, theirs)


def print_sweep(
    summary: pd.DataFrame,
    fits: pd.DataFrame,
    paper: PaperSweep | None,
    stage: str,
    console: Console,
    reading: SweepReading | None = None,
) -> None:
    """Print the means and the fits of a sweep, with the paper's rows beside.

    Args:
        summary: `DataFrame`.
        fits: `DataFrame`.
        paper: `PaperSweep`, or `None`.
        stage: `str`. The stage whose line is printed.
        console: `rich.console.Console`.
        reading: `SweepReading` that made them. Default: that of sweeps over K.
    """
    reading = reading or LINES_OVER_K
    print_table(sweep_table(summary, paper, reading.axis), console, blocks=True)
    for sentence in reading.in_words(fits, stage):
        console.print(sentence)
    if paper and stage in set(paper.rows["stage"]):
        theirs_line = paper_line(paper, stage)
        labels = ", ".join(map(str, paper.line_labels))
        console.print(
            f"paper, {stage}: slope {theirs_line.slope:.2g} a label through its K = {labels}"
            + (f"; it prints {paper.slope}" if paper.slope else ""),
            style="dim",
        )
        console.print(f"paper: {paper.source}", style="dim")


def lines_in_words(fits: pd.DataFrame, stage: str) -> list[str]:
    """The line of a stage as a sentence; none where there is none."""
    line = fits[fits["stage"] == stage].iloc[0]
    return [line_in_words(line)] if pd.notna(line["slope"]) else []


def line_in_words(line: pd.Series) -> str:
    """A row of `fit_stages` as a sentence."""
    seeds = of_single_seeds(line, "slope")
    text = f"{line['stage']}: error = {line['slope']:.3g} K {line['intercept']:+.3g}"
    if pd.notna(line["slope_error"]):
        text += (
            f", slope ± {line['slope_error']:.2g} "
            f"(95%: {line['slope_low']:.2g} to {line['slope_high']:.2g})"
        )
    text += f"; at K=1 {line['error_at_1']:.3g}"
    if len(seeds) > 1:
        text += f"; slopes of single seeds {', '.join(f'{s:.2g}' for s in seeds)}"
    return text


def of_single_seeds(fit: pd.Series, what: str) -> list[float]:
    """The slopes or exponents of single seeds, of those whose points have a line."""
    found = (float(fit[name]) for name in fit.index if name.startswith(f"{what}_seed"))
    return [one for one in found if not math.isnan(one)]


def _mean(mean: float, deviation: float, spec: str) -> str | float:
    if pd.isna(mean):
        return mean  # The table has a dash.
    return f"{mean:{spec}}" + (f" ± {deviation:{spec}}" if pd.notna(deviation) else "")


LINES_OVER_K = SweepReading(
    LABELS, METRICS, fit_stages, "line of error against K, of every stage", lines_in_words
)
