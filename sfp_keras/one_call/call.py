"""The whole of phases 2 and 3 in one call."""

import contextlib
import warnings
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np

from sfp_keras.backend import float32_products, without_tracing_notes
from sfp_keras.console import silent_consoles
from sfp_keras.errors import InputError, arguments_called
from sfp_keras.file_names import file_name
from sfp_keras.models import architectures, load_own_model
from sfp_keras.one_call.called_experiment import (
    ARGUMENTS,
    CalledExperiment,
    called_experiment,
    check_further,
    warn_of_idle,
)
from sfp_keras.one_call.held_folder import HeldFolder
from sfp_keras.one_call.images import (
    ScalingFunction,
    folder_of,
    images_for,
    name_of_scaling,
    scaling_for,
)
from sfp_keras.one_call.result import ByStage, ProbeResult
from sfp_keras.probing import Stage, listed
from sfp_keras.reports import terminal
from sfp_keras.runs.stage_results import read_whole_head
from sfp_keras.workflows.inputs.inputs import Inputs, check_inputs
from sfp_keras.workflows.inputs.network import check_finite, check_names
from sfp_keras.workflows.inputs.own_scaling import scaling_note
from sfp_keras.workflows.phases.accuracy import near_chance, own_accuracy
from sfp_keras.workflows.phases.events import write_final
from sfp_keras.workflows.phases.filters import measure_filters
from sfp_keras.workflows.phases.further_heads import write_further_statistics
from sfp_keras.workflows.phases.heads import train_heads
from sfp_keras.workflows.phases.intervals import write_intervals
from sfp_keras.workflows.phases.kept_network import keep_network, weights_digest
from sfp_keras.workflows.phases.network import note_costs
from sfp_keras.workflows.phases.network_tables import check_network_tables, measure_network
from sfp_keras.workflows.phases.single_heads import measure_single_heads
from sfp_keras.workflows.phases.statistics import write_statistics
from sfp_keras.workflows.session import ProbeSession


