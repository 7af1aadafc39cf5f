"""The whole procedure: train, train the heads, measure every filter, read the table."""

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import keras
import numpy as np

from sfp_keras.checkpoints import PassCheckpoint
from sfp_keras.data import (
    ImageDataset,
    ImageSplit,
    Scaling,
    evaluation_batches,
    steps_per_epoch,
)
from sfp_keras.errors import InputError, arguments_called
from sfp_keras.experiment import Experiment
from sfp_keras.files import file_digest
from sfp_keras.probing import (
    Accumulator,
    DecisionsAccumulator,
    FieldsAccumulator,
    Stage,
    cache_features,
    cut_stages,
    list_stages,
    measure_stages,
    spread_filters,
    train_heads,
)
from sfp_keras.reports import next_steps, print_layers, terminal
from sfp_keras.runs import stage_results
from sfp_keras.training import Progress
from sfp_keras.workflows import results
from sfp_keras.workflows.devices import opened
from sfp_keras.workflows.events import heads_monitor, write_final
from sfp_keras.workflows.experiment_run import ExperimentRun
from sfp_keras.workflows.fresh_images import fresh_images
from sfp_keras.workflows.memory import check_memory
from sfp_keras.workflows.network import keep_network, report_network
from sfp_keras.workflows.paper_network import build_network
from sfp_keras.workflows.paper_numbers import paper_numbers
from sfp_keras.workflows.setup import (
    augmentation_of,
    check_input,
    fingerprint,
    load_network_and_data,
    scaling_of,
    training_called,
)
from sfp_keras.workflows.stage_list import choose_stages, stages_spoken_of
from sfp_keras.workflows.stage_settings import (
    StageSettings,
    head_settings,
    pools_of,
    stage_settings,
)
from sfp_keras.workflows.train import check_training, description, train_network, write_labels

Prepared = tuple[ExperimentRun, keras.Model, ImageDataset, Scaling]


def probe(experiment: Experiment) -> None:
    """`--mode=probe`: phases 1 to 3 of the papers, each only where it is not finished."""
    with prepared(experiment) as (run, network, dataset, scaling):
        stages = choose_stages(experiment, network)
        measure(run, network, stages, dataset, scaling, experiment.analysis.split)
        with run.timed("analysis"):
            layers = results.analyse(run, stages, dataset, depths(network))
            write_final(run, dataset)

        console = terminal()
        print_layers(layers, paper_numbers(experiment, dataset.num_labels), console)
        next_steps(run.path, experiment.analysis.threshold, console, experiment.analysis.split[0])


@contextlib.contextmanager
def prepared(
    experiment: Experiment, check: Callable[[keras.Model], object] | None = None
) -> Iterator[Prepared]:
    """The run directory with its trained network (phase 1) and the images.

    Args:
        experiment: `Experiment`.
        check: called with a network of the same layers before anything is written or deleted.
    """
    network, dataset = load_network_and_data(experiment)
    scaling = scaling_of(experiment, dataset)
    check_settings(experiment, network, dataset, check)
    with opened(experiment, fingerprint(dataset)) as run:
        run.discard()
        write_labels(run, dataset)
        if network is None:
            network = train_network(run, dataset, scaling)
        else:
            network = keep_network(run, network)
        report_network(run, network, dataset, scaling)
        yield run, network, dataset, scaling


def measure(
    run: ExperimentRun,
    network: keras.Model,
    stages: list[Stage],
    dataset: ImageDataset,
    scaling: Scaling,
    splits: Sequence[str],
) -> StageSettings:
    """Phases 2 and 3 of these stages, on these splits; returns the stages' settings."""
    of_all = stage_settings(run, stages_spoken_of(run.experiment, network))
    of_stages = {stage.name: of_all[stage.name] for stage in stages}
    # Phase 2: a head on every frozen stage.
    train_missing_heads(run, network, stages, of_stages, dataset, scaling)
    # Phase 3: every filter alone.
    for split in splits:
        measure_missing(run, network, stages, of_stages, dataset, scaling, split)
        if run.experiment.analysis.decisions:
            print_decisions(run, stages, split)
    return of_stages


