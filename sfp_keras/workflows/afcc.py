"""AFCC: zero a head outside its filters' clusters, fine-tune, and compare with controls."""

import warnings
from collections.abc import Iterable, Sequence

import keras
import numpy as np
import pandas as pd

from sfp_keras.afcc import (
    VARIANTS,
    HeadFineTuning,
    SplitNetwork,
    check_fine_tuning,
    cluster_mask,
    last_kernel_layer,
    split_network,
)
from sfp_keras.analyses.catalog.afcc import draw_afcc, print_afcc
from sfp_keras.data import ImageDataset, Scaling
from sfp_keras.errors import InputError, arguments_called
from sfp_keras.experiment import Experiment
from sfp_keras.files import load_npz, save_npz, write_text, write_whole
from sfp_keras.filters import find_clusters
from sfp_keras.probing import Stage, StageMeasurement, cache_features
from sfp_keras.reports import terminal
from sfp_keras.runs import AfccFiles, stage_results
from sfp_keras.settings import FineTuningSettings
from sfp_keras.training import Progress, optimizer_of
from sfp_keras.workflows import probe
from sfp_keras.workflows.experiment_run import ExperimentRun
from sfp_keras.workflows.network import save_model
from sfp_keras.workflows.paper_numbers import paper_numbers
from sfp_keras.workflows.setup import training_called
from sfp_keras.workflows.stage_list import choose_one
from sfp_keras.workflows.stage_settings import pools_of
from sfp_keras.workflows.train import description

COLUMNS = [
    *("variant", "clusters_from", "threshold", "kept", "total", "accuracy_before"),
    *("accuracy_zeroed", "accuracy_after", "epochs"),
]
# Variant, images of the clusters, threshold.
Key = tuple[str, str, float]


def afcc(experiment: Experiment) -> None:
    """`--mode=afcc`: from a probed stage, which is probed first where it was not."""
    settings = experiment.afcc.training
    with training_called("afcc_"):
        optimizer_of(settings)  # Refuses what cannot be read before anything is loaded.

    def check(network: keras.Model) -> None:
        stage = choose_one(experiment, network, "afcc_stage")
        split = _split(experiment, network, stage)
        with training_called("afcc_"):
            check_fine_tuning(split, settings)
        if experiment.run.overwrite == "afcc":
            _check_masks(ExperimentRun(experiment), stage)

    with probe.prepared(experiment, check) as (run, network, dataset, scaling):
        stage = choose_one(experiment, network, "afcc_stage")
        of_stages = probe.measure(run, network, [stage], dataset, scaling, experiment.afcc.split)
        pools = pools_of({stage.name: of_stages[stage.name]})
        split = _split(experiment, network, stage, pools.get(stage.name))
        with run.timed("afcc"):
            table = compare(run, split, stage, dataset, scaling, settings)
        console = terminal()
        paper = paper_numbers(experiment, dataset.num_labels).afcc
        print_afcc(table, stage.name, paper, console)
        files = run.afcc(stage.name)
        console.print(f"results: {files.results}\n  {files.figure}")
        if files.model.exists():
            console.print(f"  {files.model}  the network that ends with {_saved_head(files)}")


def _split(
    experiment: Experiment, network: keras.Model, stage: Stage, pool: str | None = None
) -> SplitNetwork:
    """The network, split before the layers that --afcc_trainable names."""
    names = list(experiment.afcc.trainable)
    with arguments_called(trainable="afcc_trainable"):
        if names == ["last"]:
            names = [last_kernel_layer(network, stage)]
        return split_network(network, stage, [] if names == ["head"] else names, pool)


def compare(
    run: ExperimentRun,
    split: SplitNetwork,
    stage: Stage,
    dataset: ImageDataset,
    scaling: Scaling,
    settings: FineTuningSettings,
) -> pd.DataFrame:
    """Zero and fine-tune every variant that was not yet; returns the rows of results.csv."""
    experiment, files = run.experiment, run.afcc(stage.name)
    kernel = stage_results.read_head(run, stage.name)
    tuner: HeadFineTuning | None = None
    wanted = _wanted(experiment)
    table = read_results(files)
    # All of them before the first fine-tuning: one may be empty.
    masks = _masks(run, stage, [key for key in wanted if _row(table, *key) is None])
    for place, (name, images, threshold) in enumerate(wanted):
        checkpoint = files.checkpoint(name, images, threshold)
        if _row(table, name, images, threshold) is not None:
            checkpoint.unlink(missing_ok=True)  # A kill may have come before.
            continue
        if tuner is None:
            tuner = _tuner(run, split, stage, kernel, dataset, scaling, settings)
            before = tuner.accuracy()
        # The full head needs no clusters.
        made = None
        if make := VARIANTS[name].mask:
            mask = masks[images, threshold].repeat(len(kernel), axis=0)
            made = make(mask, kernel, experiment.run.seed)
        with warnings.catch_warnings(), training_called("afcc_"):
            if made is not None:
                _note_silent(made, dataset.class_names, (name, images, threshold))
                warnings.filterwarnings("ignore", "mask: .* units have no free weight")
            outcome = tuner.run(
                made,
                checkpoint=checkpoint,
                description=description(
                    run, "afcc", [run.plan.phase("afcc"), stage.name, name, images, threshold]
                ),
                progress=Progress(f"afcc {place + 1}/{len(wanted)} {name}"),
            )
        if name == "clusters" and made is not None and not files.model.exists():
            save_npz(
                files.mask,
                mask=made,
                variant=np.array(name),
                split=np.array(images),
                threshold=np.float64(threshold),
            )
            save_model(files.model, split.whole("afcc", outcome.layers))
        row = {
            "variant": name,
            "clusters_from": images,
            "threshold": threshold,
            "kept": outcome.kept,
            "total": outcome.total,
            "accuracy_before": before,
            "accuracy_zeroed": outcome.accuracy_zeroed,
            "accuracy_after": outcome.accuracy_after,
            "epochs": settings.epochs,
        }
        table = pd.concat([table, pd.DataFrame([row])], ignore_index=True)[COLUMNS]
        write_text(
            files.curve(name, images, threshold), pd.DataFrame(outcome.history).to_csv(index=False)
        )
        write_text(files.results, table.to_csv(index=False))
        checkpoint.unlink(missing_ok=True)
    rows = [_row(table, *key) for key in wanted]
    shown = pd.DataFrame([row for row in rows if row is not None])
    with write_whole(files.figure) as file:
        # All rows, also of earlier calls: a phase's files are all of the same settings.
        file.write(draw_afcc(read_results(files), stage.name))
    _tidy(run)
    return shown


