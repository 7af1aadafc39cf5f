"""Runs of several networks and seeds as one table, with the deviations over seeds.

    python docs/results/several_seeds.py docs/results/tree3-cifar10 runs/tree3-0 runs/tree3-1 ...

Run directories are named <network>-<seed>. Writes, into the folder named first,

    layers.csv    the columns of every run's layers.csv behind network, seed, epochs and
                  network_accuracy (of the network's own output); rows of other runs that are there
                  already are kept
    seeds.csv     mean and standard deviation over seeds, by network and stage

and prints the second as Markdown.
"""

import sys
from pathlib import Path

import pandas as pd

SHOWN = {
    "network_accuracy": 3,
    "accuracy": 3,
    "noise": 1,
    "clusters": 2,
    "cluster_size": 2,
    "snr_internal": 1,
    "snr_external": 1,
}


def layers_of(run: Path) -> pd.DataFrame:
    """The layers.csv of one run, on the test set, with the columns that say which run it is."""
    network, _, seed = run.name.rpartition("-")
    training = pd.read_csv(run / "training.csv")
    layers = pd.read_csv(run / "layers.csv")
    about = {
        "network": network,
        "seed": int(seed),
        "epochs": len(training),
        "network_accuracy": training["test_accuracy"].iloc[-1],
    }
    numbers = layers[layers["split"] == "test"]
    return pd.concat([pd.DataFrame(about, index=numbers.index), numbers], axis=1)


def joined(file: Path, runs: list[pd.DataFrame]) -> pd.DataFrame:
    """The rows of the runs, and those in the file that they do not replace, by network and seed."""
    kept = [pd.read_csv(file)] if file.exists() else []
    rows = pd.concat([*kept, *runs], ignore_index=True)
    # Networks stay in the order in which they came.
    rows["network"] = pd.Categorical(rows["network"], rows["network"].unique())
    rows = rows.drop_duplicates(["network", "seed", "stage"], keep="last")
    return rows.sort_values(["network", "seed"], kind="stable")


def over_seeds(layers: pd.DataFrame) -> pd.DataFrame:
    """Mean and standard deviation (n - 1) of each network's stages over its seeds."""
    groups = layers.groupby(["network", "stage"], sort=False, observed=True)
    table = groups.agg(seeds=("seed", "nunique"), epochs=("epochs", "first"))
    for name in SHOWN:
        table[f"{name}_mean"] = groups[name].mean()
        table[f"{name}_std"] = groups[name].std()
    return table.reset_index()


def markdown(table: pd.DataFrame) -> str:
    """The table of means and deviations, a row for each stage."""
    titles = ["network", "stage", "seeds", "epochs", *(name.replace("_", " ") for name in SHOWN)]
    lines = ["| " + " | ".join(titles) + " |", "|---|---" + "|--:" * (len(titles) - 2) + "|"]
    for row in table.to_dict("records"):
        cells = [f"{row[name]}" for name in titles[:4]]
        for name, digits in SHOWN.items():
            mean, deviation = row[f"{name}_mean"], row[f"{name}_std"]
            # A single seed has no deviation.
            spread = "" if pd.isna(deviation) else f" ± {deviation:.{digits}f}"
            cells.append(f"{mean:.{digits}f}{spread}")
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def main() -> None:
    """Join the runs that the command line names."""
    folder, *runs = map(Path, sys.argv[1:])
    folder.mkdir(parents=True, exist_ok=True)
    layers = joined(folder / "layers.csv", [layers_of(run) for run in runs])
    layers.to_csv(folder / "layers.csv", index=False, float_format="%.6g")
    table = over_seeds(layers)
    table.to_csv(folder / "seeds.csv", index=False, float_format="%.6g")
    print(markdown(table))


if __name__ == "__main__":
    main()