def check_settings(
    experiment: Experiment,
    network: keras.Model | None,
    dataset: ImageDataset,
    check: Callable[[keras.Model], object] | None = None,
) -> None:
    """Tell whatever is wrong before the first work, and before anything is written."""
    if dataset.num_labels < 2:
        only = f"--data_dir={experiment.data.data_dir} has the one class {dataset.class_names[0]!r}"
        raise InputError(
            f"{'--labels=1' if experiment.data.labels else only}: signal and noise need at least "
            "two labels"
        )
    for split in experiment.analysis.split:
        if not len(_images(dataset, split)):
            raise InputError(f"--split={split}: the data has no {split} images")
    if network is None:
        network = build_network(experiment, dataset, "float32")
        check_training(experiment, network, dataset)
    if experiment.heads.data == "augmented":
        augmentation_of(experiment, dataset)
    check_input(network, dataset, experiment)
    stages = stages_spoken_of(experiment, network)
    of_stages = stage_settings(ExperimentRun(experiment), stages)
    head_settings(experiment, of_stages)
    cut_at(network, stages, of_stages)
    if check is not None:
        check(network)


def depths(network: keras.Model) -> dict[str, int]:
    """The place of every layer in the network, by its path."""
    return {stage.path: place for place, stage in enumerate(list_stages(network))}


def cut_at(network: keras.Model, stages: list[Stage], of_stages: StageSettings) -> keras.Model:
    """Cut the network at some stages, each pooled as its settings say."""
    return cut_stages(network, stages, pools_of({s.name: of_stages[s.name] for s in stages}))


@arguments_called(budget="cache_gib")
def train_missing_heads(
    run: ExperimentRun,
    network: keras.Model,
    stages: list[Stage],
    of_stages: StageSettings,
    dataset: ImageDataset,
    scaling: Scaling,
) -> None:
    """Train the heads of the stages that have none yet, all together."""
    experiment = run.experiment
    missing = [stage for stage in stages if not run.stage(stage.name).head.exists()]
    if not missing:
        _tidy(run, [stage.name for stage in stages])
        return
    names = [stage.name for stage in missing]
    of_missing = {name: of_stages[name] for name in names}
    settings = head_settings(experiment, of_missing)
    augmented = experiment.heads.data == "augmented"
    cut = cut_at(network, missing, of_missing)
    batch_size = experiment.heads.inference_batch_size
    train_count = 0 if augmented else len(dataset.train)
    check_memory(experiment, cut, names, train_count + len(dataset.test), dataset.num_labels)
    with run.timed("heads"):
        run.record.add_heads(of_missing)
        described = description(run, "heads", of_missing)
        cache = cache_features(
            cut,
            names,
            [] if augmented else counted("features", dataset.train, batch_size, scaling),
            counted("test features", dataset.test, batch_size, scaling),
            train_count=train_count,
            test_count=len(dataset.test),
            dtype=experiment.heads.cache_dtype,
            budget=int(experiment.heads.cache_gib * 2**30),
            folder=run.features("heads"),
            description=described,
        )

        fresh = None
        if augmented:
            steps = steps_per_epoch(len(dataset.train), settings.batch_size)
            fresh = (*fresh_images(experiment, dataset, scaling, network, cut), steps)
        checkpoint = run.checkpoint("heads", names)
        with training_called("head_"):
            heads = train_heads(
                cache,
                dataset.num_labels,
                settings,
                seed=experiment.run.seed,
                checkpoint=checkpoint,
                description=described,
                augmented=fresh,
                progress=Progress("heads", outputs=names),
                callbacks=heads_monitor(run, cache, missing, dataset, depths(network)),
            )
        for name, head in heads.items():
            stage_results.write_head(run, name, head)
    _tidy(run, names)


def _tidy(run: ExperimentRun, names: list[str]) -> None:
    """Delete what only unfinished heads need, also where a kill came before this."""
    if run.unfinished_heads():
        # Other stages, trained together, stopped on the way: they go on from there.
        run.checkpoint("heads", names).unlink(missing_ok=True)
    else:
        run.delete_checkpoints("heads")
    if not run.experiment.heads.keep_cache:
        run.delete_features("heads")