def probe(
    model: keras.Model | str | Path,
    train: Any,
    test: Any = None,
    stages: str | Stage | Sequence[str | Stage] | None = None,
    *,
    pool: str | Mapping[str, str] | None = None,
    class_names: Sequence[str] | str | Path | None = None,
    scaling: str | ScalingFunction | None = None,
    epochs: int | None = None,
    lr: float | None = None,
    batch_size: int | None = None,
    threshold: float | None = None,
    split: str | Sequence[str] | None = None,
    seed: int | None = None,
    run_dir: str | Path | None = None,
    quiet: bool = False,
    **settings: Any,
) -> ProbeResult:
    """Probe a trained model: train a head on each stage, and find the clusters of every filter.

    Phases 2 and 3 of the papers, as `sfp-keras --mode=probe` does them, with its defaults and to
    the same numbers. The model is not changed.

    Example:

    ```python
    result = sfp_keras.probe(model, (x_train, y_train), (x_test, y_test), stages=["pool1", "pool2"])
    result.table                    # a row a stage
    result.clusters["pool2"].members(7)
    result.show(7)                  # filter 7 of the last stage
    result.save("runs/mine")        # for reports and TensorBoard
    ```

    Args:
        model: a functional or sequential `keras.Model` with one input of images, which is trained;
            or the path of a `.keras` file.
        train: the images that heads are trained on, with their labels: a pair of arrays `(x, y)`;
            batches of such pairs (a `tf.data.Dataset`, a `keras.utils.PyDataset`, a list); or the
            path of a folder with a folder of images for each class, or with `train/` and `test/`
            of these. Labels are whole numbers from 0, or one-hot.
        test: the images that fields and accuracies are measured on, in the same form. May be left
            out where `train` is a folder.
        stages: names of the layers to probe, see `list_stages`; nested ones as `backbone/conv5`.
            Default: the last before each spatial reduction.
        pool: pooling of stages before their heads, as `cut_stages` takes it. Default: none.
        class_names: K names in the order of the model's outputs, or a text file with one a line.
            Classes that have these names already, as those of folders and of
            `image_dataset_from_directory`, are put into this order; labels of arrays must be in
            it. Default: the folders' names in order, or the labels' numbers.
        scaling: what the model needs beside what its layers do: of folders and uint8 images
            `"0..1"`, `"-1..1"`, or means and deviations; of any images, such as the float32 ones
            of `image_dataset_from_directory`, a function of images (n, H, W, C), such as
            `keras.applications.resnet50.preprocess_input` or `lambda x: x / 255`. Default: images
            are given to the model as they are.
        epochs: `int`. Epochs of the heads. Default 100.
        lr: `float`. Learning rate of the heads at their first epoch. Default 0.005.
        batch_size: `int`. Images a step of the heads. Default 100.
        threshold: `float` in [0, 1). Normalised fields above it count as one. Default 0.3.
        split: `"test"`, `"train"` or both: the images that fields are measured on. Default
            `"test"`.
        seed: `int`. Of the heads' first weights and the order of images. Default 0.
        run_dir: `str` or `Path`. A folder for the results, which a call with the same arguments
            goes on with: what is finished in it is not done again. Batches must then come in the
            same order, not shuffled anew. Default: results are held until `save`.
        quiet: `bool`. Whether to print nothing. Default False.
        settings: other settings of the command by the names of their flags, such as
            `head_momentum=0.9`, `head_l2=1e-5`, `cache_gib=8`, `decisions=True`, `monitor=False`,
            or, of folders, `image_size=(96, 96)`, `test_fraction=0.1`.

    Returns:
        `ProbeResult`.

    Raises:
        InputError: if an argument is wrong; the message names it, and the mend.
    """
    # Before settings are called as arguments: a name that is wrong is shown as it was given.
    check_further(settings)
    given = {
        **{"stages": _names(stages), "pool": pool, "scaling": name_of_scaling(scaling)},
        **{"epochs": epochs, "lr": lr, "batch_size": batch_size},
        **{"threshold": threshold, "split": split, "seed": seed},
        "run_dir": run_dir,
    }
    called = {setting: argument for argument, setting in ARGUMENTS.items()}
    with (
        arguments_called(data_dir="train", **called),
        silent_consoles(quiet),
        float32_products(),
        without_tracing_notes(),
    ):
        network = _loaded(model)
        name = network.name if isinstance(model, keras.Model) else str(model)
        experiment = called_experiment(name, folder_of(train, test), given, settings)
        warn_of_idle(experiment, settings)
        check_finite(network, "model", name)
        check_names(network)
        dataset = images_for(network, train, test, class_names, experiment)
        if None in network.input_shape[1:3]:
            network = load_own_model(network, dataset.image_shape[:2])
        scaled = scaling_for(scaling, experiment, dataset)
        # Arrays are as the network takes them, unless a scaling says otherwise.
        asked = scaling is not None or folder_of(train, test) is None
        note = scaling_note(network, scaled, dataset, "`scaling`", asked=asked)
        if note is not None:
            warnings.warn(note, stacklevel=2)
        with _folder(experiment, network.name) as (experiment, folder):
            inputs = Inputs(experiment, dataset, scaled, network)
            check_inputs(inputs)
            check_network_tables(inputs)
            return _probed(inputs, experiment, folder)


def _loaded(model: keras.Model | str | Path) -> keras.Model:
    if model in architectures():
        raise InputError(
            f"`model`={model} names a network without weights: build it by "
            f"build_network({model!r}, num_labels), train it, and give the model"
        )
    return load_own_model(str(model) if isinstance(model, Path) else model)


def _names(stages: str | Stage | Sequence[str | Stage] | None) -> list[str] | None:
    if stages is None:
        return None
    given = listed(stages)
    if not given:
        raise InputError("`stages` names none; leave it out for the usual ones")
    return [stage.path if isinstance(stage, Stage) else stage for stage in given]


