"""AFCC's own phase: every zeroed head is fine-tuned, from the same features."""

import warnings
from collections.abc import Iterable, Mapping, Sequence

import keras
import numpy as np
import pandas as pd

from sfp_keras.afcc import (
    VARIANTS,
    HeadFineTuning,
    Outcome,
    SplitNetwork,
    cluster_mask,
    last_kernel_layer,
    split_network,
)
from sfp_keras.analyses.catalog.afcc import draw_afcc
from sfp_keras.csv_files import csv_text
from sfp_keras.errors import InputError, arguments_called
from sfp_keras.experiment import Experiment
from sfp_keras.files import load_npz, save_npz, write_text, write_whole
from sfp_keras.filters import find_clusters
from sfp_keras.probing import Stage, StageMeasurement
from sfp_keras.progress import Progress
from sfp_keras.reports import terminal
from sfp_keras.runs import RunFiles, stage_results
from sfp_keras.runs.afcc_results import ZeroedHead, add_row, find_row, read_afcc
from sfp_keras.workflows.inputs.arguments import training_called
from sfp_keras.workflows.inputs.stage_settings import pools_of
from sfp_keras.workflows.phases.kept_network import save_model
from sfp_keras.workflows.session import ProbeSession

Masks = dict[tuple[str, float], np.ndarray]


def fine_tune_heads(session: ProbeSession) -> pd.DataFrame:
    """Zero and fine-tune every head that was not yet; returns the rows of all asked for."""
    (stage,) = session.stages
    files, heads = session.run.afcc(stage.name), zeroed_heads(session.experiment)
    table = read_afcc(files)
    missing = [head for head in heads if find_row(table, head) is None]
    for head in set(heads) - set(missing):
        files.checkpoint(*head).unlink(missing_ok=True)  # A kill may have come before.
    # All of them before the first fine-tuning: one may be empty.
    masks = cluster_masks(session.run, stage.name, missing)
    if missing:
        pool = pools_of(session.stage_settings).get(stage.name)
        pooling = session.head(stage.name).pooling
        split = split_at(session.experiment, session.network, stage, pool, pooling)
        tuner = _tuner(session, split)
        before = tuner.accuracy()
        for number, head in enumerate(missing):
            phase = f"afcc {heads.index(head) + 1}/{len(heads)} {head.variant}"
            # The first is announced with those that follow.
            progress = Progress(phase, alike=1 if number else len(missing))
            mask = _mask(session, head, masks)
            outcome = _fine_tune(session, tuner, head, mask, progress)
            _keep_model(session, split, head, mask, outcome)
            history = pd.DataFrame(outcome.history)
            write_text(files.curve(*head), csv_text(history))
            accuracies = {
                "kept": outcome.kept,
                "total": outcome.total,
                "accuracy_before": before,
                "accuracy_zeroed": outcome.accuracy_zeroed,
                "accuracy_after": outcome.accuracy_after,
                "epochs": session.experiment.afcc.training.total_epochs,
            }
            add_row(files, head, accuracies)
            files.checkpoint(*head).unlink(missing_ok=True)
    table = read_afcc(files)
    with write_whole(files.figure) as file:
        # All rows, also of earlier calls: a phase's files are all of the same settings.
        file.write(draw_afcc(table, stage.name))
    if not session.experiment.heads.keep_cache:
        session.run.delete_features("afcc")
        session.run.delete_features("afcc-test")
    return pd.DataFrame([find_row(table, head) for head in heads])


def zeroed_heads(experiment: Experiment) -> list[ZeroedHead]:
    """Every head asked for, once."""
    settings = experiment.afcc
    heads = [
        ZeroedHead(variant, images, threshold)
        for images in settings.split
        for threshold in settings.thresholds or [experiment.analysis.threshold]
        for variant in settings.variants
        if variant != "full"
    ]
    # The full head needs no clusters.
    if "full" in settings.variants:
        heads.append(ZeroedHead("full"))
    return list(dict.fromkeys(heads))


def split_at(
    experiment: Experiment,
    network: keras.Model,
    stage: Stage,
    pool: str | None = None,
    pooling: Mapping[str, np.ndarray] | None = None,
) -> SplitNetwork:
    """The network in front of the layers that are fine-tuned, and these.

    Args:
        experiment: `Experiment`.
        network: `keras.Model`.
        stage: `Stage`.
        pool: `str`. What the head reads of the stage, or `None`.
        pooling: weights of what was trained in front of the head.

    Raises:
        InputError: if the layers do not lie before the stage.
    """
    names = list(experiment.afcc.trainable)
    with arguments_called(trainable="afcc_trainable"):
        if names == ["last"]:
            names = [last_kernel_layer(network, stage)]
        return split_network(network, stage, [] if names == ["head"] else names, pool, pooling)


