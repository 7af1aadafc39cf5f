"""The whole procedure: train, train the heads, measure every filter, read the table."""

import contextlib
import dataclasses
import math
import re
import shutil
from collections.abc import Iterator

import keras
import numpy as np
from rich.console import Console

from sfp_keras.data import (
    ImageDataset,
    ImageSplit,
    Scaling,
    evaluation_batches,
    steps_per_epoch,
    training_batches,
)
from sfp_keras.errors import InputError
from sfp_keras.experiment import Experiment
from sfp_keras.probing import (
    HeadSettings,
    Stage,
    cache_features,
    cut_stages,
    list_stages,
    measure_fields,
    train_heads,
)
from sfp_keras.reports import next_steps, paper_layers, print_layers
from sfp_keras.run_directory import RunDirectory
from sfp_keras.training import ParameterGroup, Progress, StepDecay, parse_group
from sfp_keras.workflows import results
from sfp_keras.workflows.events import heads_monitor, write_final
from sfp_keras.workflows.memory import check_memory
from sfp_keras.workflows.setup import (
    about_flag,
    augmentation_of,
    build_network,
    check_input,
    fingerprint,
    load_network_and_data,
    network_accuracy,
    scaling_of,
)
from sfp_keras.workflows.stage_list import choose_stages, parse_pool
from sfp_keras.workflows.train import (
    check_training,
    description,
    save_model,
    train_network,
    write_labels,
)


def probe(experiment: Experiment) -> None:
    """`--mode=probe`: phases 1 to 3 of the papers, each only where it is not finished."""
    console = Console()
    network, dataset = load_network_and_data(experiment)
    scaling = scaling_of(experiment, dataset)
    check_settings(experiment, network, dataset)
    with RunDirectory(experiment).opened(fingerprint(dataset)) as run:
        run.discard()
        write_labels(run, dataset)

        # Phase 1: the trained network.
        if network is None:
            network = train_network(run, dataset, scaling)
        else:
            keep_network(run, network)
        report_network(run, network, dataset, scaling, console)
        stages = choose_stages(experiment, network)

        # Phase 2: a head on every frozen stage.
        train_missing_heads(run, network, stages, dataset, scaling)

        # Phase 3: every filter alone.
        for split in experiment.split:
            measure_missing_fields(run, network, stages, dataset, scaling, split)
        with run.timed("analysis"):
            layers = results.analyse(run, stages, dataset, depths(network))
            write_final(run, dataset)

        paper = paper_layers(experiment.model, experiment.dataset, dataset.num_labels)
        print_layers(layers, paper, console)
        next_steps(run.path, experiment.threshold, console)


def check_settings(
    experiment: Experiment, network: keras.Model | None, dataset: ImageDataset
) -> None:
    """Tell whatever is wrong before the first work, and before anything is written."""
    if dataset.num_labels < 2:
        raise InputError("--labels=1: signal and noise need at least two labels")
    for split in experiment.split:
        if not len(_images(dataset, split)):
            raise InputError(f"--split={split}: the data has no {split} images")
    if network is None:
        network = build_network(experiment, dataset, "float32")
        check_training(experiment, network)
    check_input(network, dataset, experiment)
    stages = choose_stages(experiment, network)
    head_settings(experiment, stages, stages)
    cut_at(network, stages, parse_pool(experiment, stages))


def depths(network: keras.Model) -> dict[str, int]:
    """The place of every layer in the network, by its path."""
    return {stage.path: place for place, stage in enumerate(list_stages(network))}


def cut_at(network: keras.Model, stages: list[Stage], pools: dict[str, str]) -> keras.Model:
    """Cut the network at some stages, pooled as --pool says of all of them."""
    names = {stage.name for stage in stages}
    return cut_stages(network, stages, {k: v for k, v in pools.items() if k in names})


def keep_network(run: RunDirectory, network: keras.Model) -> None:
    """Keep a copy of a network that came trained; the original is never changed."""
    run.begin("train")
    if run.model.exists():
        return
    try:
        save_model(run, network)
    except (TypeError, ValueError, NotImplementedError) as error:
        Console().print(f"model.keras is left out: {str(error).splitlines()[0]}")


def report_network(
    run: RunDirectory,
    network: keras.Model,
    dataset: ImageDataset,
    scaling: Scaling,
    console: Console,
) -> None:
    """Print the network's own accuracy first: it exposes wrong scaling or label order."""
    experiment = run.experiment
    saved = run.read().get("results", {})
    num_labels = dataset.num_labels
    if "network_accuracy" in saved:
        accuracy = saved["network_accuracy"]
    else:
        accuracy = network_accuracy(
            network, dataset.test, num_labels, scaling, experiment.inference_batch_size
        )
        run.record(network_accuracy=accuracy)
    images = f"{len(dataset.train):,} training and {len(dataset.test):,} test images"
    console.print(f"{dataset.name}: {images}, {num_labels} labels", highlight=False)
    if accuracy is None:
        outputs = network.output_shape[-1]
        console.print(
            f"network: its {outputs} outputs are not the {num_labels} labels, so it has no "
            "accuracy of its own here",
            highlight=False,
        )
        return
    note = ""
    if experiment.own_model and accuracy < 2 / num_labels:
        note = "  (near chance: check --scaling and --class_names)"
    console.print(f"network: test accuracy {accuracy:.4f}{note}", highlight=False)


