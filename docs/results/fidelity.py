"""How near our numbers come to the papers': every row of their tables beside ours.

    python docs/results/fidelity.py

reads runs.csv beside this file and the layers.csv of the folders it names, with their
intervals.csv where there is one, and writes fidelity.csv and fidelity.md. Folders of one experiment
with as many epochs and the same note are its seeds; others are runs of their own. What differs from
the paper's training is the column note of runs.csv; why the others were not run is in not_run.csv.
"""

from pathlib import Path

import numpy as np
import pandas as pd

from sfp_keras import papers

HERE = Path(__file__).parent
KEYS = ["model", "dataset", "labels"]
# By quantity: how far ours may lie from the paper's, absolutely or as a share of theirs.
ABSOLUTE = {"accuracy": 0.01}
RELATIVE = {"noise": 0.25, "clusters": 0.15, "cluster_size": 0.15}
QUANTITIES = (*ABSOLUTE, *RELATIVE)
# Dead filters count in means over all filters: with more of them than this share it is said.
FEW_DEAD = 0.05


def paper_rows() -> pd.DataFrame:
    """Every stage that a paper gives a number of, in the papers' order."""
    rows = []
    for experiment in papers.all_experiments():
        numbers = papers.paper_numbers(*experiment)
        for stage, theirs in numbers.layers.items():
            rows.append(
                dict(zip(KEYS, experiment, strict=True))
                | {"place": str(numbers.layers.source), "stage": stage}
                | {f"paper_{name}": theirs.get(name, np.nan) for name in QUANTITIES}
            )
    return pd.DataFrame(rows)


def our_rows() -> pd.DataFrame:
    """Means and standard deviations over the seeds of every run in runs.csv."""
    parts = []
    for run in pd.read_csv(HERE / "runs.csv").to_dict("records"):
        layers = pd.read_csv(HERE / run["folder"] / "layers.csv")
        as_papers = [
            papers.measured_as_papers(split, threshold)
            for split, threshold in zip(layers["split"], layers["threshold"], strict=True)
        ]
        own = layers[as_papers][["stage", *QUANTITIES, "filters", "dead_filters"]]
        parts.append(own.join(standard_errors(HERE / run["folder"]), on="stage").assign(**run))
    groups = pd.concat(parts).groupby([*KEYS, "stage", "epochs", "note"], sort=False)
    table = groups[[*QUANTITIES, "filters", "dead_filters"]].mean()
    deviations = groups[list(QUANTITIES)].std().add_suffix("_deviation")
    errors = groups[[f"{name}_error" for name in QUANTITIES]].mean()
    about = groups[["paper_epochs", "device", "command"]].first()
    seeds = groups.size().rename("seeds")
    return table.join([deviations, errors, seeds, about]).reset_index()


def standard_errors(folder: Path) -> pd.DataFrame:
    """The standard errors over the test images by stage, missing where a run has none."""
    table = folder / "intervals.csv"
    names = [f"{name}_error" for name in QUANTITIES]
    if not table.exists():
        return pd.DataFrame(columns=names, dtype=float)
    found = pd.read_csv(table).query("split == 'test' and threshold == 0.3")
    errors = found.pivot_table(index="stage", columns="quantity", values="error")
    return errors.add_suffix("_error").reindex(columns=names)


def beside(theirs: pd.DataFrame, ours: pd.DataFrame) -> pd.DataFrame:
    """The scoreboard: a row for each run of each of the papers' rows, and of those not run."""
    table = theirs.merge(ours, on=[*KEYS, "stage"], how="left")
    for name in QUANTITIES:
        difference = table[name] - table[f"paper_{name}"]
        table[f"{name}_difference"] = difference
        allowed = ABSOLUTE.get(name) or RELATIVE[name] * table[f"paper_{name}"]
        table[f"{name}_within"] = (difference.abs() <= allowed + 1e-9).where(difference.notna())
    run = table["seeds"].notna()
    within = table[[f"{name}_within" for name in QUANTITIES]]
    # A number that the paper does not give is no miss.
    table["within"] = within.fillna(True).all(axis=1).where(run)
    table["status"] = np.where(run, "run", "not run")
    table["reason"] = reasons(table)
    table["remark"] = [
        f"{dead:.0f} of the {filters:.0f} filters are dead" if dead > FEW_DEAD * filters else ""
        for dead, filters in zip(table["dead_filters"], table["filters"], strict=True)
    ]
    table["seeds"] = table["seeds"].astype("Int64")
    for name in ("epochs", "paper_epochs"):
        table[name] = table[name].astype("Int64")
    columns = ["place", *KEYS, "stage", "status", "seeds"]
    for name in QUANTITIES:
        columns += [name, f"{name}_deviation", f"{name}_error", f"paper_{name}"]
        columns += [f"{name}_difference", f"{name}_within"]
    columns += ["filters", "dead_filters", "remark"]
    return table[[*columns, "within", "reason", "epochs", "paper_epochs", "device", "command"]]


