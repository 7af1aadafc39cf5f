"""AFCC: zero a head outside its filters' clusters, fine-tune, and compare with controls."""

import shutil
from collections.abc import Iterator, Sequence

import keras
import numpy as np
import pandas as pd

from sfp_keras.afcc import (
    FineTuning,
    HeadFineTuning,
    SplitNetwork,
    cluster_mask,
    last_kernel_layer,
    split_network,
    variants,
)
from sfp_keras.data import ImageDataset, Scaling
from sfp_keras.errors import InputError
from sfp_keras.experiment import Experiment
from sfp_keras.files import save_npz, write_text, write_whole
from sfp_keras.filters import find_clusters
from sfp_keras.probing import Measurement, Stage, cache_features
from sfp_keras.reports import terminal
from sfp_keras.reports.afcc import PAPER, draw_afcc, print_afcc
from sfp_keras.run_directory import RunDirectory
from sfp_keras.stage_files import AfccDirectory
from sfp_keras.training import ParameterGroup, Progress, StepDecay, parse_group
from sfp_keras.workflows import probe, results
from sfp_keras.workflows.network import save_model
from sfp_keras.workflows.setup import about_flag
from sfp_keras.workflows.stage_list import choose_one
from sfp_keras.workflows.stage_settings import pools_of
from sfp_keras.workflows.train import description

COLUMNS = [
    *("variant", "clusters_from", "threshold", "kept", "total", "accuracy_before"),
    *("accuracy_zeroed", "accuracy_after", "epochs"),
]


def afcc(experiment: Experiment) -> None:
    """`--mode=afcc`: from a probed stage, which is probed first where it was not."""
    settings = fine_tuning(experiment)

    def check(network: keras.Model) -> None:
        stage = choose_one(experiment, network, "afcc_stage")
        split_network(network, stage, trainable_layers(experiment, network, stage))

    with probe.prepared(experiment, check) as (run, network, dataset, scaling):
        stage = choose_one(experiment, network, "afcc_stage")
        of_stages = probe.measure(run, network, [stage], dataset, scaling, experiment.afcc_split)
        pools = pools_of({stage.name: of_stages[stage.name]})
        trainable = trainable_layers(experiment, network, stage)
        split = split_network(network, stage, trainable, pools.get(stage.name))
        with run.timed("afcc"):
            table = compare(run, split, stage, dataset, scaling, settings)
        console = terminal()
        paper = PAPER.get((experiment.model, dataset.name, stage.name))
        print_afcc(table, stage.name, paper if dataset.num_labels == 100 else None, console)
        files = run.afcc(stage.name)
        console.print(
            f"results: {files.results}\n"
            f"  {files.figure}\n"
            f"  {files.model}  the network that ends with the AFCC head"
        )


def fine_tuning(experiment: Experiment) -> FineTuning:
    """The --afcc_* flags."""
    with about_flag("afcc_decay"):
        decay = StepDecay.parse(experiment.afcc_decay)
    base = ParameterGroup(
        "default",
        "",
        experiment.afcc_lr,
        experiment.afcc_momentum,
        experiment.afcc_l2,
        decay,
    )
    with about_flag("afcc_group"):
        groups = tuple(parse_group(text, base) for text in experiment.afcc_group)
    return FineTuning(
        experiment.afcc_epochs,
        base.learning_rate,
        base.momentum,
        base.l2,
        decay,
        experiment.afcc_batch_size,
        groups,
        experiment.afcc_precision,
    )


def trainable_layers(experiment: Experiment, network: keras.Model, stage: Stage) -> list[str]:
    """--afcc_trainable, as names of layers or `all`."""
    names = list(experiment.afcc_trainable)
    if names == ["head"]:
        return []
    return [last_kernel_layer(network, stage)] if names == ["last"] else names