def train_missing_heads(
    run: RunDirectory,
    network: keras.Model,
    stages: list[Stage],
    dataset: ImageDataset,
    scaling: Scaling,
) -> None:
    """Train the heads of the stages that have none yet, all together."""
    experiment = run.experiment
    missing = [stage for stage in stages if not run.stage(stage.name).head.exists()]
    if not missing:
        _tidy(run)
        return
    settings = head_settings(experiment, stages, missing)
    names = [stage.name for stage in missing]
    augmented = experiment.head_data == "augmented"
    cut = cut_at(network, missing, parse_pool(experiment, stages))
    batch_size = experiment.inference_batch_size
    train_count = 0 if augmented else len(dataset.train)
    check_memory(experiment, cut, names, train_count + len(dataset.test), dataset.num_labels)
    with run.timed("heads"):
        cache = cache_features(
            cut,
            names,
            [] if augmented else _counted("features", dataset.train, batch_size, scaling),
            _counted("test features", dataset.test, batch_size, scaling),
            train_count=train_count,
            test_count=len(dataset.test),
            dtype=experiment.cache_dtype,
            budget=int(experiment.cache_gib * 2**30),
            folder=run.features,
            description=description(run, "heads"),
        )

        def fresh_images(first_epoch: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
            return training_batches(
                dataset.train,
                settings.batch_size,
                experiment.seed,
                scaling,
                augmentation_of(experiment),
                first_epoch=first_epoch,
            )

        steps = steps_per_epoch(len(dataset.train), settings.batch_size)
        checkpoint = run.checkpoint("heads", names)
        heads = train_heads(
            cache,
            dataset.num_labels,
            settings,
            seed=experiment.seed,
            checkpoint=checkpoint,
            description=description(run, "heads") + " ".join(names),
            augmented=(cut, fresh_images, steps) if augmented else None,
            progress=Progress("heads"),
            callbacks=heads_monitor(run, cache, missing, dataset, depths(network)),
        )
        for name, head in heads.items():
            results.write_head(run, name, head)
    _tidy(run)


def _tidy(run: RunDirectory) -> None:
    """Delete what only unfinished heads need, also where a kill came before this."""
    run.delete_checkpoints("heads")
    if not run.experiment.keep_cache:
        shutil.rmtree(run.features, ignore_errors=True)
        with contextlib.suppress(OSError):
            run.cache.rmdir()  # Unless it holds decoded images of a large set.


def head_settings(
    experiment: Experiment, stages: list[Stage], missing: list[Stage]
) -> HeadSettings:
    """The --head_* flags; those of --head_group for the stages still to train."""
    with about_flag("head_decay"):
        decay = StepDecay.parse(experiment.head_decay)
    base = ParameterGroup(
        "default", "", experiment.head_lr, experiment.head_momentum, experiment.head_l2, decay
    )
    groups = []
    for text in experiment.head_group:
        with about_flag("head_group"):
            group = parse_group(text, base)
        if group.name not in {stage.name for stage in stages}:
            raise InputError(
                f"--head_group={text!r}: {group.name!r} is none of the probed stages "
                f"{', '.join(stage.name for stage in stages)}"
            )
        if group.name in {stage.name for stage in missing}:
            pattern = rf"(^|/){re.escape(group.name)}/"
            groups.append(dataclasses.replace(group, pattern=pattern))
    return HeadSettings(
        experiment.head_training_epochs,
        experiment.head_schedule_epochs,
        experiment.head_batch_size,
        base.learning_rate,
        base.momentum,
        base.l2,
        base.decay,
        tuple(groups),
    )


def measure_missing_fields(
    run: RunDirectory,
    network: keras.Model,
    stages: list[Stage],
    dataset: ImageDataset,
    scaling: Scaling,
    split: str,
) -> None:
    """One pass over a split for all stages that were not measured on it yet."""
    experiment = run.experiment
    missing = [s for s in stages if not run.stage(s.name).split(split).fields.exists()]
    if not missing:
        return
    images = _images(dataset, split)
    with run.timed("analysis"):
        cut = cut_at(network, missing, parse_pool(experiment, stages))
        kernels = {stage.name: results.read_head(run, stage.name) for stage in missing}
        batches = _counted("fields", images, experiment.inference_batch_size, scaling)
        for name, measurement in measure_fields(cut, kernels, batches).items():
            results.write_fields(run, name, split, measurement)


def _images(dataset: ImageDataset, split: str) -> ImageSplit:
    return dataset.test if split == "test" else dataset.train


def _counted(
    phase: str, split: ImageSplit, batch_size: int, scaling: Scaling
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    batches = evaluation_batches(split, batch_size, scaling)
    yield from Progress(phase).over(batches, math.ceil(len(split) / batch_size))
