"""Ablation's own phase: a head's accuracy without some of its stage's filters."""

import contextlib
import functools
import json
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from sfp_keras.csv_files import csv_text
from sfp_keras.data import random_order
from sfp_keras.errors import InputError
from sfp_keras.experiment import Experiment
from sfp_keras.files import file_digest, read_json, write_text
from sfp_keras.filters import correct_without, find_clusters
from sfp_keras.probing import Stage
from sfp_keras.progress import Progress
from sfp_keras.runs.ablation_results import read_silenced
from sfp_keras.workflows.inputs.stage_settings import StageSettings, view_of
from sfp_keras.workflows.session import ProbeSession

# Of a stage's filters; 150 of 512 is what paper 1 removes.
_SHARES = (1 / 8, 1 / 4, 150 / 512, 1 / 2, 3 / 4, 7 / 8, 15 / 16, 31 / 32)


def removed_filters(experiment: Experiment, stage: Stage, settings: StageSettings) -> list[int]:
    """How many filters are removed: as asked, or eight numbers up to all but a few.

    Args:
        experiment: `Experiment`.
        stage: `Stage`.
        settings: of the stage's head, which may see groups of filters as one.

    Raises:
        InputError: if the stage has fewer.
    """
    filters = view_of(stage, settings).seen[-1]
    asked = sorted(experiment.ablation.removed)
    if asked and asked[-1] > filters:
        raise InputError(f"`ablate_removed`={asked[-1]}: {stage.name} has {filters} filters")
    return asked or sorted({min(round(share * filters), filters - 1) for share in _SHARES})


def silence_filters(session: ProbeSession) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The rows of removal.csv and labels.csv, read where they are of the same settings.

    settings.json holds what they were made with; with any other setting both are made again.
    """
    (stage,) = session.stages
    files, settings = session.run.ablation(stage.name), _settings(session)
    # What cannot be used is counted again.
    with contextlib.suppress(OSError, ValueError):
        if read_json(files.settings) == settings:
            removal, labels = read_silenced(files)
            if _are_whole(removal, labels, settings, session.dataset.class_names):
                return removal, labels
    removal, labels = _count(session, [0, *(n for n in settings["removed"] if n)])
    if not session.experiment.heads.keep_cache:
        session.run.delete_features("ablate")
    # Until both tables are there, settings.json must not say that they are of other settings.
    files.settings.unlink(missing_ok=True)
    write_text(files.removal, csv_text(removal))
    write_text(files.labels, csv_text(labels))
    write_text(files.settings, json.dumps(settings, indent=2) + "\n")
    return removal, labels


def _are_whole(
    removal: pd.DataFrame, labels: pd.DataFrame, settings: dict[str, Any], names: Sequence[str]
) -> bool:
    """Whether two tables have all rows of their settings, in order."""
    numbers = [0, *(n for n in settings["removed"] if n)]
    rows = [(number, draw) for number in numbers for draw in range(settings["draws"])]
    found = list(zip(removal["removed"], removal["draw"], strict=True))
    return found == rows and list(labels["name"]) == list(names)


def _settings(session: ProbeSession) -> dict[str, Any]:
    """What the tables depend on."""
    (stage,), experiment = session.stages, session.experiment
    split, files = experiment.analysis.split[0], session.run.stage(stage.name)
    return {
        "removed": removed_filters(experiment, stage, session.stage_settings),
        "draws": experiment.ablation.draws,
        "seed": experiment.run.seed,
        "clusters_from": split,
        "threshold": experiment.analysis.threshold,
        "head": file_digest(files.head),
        "fields": file_digest(files.split(split).fields),
    }


def _count(session: ProbeSession, removed: list[int]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Count correctly classified test images with filters silenced; returns both tables."""
    (stage,), experiment = session.stages, session.experiment
    fields = session.measurement(stage.name, experiment.analysis.split[0]).fields
    in_cluster = find_clusters(fields, experiment.analysis.threshold).in_cluster
    silenced = in_cluster.sum(0)
    # Every draw is an order of all filters, of which the first ones are removed.
    orders = [
        random_order(fields.num_filters, "ablation", experiment.run.seed, draw)
        for draw in range(experiment.ablation.draws)
    ]
    numbers = sorted({*removed, *silenced.tolist()} - {0})
    nothing = np.zeros(fields.num_filters, bool)
    masks = [nothing, *in_cluster.T, *(_first(order, n) for order in orders for n in numbers)]
    outputs, labels = _test_outputs(session)
    progress = functools.partial(Progress("ablate").over, unit="steps")
    correct = correct_without(outputs, labels, fields.kernel, masks, progress)
    whole, of_labels = correct[0], correct[1 : 1 + len(silenced)]
    drawn = correct[1 + len(silenced) :].reshape(len(orders), len(numbers), len(whole))
    drawn = np.concatenate([np.broadcast_to(whole, (len(orders), 1, len(whole))), drawn], 1)
    place = {number: index for index, number in enumerate([0, *numbers])}
    images = np.bincount(labels, minlength=fields.num_labels)
    at_random = drawn[:, [place[int(count)] for count in silenced]].mean(0)
    removal = _removal_table(removed, drawn[:, [place[n] for n in removed]], images, len(nothing))
    without = _label_table(whole, of_labels, at_random, images)
    about = {"label": np.arange(len(images)), "name": session.dataset.class_names}
    return removal, pd.DataFrame({**about, "silenced": silenced, **without})