def compare(
    run: RunDirectory,
    split: SplitNetwork,
    stage: Stage,
    dataset: ImageDataset,
    scaling: Scaling,
    settings: FineTuning,
) -> pd.DataFrame:
    """Zero and fine-tune every variant that was not yet; returns the rows of results.csv."""
    experiment, files = run.experiment, run.afcc(stage.name)
    measured = {s: results.read_measurement(run, stage.name, s) for s in experiment.afcc_split}
    kernel = next(iter(measured.values())).fields.kernel
    tuner: HeadFineTuning | None = None
    wanted = list(_wanted(experiment))
    table = read_results(files)
    for place, (name, images, threshold) in enumerate(wanted):
        if _row(table, name, images, threshold) is not None:
            continue
        if tuner is None:
            tuner = _tuner(run, split, stage, kernel, dataset, scaling, settings)
            before = tuner.accuracy()
        # The full head needs no clusters.
        mask = None if name == "full" else _mask(measured[images], threshold)
        made = mask if mask is None else variants(mask, kernel, experiment.seed)[name]()
        outcome = tuner.run(
            made,
            checkpoint=files.checkpoint,
            description=description(
                run, "afcc", [run.settings("afcc"), stage.name, name, images, threshold]
            ),
            progress=Progress(f"afcc {place + 1}/{len(wanted)} {name}"),
        )
        if name == "clusters" and made is not None and not files.model.exists():
            _keep(files, split, outcome.layers, made)
        files.checkpoint.unlink(missing_ok=True)
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
    rows = [_row(table, *key) for key in wanted]
    shown = pd.DataFrame([row for row in rows if row is not None])
    with write_whole(files.figure) as file:
        file.write(draw_afcc(shown, stage.name))
    _tidy(run)
    return shown


def read_results(files: AfccDirectory) -> pd.DataFrame:
    """The rows of results.csv."""
    if not files.results.exists():
        return pd.DataFrame(columns=COLUMNS)
    try:
        table = pd.read_csv(files.results, keep_default_na=False)[COLUMNS]
        return table.assign(threshold=pd.to_numeric(table["threshold"]))
    except (ValueError, KeyError) as error:
        raise InputError(f"{files.results} is damaged ({error}); delete it and run again") from None


def _wanted(experiment: Experiment) -> Iterator[tuple[str, str, float]]:
    """(variant, images of the clusters, threshold) of everything asked for."""
    thresholds = [float(t) for t in experiment.afcc_thresholds] or [experiment.threshold]
    for images in experiment.afcc_split:
        for threshold in thresholds:
            for name in experiment.afcc_variants:
                if name != "full":
                    yield name, images, threshold
    if "full" in experiment.afcc_variants:
        yield "full", "", 0.0


def _row(table: pd.DataFrame, name: str, images: str, threshold: float) -> pd.Series | None:
    found = table[
        (table["variant"] == name)
        & (table["clusters_from"] == images)
        & (table["threshold"] == threshold)
    ]
    return found.iloc[-1] if len(found) else None


def _mask(measurement: Measurement, threshold: float) -> np.ndarray:
    fields = measurement.fields
    return cluster_mask(find_clusters(fields, threshold), fields.num_positions)


def _tuner(
    run: RunDirectory,
    split: SplitNetwork,
    stage: Stage,
    kernel: np.ndarray,
    dataset: ImageDataset,
    scaling: Scaling,
    settings: FineTuning,
) -> HeadFineTuning:
    """Pass all images once through the frozen part; every variant starts from there."""
    experiment = run.experiment
    size = experiment.inference_batch_size
    cache = cache_features(
        split.frozen,
        ["prefix"],
        probe.counted("features", dataset.train, size, scaling),
        probe.counted("test features", dataset.test, size, scaling),
        train_count=len(dataset.train),
        test_count=len(dataset.test),
        dtype=experiment.cache_dtype,
        budget=int(experiment.cache_gib * 2**30),
        folder=run.cache / "afcc",
        # Several places of a network may have one shape: the stage and the layers tell them apart.
        description=description(run, "afcc", [stage.name, experiment.afcc_trainable]),
    )
    return HeadFineTuning(split, kernel, cache, settings, experiment.seed)


def _keep(
    files: AfccDirectory,
    split: SplitNetwork,
    layers: Sequence[keras.layers.Layer],
    mask: np.ndarray,
) -> None:
    """model.keras and mask.npz of the first AFCC head."""
    save_npz(files.mask, mask=mask)
    save_model(files.model, split.whole("afcc", layers))


def _tidy(run: RunDirectory) -> None:
    if not run.experiment.keep_cache:
        shutil.rmtree(run.cache / "afcc", ignore_errors=True)
