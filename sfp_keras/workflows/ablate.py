"""Ablation: what a stage's head loses with its filters."""

import contextlib
import json
from typing import Any

import keras
import numpy as np
import pandas as pd

from sfp_keras.analyses import Ablation, Drawing, Scope, analyses_of, print_ablation
from sfp_keras.data import ImageDataset, Scaling, random_order
from sfp_keras.errors import InputError, arguments_called
from sfp_keras.experiment import Experiment
from sfp_keras.files import file_digest, write_text
from sfp_keras.filters import correct_without, find_clusters
from sfp_keras.probing import Stage, cache_features
from sfp_keras.reports import save_figure, terminal
from sfp_keras.runs import stage_results
from sfp_keras.workflows import probe
from sfp_keras.workflows.experiment_run import ExperimentRun
from sfp_keras.workflows.narrow import check_widths, narrow_networks, train_narrow
from sfp_keras.workflows.paper_numbers import paper_numbers
from sfp_keras.workflows.stage_list import choose_one
from sfp_keras.workflows.stage_settings import StageSettings
from sfp_keras.workflows.train import description

# Of a stage's filters; 150 of 512 is what paper 1 removes.
_SHARES = (1 / 8, 1 / 4, 150 / 512, 1 / 2, 3 / 4, 7 / 8, 15 / 16, 31 / 32)
_ACCURACIES = [
    f"{of}{when}" for of in ("accuracy", "others") for when in ("", "_silenced", "_random")
]
_COLUMNS = {
    "summary": ["removed", "left", "mean", "std", "least", "most"],
    "labels": ["label", "name", "silenced", *_ACCURACIES],
    "widths": ["layers", "width", "network_accuracy", "accuracy"],
}


def ablate(experiment: Experiment) -> None:
    """`--mode=ablate`: from a probed stage, which is probed first where it was not."""

    def check(network: keras.Model) -> None:
        stage = choose_one(experiment, network, "ablate_stage")
        removed_filters(experiment, stage)
        check_widths(experiment, network, stage)

    with probe.prepared(experiment, check) as (run, network, dataset, scaling):
        stage = choose_one(experiment, network, "ablate_stage")
        if not len(dataset.test):
            raise InputError("--mode=ablate measures accuracy on test images; the data has none")
        of_stages = probe.measure(
            run, network, [stage], dataset, scaling, experiment.analysis.split
        )
        with run.timed("ablate"):
            tables = silence(run, network, stage, of_stages, dataset, scaling)
        train_narrow(run, stage)
        widths = narrow_networks(run, stage, _stage_accuracy(tables["removal"]))
        _report(run, stage, tables, widths)


def removed_filters(experiment: Experiment, stage: Stage) -> list[int]:
    """--ablate_removed, or eight numbers up to all but a few of the stage's filters.

    Raises:
        InputError: if the stage has fewer.
    """
    filters = stage.filters
    asked = sorted(experiment.ablation.removed)
    if asked and asked[-1] > filters:
        raise InputError(f"--ablate_removed={asked[-1]}: {stage.name} has {filters} filters")
    return asked or sorted({min(round(share * filters), filters - 1) for share in _SHARES})