def measure_missing(
    run: ExperimentRun,
    network: keras.Model,
    stages: list[Stage],
    of_stages: StageSettings,
    dataset: ImageDataset,
    scaling: Scaling,
    split: str,
) -> None:
    """One pass over a split for all that was not measured on it yet, at all stages."""
    experiment, phase = run.experiment, f"fields-{split}"
    wanted = {stage.name: _unmeasured(run, stage, split) for stage in stages}
    missing = [stage for stage in stages if wanted[stage.name]]
    if not missing:
        run.delete_checkpoints(phase)
        return
    accumulators = {stage.name: wanted[stage.name] for stage in missing}
    with run.timed("analysis"):
        cut = cut_at(network, missing, of_stages)
        kernels = {stage.name: stage_results.read_head(run, stage.name) for stage in missing}
        names = list(dict.fromkeys(name for kinds in accumulators.values() for name in kinds))
        images, size = _images(dataset, split), experiment.heads.inference_batch_size
        batches = counted(" and ".join(names), images, size, scaling)
        heads = {name: file_digest(run.stage(name).head) for name in kernels}
        settings = {name: of_stages[name] for name in kernels}
        of_pass = [split, heads, settings, {name: list(of) for name, of in accumulators.items()}]
        checkpoint = PassCheckpoint(
            run.checkpoint(phase, list(kernels)), description(run, "fields", of_pass)
        )
        for name, found in measure_stages(cut, kernels, batches, accumulators, checkpoint).items():
            _write_measured(run, name, split, found)
    run.delete_checkpoints(phase)


def _unmeasured(run: ExperimentRun, stage: Stage, split: str) -> dict[str, type[Accumulator]]:
    """What is asked for at a stage and has no results yet."""
    files = run.stage(stage.name).split(split)
    wanted: dict[str, type[Accumulator]] = {}
    if not files.fields.exists():
        wanted["fields"] = FieldsAccumulator
    if run.experiment.analysis.decisions and not files.decisions.exists():
        wanted["decisions"] = DecisionsAccumulator
    return wanted


def _write_measured(run: ExperimentRun, stage: str, split: str, found: Mapping[str, Any]) -> None:
    """Write the results of a pass at a stage."""
    if "fields" in found:
        stage_results.write_fields(run, stage, split, found["fields"])
    if "decisions" in found:
        measured = found.get("fields") or stage_results.read_measurement(run, stage, split)
        decisions = found["decisions"].count(spread_filters(measured.fields))
        stage_results.write_decisions(run, stage, split, decisions)


def print_decisions(run: ExperimentRun, stages: list[Stage], split: str) -> None:
    """A line a stage: how single filters decide, on average."""
    console = terminal()
    for stage in stages:
        decisions = stage_results.read_decisions(run, stage.name, split)
        active = decisions.by_input.sum(1) > 0
        if not active.any():
            console.print(f"decisions of {stage.name}: no filter responds to the {split} images")
            continue
        accuracy = decisions.accuracy_of_active[active]
        console.print(
            f"decisions of {stage.name} on {decisions.inputs:,} {split} images: a filter alone is "
            f"right in {accuracy.mean():.3f} of those it responds to (best {accuracy.max():.3f}, "
            f"chance {1 / len(decisions.label_counts):.3f}) and gives its favourite label to "
            f"{decisions.share_of_favourite[active].mean():.3f} of them"
        )


def _images(dataset: ImageDataset, split: str) -> ImageSplit:
    return dataset.test if split == "test" else dataset.train


def counted(
    phase: str, split: ImageSplit, batch_size: int, scaling: Scaling
) -> Callable[[int], Iterator[tuple[np.ndarray, np.ndarray]]]:
    """A function of the first image giving one pass from there on, reported as it goes."""

    def batches(first: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        return Progress(phase).over(
            evaluation_batches(split, batch_size, scaling, first),
            len(split),
            begin=first,
            size=lambda batch: len(batch[1]),
            unit="images",
        )

    return batches