@contextlib.contextmanager
def _folder(
    experiment: CalledExperiment, name: str
) -> Iterator[tuple[CalledExperiment, HeldFolder | None]]:
    """Where the results go: `run_dir`, or a folder that lasts as long as they are used."""
    if experiment.run.run_dir is not None:
        yield experiment, None
        return
    folder = HeldFolder()
    # TensorBoard shows the folder's name.
    path = folder.path / file_name(name)
    yield experiment.changed(run_dir=str(path)), folder


def _probed(
    inputs: Inputs,
    experiment: CalledExperiment,
    folder: HeldFolder | None,
) -> ProbeResult:
    with ProbeSession.open(inputs) as session:
        _use_network(session, kept=folder is None)
        _check_scaling(session)
        accuracy = _report_accuracy(session)
        measure_network(session)
        train_heads(session)
        measure_filters(session)
        measure_single_heads(session)
        table = write_statistics(session)
        intervals = write_intervals(session)
        further_heads = write_further_statistics(session)
        write_final(session)
        names = [stage.name for stage in session.stages]
        splits = list(session.splits)
        return ProbeResult(
            model=inputs.network,
            table=table,
            heads=ByStage({name: read_whole_head(session.run, name) for name in names}),
            accuracy=accuracy,
            class_names=inputs.dataset.class_names,
            threshold=experiment.analysis.threshold,
            split=splits[0],
            intervals=intervals,
            further_heads=further_heads,
            measured={
                split: ByStage({name: session.measurement(name, split) for name in names})
                for split in splits
            },
            _experiment=experiment,
            _folder=folder,
            _kinds=session.kinds,
        )


def _use_network(session: ProbeSession, kept: bool) -> None:
    """Note which network the results are of; its file is written where they are kept."""
    run, digest = session.run, weights_digest(session.network)
    if run.record.results.get("weights", digest) != digest:
        raise InputError(
            f"`run_dir`={run.path} holds results of this model with other weights; choose another"
        )
    if kept:
        keep_network(run, session.network)
    else:
        run.begin("train")
        run.record.add_results(weights=digest)
    note_costs(run, session.network)


def _check_scaling(session: ProbeSession) -> None:
    """Refuse results of images that were scaled otherwise: a function's name does not say how.

    Numbers of a few images as the network gets them are kept, which differ but for rounding.
    """
    run, few = session.run, session.dataset.train.read(range(min(8, len(session.dataset.train))))
    scaled = np.asarray(session.scaling(few), np.float64)
    if not np.isfinite(scaled).all():
        raise InputError("`scaling` makes numbers of the training images that are not finite")
    found = [*scaled.mean(axis=(1, 2, 3)), *scaled.mean(axis=(0, 1, 2)), scaled.std()]
    before = run.record.results.get("scaled", found)
    if len(before) != len(found) or not np.allclose(before, found, 1e-3, 1e-3 * found[-1]):
        raise InputError(
            f"`run_dir`={run.path} holds results of images that `scaling` made otherwise; choose "
            "another"
        )
    run.record.add_results(scaled=[float(f"{number:.6g}") for number in found])


def _report_accuracy(session: ProbeSession) -> float | None:
    """Print the network's own accuracy, and warn where it is that of guessing."""
    accuracy, found = own_accuracy(session)
    dataset, name = session.dataset, session.network.name
    about = (
        f"{name}: {len(dataset.train):,} training and {len(dataset.test):,} test images, "
        f"{dataset.num_labels} labels; "
    )
    if isinstance(found, str) or accuracy is None:
        terminal().print(f"{about}its {found}, so it has no accuracy of its own here")
        return None
    terminal().print(f"{about}its own test accuracy{found.of_which} is {accuracy:.4f}")
    if near_chance(accuracy, dataset.num_labels):
        warnings.warn(
            f"the accuracy of model {name!r} on the test images is {accuracy:.4f}, near chance: "
            "check that images are scaled as in its training (`scaling`), and that labels are in "
            "the order of its outputs (`class_names`)",
            stacklevel=4,
        )
    return accuracy