def silence(
    run: ExperimentRun,
    network: keras.Model,
    stage: Stage,
    of_stages: StageSettings,
    dataset: ImageDataset,
    scaling: Scaling,
) -> dict[str, pd.DataFrame]:
    """removal.csv and labels.csv, or what they say already of the same settings.

    settings.json tells what they were made with; with any other setting both are made anew.
    """
    experiment, files_of = run.experiment, run.ablation(stage.name)
    files = {"removal": files_of.removal, "labels": files_of.labels}
    marker, settings = files_of.settings, _settings(run, stage)
    with contextlib.suppress(OSError, ValueError):
        if json.loads(marker.read_text()) == settings:
            return {
                name: pd.read_csv(file, converters={"name": str}) for name, file in files.items()
            }
    split = experiment.analysis.split[0]
    fields = stage_results.read_measurement(run, stage.name, split).fields
    members = find_clusters(fields, experiment.analysis.threshold).in_cluster
    counts = members.sum(0)
    removed = [0, *(r for r in settings["removed"] if r)]
    # Every draw is an order of all filters; whatever is removed is removed from its begin.
    orders = [
        random_order(fields.num_filters, "ablation", experiment.run.seed, draw)
        for draw in range(experiment.ablation.draws)
    ]
    numbers = sorted({*removed, *counts.tolist()} - {0})
    nothing = np.zeros(fields.num_filters, bool)
    masks = [nothing, *members.T, *(_first(order, r) for order in orders for r in numbers)]
    outputs, labels = _test_outputs(run, network, stage, of_stages, dataset, scaling)
    right = correct_without(outputs, labels, fields.kernel, masks)
    _tidy(run)
    whole, of_labels = right[0], right[1 : 1 + len(counts)]
    drawn = right[1 + len(counts) :].reshape(len(orders), len(numbers), -1)
    drawn = np.concatenate([np.broadcast_to(whole, (len(orders), 1, len(whole))), drawn], 1)
    place = {number: index for index, number in enumerate([0, *numbers])}
    images = np.bincount(labels, minlength=fields.num_labels)
    tables = {
        "removal": _removal(removed, drawn[:, [place[r] for r in removed]], images, len(nothing)),
        "labels": _labels(
            dataset.class_names,
            images,
            counts,
            whole,
            of_labels,
            drawn[:, [place[int(count)] for count in counts]].mean(0),
        ),
    }
    for name, table in tables.items():
        write_text(files[name], table.to_csv(index=False))
    write_text(marker, json.dumps(settings, indent=2) + "\n")
    return tables


def summary(removal: pd.DataFrame) -> pd.DataFrame:
    """Mean, standard deviation, least and most accuracy for each number of removed filters."""
    accuracy = removal.groupby(["removed", "left"])["accuracy"]
    return accuracy.agg(mean="mean", std="std", least="min", most="max").reset_index()


def read_ablation(files: ExperimentRun, stage: str) -> dict[str, pd.DataFrame]:
    """The tables that an ablation left: summary, labels, widths."""
    of_stage = files.ablation(stage)
    paths = {"summary": of_stage.summary, "labels": of_stage.labels, "widths": of_stage.widths}
    tables = {}
    for name, columns in _COLUMNS.items():
        path = paths[name]
        try:
            # As text: a label may be called NA.
            tables[name] = pd.read_csv(path, converters={"name": str, "layers": str})[columns]
        except (OSError, ValueError, KeyError) as error:
            raise InputError(f"{path} is damaged ({error}); run --mode=ablate again") from None
    return tables


def _settings(run: ExperimentRun, stage: Stage) -> dict[str, Any]:
    """What the tables depend on."""
    experiment, files = run.experiment, run.stage(stage.name)
    return {
        "removed": removed_filters(experiment, stage),
        "draws": experiment.ablation.draws,
        "seed": experiment.run.seed,
        "clusters_from": experiment.analysis.split[0],
        "threshold": experiment.analysis.threshold,
        "head": file_digest(files.head),
        "fields": file_digest(files.split(experiment.analysis.split[0]).fields),
    }


def _first(order: np.ndarray, count: int) -> np.ndarray:
    mask = np.zeros(len(order), bool)
    mask[order[:count]] = True
    return mask