def reasons(table: pd.DataFrame) -> pd.Series:
    """What may explain a row that is not within the tolerances, or why it was not run."""
    not_run = pd.read_csv(HERE / "not_run.csv").set_index(KEYS)["reason"]
    found = []
    for row in table.to_dict("records"):
        if pd.isna(row["seeds"]):
            found.append(not_run.get(tuple(row[key] for key in KEYS), ""))
            continue
        short = row["epochs"] < row["paper_epochs"]
        parts = [f"{row['epochs']:.0f} of {row['paper_epochs']:.0f} epochs"] * short
        found.append("" if row["within"] else "; ".join([*parts, row["note"]]))
    return pd.Series(found, index=table.index)


def page(table: pd.DataFrame) -> str:
    """The scoreboard as Markdown."""
    rows = len(table.groupby([*KEYS, "stage"]))
    run = table[table["status"] == "run"]
    names = [f"{name}_within" for name in QUANTITIES] + ["within"]
    # Of the papers' rows: what is within the tolerance in one run at least.
    agree = run[names].eq(True).groupby([run[key] for key in [*KEYS, "stage"]]).any()
    counts = ", ".join(
        f"{name.replace('_', ' ')} in {agree[f'{name}_within'].sum()}" for name in QUANTITIES
    )
    lines = [
        "# The papers' numbers and ours",
        "",
        "Written by `python docs/results/fidelity.py` from the committed layers.csv of each run; "
        "[fidelity.csv](fidelity.csv) has all columns. In bold: within 1 point of accuracy, 25% of "
        "noise, 15% of clusters and of their size. ±: standard deviation over several seeds; of "
        "one network the standard error over its test images, where the run has it. Dead filters "
        f"are named where they are more than {FEW_DEAD:.0%}: they count in the means.",
        "",
        f"Of {rows} rows of the papers' tables {len(agree)} were run, some in several ways: "
        f"{counts} agree in one of them at least; {agree['within'].sum()} in all "
        "four at once.",
        "",
        "| of | network | stage | accuracy | paper | noise n | paper | clusters N_c | paper "
        "| size C_s | paper | epochs | device | differs in, or not run because |",
        "|---|---|---|--:|--:|--:|--:|--:|--:|--:|--:|---|---|---|",
    ]
    for row in table.to_dict("records"):
        network = f"{row['model']}, {row['labels']} of {row['dataset']}"
        cells = [row["place"], network, row["stage"]]
        several = row["status"] == "run" and row["seeds"] > 1
        for name in QUANTITIES:
            ours, theirs = row[name], row[f"paper_{name}"]
            digits = 3 if name == "accuracy" else 1 if name == "noise" and theirs >= 10 else 2
            shown = "" if np.isnan(ours) else f"{ours:.{digits}f}"
            spread = row[f"{name}_deviation" if several else f"{name}_error"]
            if shown and not np.isnan(spread):
                shown += f" ± {spread:.{digits}f}"
            cells.append(f"**{shown}**" if row[f"{name}_within"] is True else shown)
            cells.append("" if np.isnan(theirs) else f"{theirs:g}")
        if row["status"] == "run":
            cells += [f"{row['epochs']} of {row['paper_epochs']}", row["device"]]
        else:
            cells += ["not run", ""]
        cells.append("; ".join(filter(None, (row["reason"], row["remark"]))))
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def main() -> None:
    """Write both files."""
    table = beside(paper_rows(), our_rows())
    table.to_csv(HERE / "fidelity.csv", index=False, float_format="%.6g")
    (HERE / "fidelity.md").write_text(page(table), encoding="utf-8")


if __name__ == "__main__":
    main()