def _first(order: np.ndarray, count: int) -> np.ndarray:
    mask = np.zeros(len(order), bool)
    mask[order[:count]] = True
    return mask


def _test_outputs(session: ProbeSession) -> tuple[np.ndarray, np.ndarray]:
    """Outputs (n, P, F) of the stage for the test images, and their labels."""
    (stage,) = session.stages
    head = file_digest(session.run.stage(stage.name).head)
    depends_on = [stage.name, session.stage_settings[stage.name]["pool"], head]
    cache = session.cache_outputs(
        "ablate",
        session.pooled([stage]),
        [stage.name],
        depends_on,
        versions=0,
        # Not rounded: with nothing removed the accuracy is that of layers.csv.
        dtype="float32",
    )
    flat = cache.arrays[stage.name]
    positions = int(np.prod(cache.position_shapes[stage.name], dtype=int))
    return flat.reshape(len(flat), positions, -1), cache.labels


def _removal_table(
    removed: list[int], correct: np.ndarray, images: np.ndarray, filters: int
) -> pd.DataFrame:
    """Rows of removal.csv from counts (draws, numbers, K)."""
    return pd.DataFrame(
        [
            {
                "removed": number,
                "left": filters - number,
                "draw": draw,
                "accuracy": correct[draw, index].sum() / images.sum(),
            }
            for index, number in enumerate(removed)
            for draw in range(len(correct))
        ]
    )


def _label_table(
    whole: np.ndarray, of_labels: np.ndarray, at_random: np.ndarray, images: np.ndarray
) -> dict[str, np.ndarray]:
    """Accuracies of labels.csv.

    Args:
        whole: (K,) correct with all filters.
        of_labels: (K, K) correct with the filters of the row's label silenced.
        at_random: (K, K) the same with as many random filters, mean over the draws.
        images: (K,) test images of each label.
    """

    def of_label(correct: np.ndarray) -> np.ndarray:
        diagonal = correct if correct.ndim == 1 else np.diagonal(correct)
        return np.divide(diagonal, images, out=np.full(len(images), np.nan), where=images > 0)

    def of_others(correct: np.ndarray) -> np.ndarray:
        diagonal = correct if correct.ndim == 1 else np.diagonal(correct)
        rest = images.sum() - images
        total = correct.sum(-1) - diagonal
        return np.divide(total, rest, out=np.full(len(images), np.nan), where=rest > 0)

    return {
        "accuracy": of_label(whole),
        "accuracy_silenced": of_label(of_labels),
        "accuracy_random": of_label(at_random),
        "others": of_others(whole),
        "others_silenced": of_others(of_labels),
        "others_random": of_others(at_random),
    }