@arguments_called(budget="cache_gib")
def _test_outputs(
    run: ExperimentRun,
    network: keras.Model,
    stage: Stage,
    of_stages: StageSettings,
    dataset: ImageDataset,
    scaling: Scaling,
) -> tuple[np.ndarray, np.ndarray]:
    """Outputs (n, P, F) of the stage for the test images, and their labels."""
    experiment = run.experiment
    cache = cache_features(
        probe.cut_at(network, [stage], of_stages),
        [stage.name],
        [],
        probe.counted("test images", dataset.test, experiment.heads.inference_batch_size, scaling),
        train_count=0,
        test_count=len(dataset.test),
        # Not rounded: with nothing removed the accuracy is that of layers.csv.
        dtype="float32",
        budget=int(experiment.heads.cache_gib * 2**30),
        folder=run.features("ablate"),
        description=description(run, "ablate", [stage.name, of_stages[stage.name]["pool"]]),
    )
    flat = cache.arrays[stage.name]
    positions = int(np.prod(cache.position_shapes[stage.name], dtype=int))
    return flat.reshape(len(flat), positions, -1), cache.labels


def _tidy(run: ExperimentRun) -> None:
    if not run.experiment.heads.keep_cache:
        run.delete_features("ablate")


def _removal(
    removed: list[int], right: np.ndarray, images: np.ndarray, filters: int
) -> pd.DataFrame:
    """Rows of removal.csv from right (draws, numbers, K)."""
    return pd.DataFrame(
        [
            {
                "removed": number,
                "left": filters - number,
                "draw": draw,
                "accuracy": right[draw, index].sum() / images.sum(),
            }
            for index, number in enumerate(removed)
            for draw in range(len(right))
        ]
    )


def _labels(
    names: tuple[str, ...],
    images: np.ndarray,
    counts: np.ndarray,
    whole: np.ndarray,
    of_labels: np.ndarray,
    drawn: np.ndarray,
) -> pd.DataFrame:
    """Rows of labels.csv.

    Args:
        names: of the K labels.
        images: (K,) test images of each.
        counts: (K,) filters silenced for each.
        whole: (K,) right with all filters.
        of_labels: (K, K) right with the filters of the row's label silenced.
        drawn: (K, K) the same with as many random filters, mean over the draws.
    """

    def own(right: np.ndarray) -> np.ndarray:
        diagonal = right if right.ndim == 1 else np.diagonal(right)
        return np.divide(diagonal, images, out=np.full(len(images), np.nan), where=images > 0)

    def others(right: np.ndarray) -> np.ndarray:
        diagonal = right if right.ndim == 1 else np.diagonal(right)
        rest = images.sum() - images
        total = right.sum(-1) - diagonal
        return np.divide(total, rest, out=np.full(len(images), np.nan), where=rest > 0)

    return pd.DataFrame(
        {
            "label": np.arange(len(names)),
            "name": names,
            "silenced": counts,
            "accuracy": own(whole),
            "accuracy_silenced": own(of_labels),
            "accuracy_random": own(drawn),
            "others": others(whole),
            "others_silenced": others(of_labels),
            "others_random": others(drawn),
        }
    )


def _stage_accuracy(removal: pd.DataFrame) -> float:
    return float(removal.loc[removal["removed"] == 0, "accuracy"].iloc[0])


def _report(
    run: ExperimentRun, stage: Stage, tables: dict[str, pd.DataFrame], widths: pd.DataFrame
) -> None:
    """The tables on the terminal, and the figures, which are drawn anew each time."""
    files, console = run.ablation(stage.name), terminal()
    removal, labels = summary(tables["removal"]), tables["labels"]
    paper = paper_numbers(run.experiment, len(labels)).removed_filters(stage.name)
    write_text(files.summary, removal.to_csv(index=False))
    write_text(files.widths, widths.to_csv(index=False))
    ablation = Ablation(stage.name, removal, labels, widths, paper)
    print_ablation(ablation, console)
    for analysis in analyses_of(Scope.ABLATION):
        for part in analysis.show(ablation):
            if isinstance(part, Drawing):
                save_figure(part.draw(), files.figure(part.name))
    console.print(
        f"results: {files.path}\n"
        "  removal.csv, summary.csv, removal.png  accuracy against the filters removed\n"
        "  labels.csv, labels.png  each label without the filters of its clusters"
        + ("\n  widths.csv  networks trained with fewer filters" if len(widths) > 1 else "")
    )
