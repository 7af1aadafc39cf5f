"""A sweep over K and seeds in numbers: means, deviations, lines, and the paper's beside."""

import dataclasses
from collections.abc import Sequence

import pandas as pd
from rich.console import Console

from sfp_keras.filters import LAYER_MEASURES, LAYER_QUANTITIES
from sfp_keras.papers import PaperSweep, shown_stage
from sfp_keras.reports.line_fit import LineFit, fit_line
from sfp_keras.reports.quantity_columns import quantity_column
from sfp_keras.reports.tables import Column, ReportTable
from sfp_keras.reports.terminal import print_table

# Averages over members: of what is measured, without the counts.
METRICS = (
    *("accuracy", "error"),
    *(one.key for one in LAYER_MEASURES if one.format != "d" and one.key != "accuracy"),
)
_OF_LAYERS = {one.key: quantity_column(one) for one in LAYER_QUANTITIES}


def paper_line(paper: PaperSweep, stage: str) -> LineFit:
    """The line through the paper's points of a stage, of the K that its figure draws it through."""
    return stage_line(paper.line_points(stage))


def summarise(members: pd.DataFrame) -> pd.DataFrame:
    """Mean and standard deviation over the seeds.

    Args:
        members: `DataFrame` with K, seed, stage and `METRICS`; a row for each member and stage.

    Returns:
        A row for each K and stage, stages as they come: K, stage, seeds, and of each metric
        `<metric>_mean` and `<metric>_std` (of a sample, so NaN for one seed).
    """
    rows = []
    for (labels, stage), group in members.groupby(["K", "stage"], sort=False):
        row: dict[str, object] = {"K": labels, "stage": stage, "seeds": len(group)}
        for name in METRICS:
            # A mean with an infinite ratio is infinite, without a deviation.
            finite = group[name].abs().max() < float("inf")
            row[f"{name}_mean"] = group[name].mean()
            row[f"{name}_std"] = group[name].std() if finite else float("nan")
        rows.append(row)
    return pd.DataFrame(rows).sort_values("K", kind="stable", ignore_index=True)


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
    """The stage whose error is shown against K.

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


def sweep_table(summary: pd.DataFrame, paper: PaperSweep | None) -> ReportTable:
    """Mean and standard deviation over the seeds, of every stage and K.

    Args:
        summary: `DataFrame` as of `summarise`.
        paper: `PaperSweep`, or `None`.
    """
    columns = (
        Column("stage", "stage"),
        Column("K", "K", "d"),
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
            rows.append({"stage": str(stage), "K": row["K"], "seeds": row["seeds"], **cells})
            theirs.append(paper.row(str(stage), int(row["K"])) if paper else None)
    title = "Single-filter performance over K (mean ± standard deviation over seeds)"
    return ReportTable(title, columns, rows, theirs)


def print_sweep(
    summary: pd.DataFrame,
    fits: pd.DataFrame,
    paper: PaperSweep | None,
    stage: str,
    console: Console,
) -> None:
    """Print what `summarise` and `fit_stages` made, with the paper's rows beside.

    Args:
        summary: `DataFrame`.
        fits: `DataFrame`.
        paper: `PaperSweep`, or `None`.
        stage: `str`. The stage whose line is printed.
        console: `rich.console.Console`.
    """
    print_table(sweep_table(summary, paper), console, blocks=True)
    line = fits[fits["stage"] == stage].iloc[0]
    if pd.notna(line["slope"]):
        console.print(line_in_words(line))
    if paper and stage in set(paper.rows["stage"]):
        theirs_line = paper_line(paper, stage)
        labels = ", ".join(map(str, paper.line_labels))
        console.print(
            f"paper, {stage}: slope {theirs_line.slope:.2g} a label through its K = {labels}"
            + (f"; it prints {paper.slope}" if paper.slope else ""),
            style="dim",
        )
        console.print(f"paper: {paper.source.paper}", style="dim")


def line_in_words(line: pd.Series) -> str:
    """A row of `fit_stages` as a sentence."""
    seeds = [float(line[name]) for name in line.index if name.startswith("slope_seed")]
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


def _mean(mean: float, deviation: float, spec: str) -> str:
    return f"{mean:{spec}}" + (f" ± {deviation:{spec}}" if pd.notna(deviation) else "")