def read_results(files: AfccFiles) -> pd.DataFrame:
    """The rows of results.csv."""
    if not files.results.exists():
        return pd.DataFrame(columns=COLUMNS)
    try:
        table = pd.read_csv(files.results, keep_default_na=False)[COLUMNS]
        return table.assign(threshold=pd.to_numeric(table["threshold"]))
    except (ValueError, KeyError) as error:
        raise InputError(f"{files.results} is damaged ({error}); delete it and run again") from None


def _wanted(experiment: Experiment) -> list[Key]:
    """Everything asked for, each once."""
    thresholds = list(experiment.afcc.thresholds) or [experiment.analysis.threshold]
    wanted = [
        (name, images, threshold)
        for images in experiment.afcc.split
        for threshold in thresholds
        for name in experiment.afcc.variants
        if name != "full"
    ]
    if "full" in experiment.afcc.variants:
        wanted.append(("full", "", 0.0))
    return list(dict.fromkeys(wanted))


def _row(table: pd.DataFrame, name: str, images: str, threshold: float) -> pd.Series | None:
    found = table[
        (table["variant"] == name)
        & (table["clusters_from"] == images)
        & (table["threshold"] == threshold)
    ]
    return found.iloc[-1] if len(found) else None


def _check_masks(run: ExperimentRun, stage: Stage) -> None:
    """Make the masks of what is measured already, before anything is deleted."""
    files = run.stage(stage.name)
    if files.head.exists():
        _masks(
            run,
            stage,
            [key for key in _wanted(run.experiment) if files.split(key[1]).fields.exists()],
        )


def _masks(
    run: ExperimentRun, stage: Stage, keys: Iterable[Key]
) -> dict[tuple[str, float], np.ndarray]:
    """bool (1, F, K) masks by images and threshold, for one position."""
    masks = {}
    measured: dict[str, StageMeasurement] = {}
    for images, threshold in dict.fromkeys(key[1:] for key in keys if key[0] != "full"):
        if images not in measured:
            measured[images] = stage_results.read_measurement(run, stage.name, images)
        try:
            masks[images, threshold] = cluster_mask(
                find_clusters(measured[images].fields, threshold)
            )
        except InputError as error:
            raise InputError(
                f"--afcc_thresholds: stage {stage.name}, {images} images: {error}"
            ) from None
    return masks


def _note_silent(mask: np.ndarray, names: Sequence[str], key: Key) -> None:
    """Say which labels a mask leaves without a filter."""
    silent = [name for label, name in enumerate(names) if not mask[..., label].any()]
    if silent:
        listed = ", ".join(silent[:10]) + (", ..." if len(silent) > 10 else "")
        terminal().print(
            f"note: {VARIANTS[key[0]].title}, {key[1]} images, threshold {key[2]:g}: "
            f"{len(silent)} of {len(names)} labels have no filter: {listed}"
        )


def _saved_head(files: AfccFiles) -> str:
    """Which head model.keras ends with."""
    saved = load_npz(files.mask) if files.mask.exists() else {}
    if "threshold" not in saved:
        return "the first AFCC head"
    return (
        f"the {VARIANTS[str(saved['variant'])].title} head of {saved['split']} images, threshold "
        f"{float(saved['threshold']):g}"
    )


@arguments_called(budget="cache_gib")
def _tuner(
    run: ExperimentRun,
    split: SplitNetwork,
    stage: Stage,
    kernel: np.ndarray,
    dataset: ImageDataset,
    scaling: Scaling,
    settings: FineTuningSettings,
) -> HeadFineTuning:
    """Pass all images once through the frozen part; every variant starts from there."""
    experiment = run.experiment
    size = experiment.heads.inference_batch_size
    cache = cache_features(
        split.frozen,
        ["prefix"],
        probe.counted("features", dataset.train, size, scaling),
        probe.counted("test features", dataset.test, size, scaling),
        train_count=len(dataset.train),
        test_count=len(dataset.test),
        dtype=experiment.heads.cache_dtype,
        budget=int(experiment.heads.cache_gib * 2**30),
        folder=run.features("afcc"),
        # Several places of a network may have one shape: the stage and the layers tell them apart.
        description=description(run, "afcc", [stage.name, experiment.afcc.trainable]),
    )
    return HeadFineTuning(split, kernel, cache, settings, experiment.run.seed)


def _tidy(run: ExperimentRun) -> None:
    if not run.experiment.heads.keep_cache:
        run.delete_features("afcc")