def cluster_masks(files: RunFiles, stage: str, heads: Iterable[ZeroedHead]) -> Masks:
    """bool (1, F, K) masks by images and threshold, for one position.

    Raises:
        InputError: if there is no cluster.
    """
    masks: Masks = {}
    measured: dict[str, StageMeasurement] = {}
    for _, images, threshold in heads:
        if not images or (images, threshold) in masks:
            continue
        if images not in measured:
            measured[images] = stage_results.read_measurement(files, stage, images)
        clusters = find_clusters(measured[images].fields, threshold)
        try:
            masks[images, threshold] = cluster_mask(clusters)
        except InputError as error:
            raise InputError(
                f"`afcc_thresholds`: stage {stage}, {images} images: {error}"
            ) from None
    return masks


def _tuner(session: ProbeSession, split: SplitNetwork) -> HeadFineTuning:
    """Pass all images once through the frozen part; every head starts from there."""
    (stage,), settings = session.stages, session.experiment.afcc
    # Outputs of several places may have one shape: the stage and the layers say which these are.
    depends_on = [stage.name, settings.trainable]
    cache = session.cache_outputs("afcc", split.frozen, ["prefix"], depends_on)
    # Accuracies are float32's, whatever training reads.
    exact = session.cache_outputs(
        "afcc-test", split.frozen, ["prefix"], depends_on, versions=0, dtype="float32"
    )
    kernel, seed = session.head(stage.name).kernel, session.experiment.run.seed
    return HeadFineTuning(split, kernel, cache, settings.training, seed, exact)


def _mask(session: ProbeSession, head: ZeroedHead, masks: Masks) -> np.ndarray | None:
    """bool (P, F, K): what is kept of the head, or `None` for all of it."""
    make = VARIANTS[head.variant].mask
    if make is None:
        return None
    (stage,) = session.stages
    kernel = session.head(stage.name).kernel
    clusters = masks[head.images, head.threshold].repeat(len(kernel), axis=0)
    mask = make(clusters, kernel, session.experiment.run.seed)
    note_silent_labels(mask, session.dataset.class_names, head)
    return mask


def _fine_tune(
    session: ProbeSession,
    tuner: HeadFineTuning,
    head: ZeroedHead,
    mask: np.ndarray | None,
    progress: Progress,
) -> Outcome:
    (stage,), plan = session.stages, session.run.plan
    with warnings.catch_warnings(), training_called("afcc_"):
        if mask is not None:
            warnings.filterwarnings("ignore", "mask: .* units have no free weight")
        return tuner.run(
            mask,
            checkpoint=session.run.afcc(stage.name).checkpoint(*head),
            description=plan.digest("afcc", [plan.phase("afcc"), stage.name, *head]),
            progress=progress,
        )


def _keep_model(
    session: ProbeSession,
    split: SplitNetwork,
    head: ZeroedHead,
    mask: np.ndarray | None,
    outcome: Outcome,
) -> None:
    """Keep the network that ends with the first AFCC head."""
    (stage,) = session.stages
    files = session.run.afcc(stage.name)
    if head.variant != "clusters" or mask is None or files.model.exists():
        return
    of_head = {
        "variant": np.array(head.variant),
        "split": np.array(head.images),
        "threshold": np.float64(head.threshold),
    }
    if not files.mask.exists():
        save_npz(files.mask, mask=mask, **of_head)
    saved = load_npz(files.mask)
    # The network of another head could not be saved.
    if all(saved.get(name) == value for name, value in of_head.items()):
        save_model(files.model, split.whole("afcc", outcome.layers))


def note_silent_labels(mask: np.ndarray, names: Sequence[str], head: ZeroedHead) -> None:
    """Name the labels that a mask leaves without a filter."""
    silent = [name for label, name in enumerate(names) if not mask[..., label].any()]
    if silent:
        listed = ", ".join(silent[:10]) + (", ..." if len(silent) > 10 else "")
        terminal().print(
            f"note: {VARIANTS[head.variant].title}, {head.images} images, threshold "
            f"{head.threshold:g}: {len(silent)} of {len(names)} labels have no filter: {listed}"
        )
