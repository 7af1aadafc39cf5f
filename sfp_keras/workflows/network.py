"""The one network of a run directory: kept, loaded again, and its own accuracy."""

import hashlib
from pathlib import Path

import keras
import numpy as np

from sfp_keras.backend import without_notes
from sfp_keras.data import ImageDataset, ImageSplit, Scaling, evaluation_batches
from sfp_keras.distribution import current_devices
from sfp_keras.errors import InputError, first_line
from sfp_keras.files import write_whole
from sfp_keras.reports import terminal
from sfp_keras.workflows.experiment_run import ExperimentRun


def keep_network(run: ExperimentRun, network: keras.Model) -> keras.Model:
    """Keep a copy of a network that came trained, or take the one that is kept.

    A function may make other weights at every call: all results of a run directory are of the
    first network it was used with.

    Args:
        run: `ExperimentRun`.
        network: `keras.Model` of --model or --weights; it is never changed.

    Returns:
        The network of the run directory.

    Raises:
        InputError: if the run directory has results of another network, of which no usable copy
            is kept.
    """
    digest, before = weights_digest(network), run.record.read()["results"].get("weights")
    same = before in (None, digest)
    if run.trained:
        try:
            kept = load_trained(run)
        except InputError:
            # Damaged, or of classes that Keras does not find: what --model makes may be equal.
            if before is None:
                raise
        else:
            run.record.add_results(weights=weights_digest(kept))
            if before == digest:
                # Layers without a name of their own are numbered anew in what is loaded.
                return network
            if not same:
                terminal().print(
                    f"network: {run.model}, for --model={run.experiment.network.model} makes "
                    "other weights now"
                )
            return kept
    if not same:
        raise InputError(
            f"{run.path} holds results of other weights than "
            f"--model={run.experiment.network.model} makes now; let it load its weights, "
            "and choose another --run_dir or redo all with "
            "--overwrite=train"
        )
    run.begin("train")
    try:
        save_model(run.model, network)
    except (TypeError, ValueError, NotImplementedError) as error:
        terminal().print(f"model.keras is left out: {first_line(error)}")
    run.record.add_results(weights=digest)
    return network


def weights_digest(network: keras.Model) -> str:
    """SHA-256 of all weights, in the order of the layers."""
    digest = hashlib.sha256()
    for weight in network.weights:
        array = np.ascontiguousarray(keras.ops.convert_to_numpy(weight))
        digest.update(f"{array.dtype}{array.shape}".encode())
        digest.update(array.tobytes())
    return digest.hexdigest()


def save_model(path: Path, network: keras.Model) -> None:
    """Write a `.keras` file, whole or not at all."""
    with write_whole(path) as file:
        # Keras insists on the file's ending, so it writes beside and the bytes are moved over.
        beside = path.with_name(".saving.keras")
        try:
            with without_notes():
                network.save(beside)
            file.write(beside.read_bytes())
        finally:
            beside.unlink(missing_ok=True)


def load_trained(run: ExperimentRun) -> keras.Model:
    """Read model.keras."""
    try:
        with without_notes():
            return keras.saving.load_model(run.model, compile=False)
    except Exception as error:  # A damaged archive raises almost anything.
        raise InputError(
            f"{run.model} is damaged ({first_line(error)}); delete it and run again"
        ) from None


def report_network(
    run: ExperimentRun, network: keras.Model, dataset: ImageDataset, scaling: Scaling
) -> None:
    """Print the network's own accuracy first: it exposes wrong scaling or label order."""
    experiment, num_labels = run.experiment, dataset.num_labels
    saved = run.record.read().get("results", {})
    if "network_accuracy" in saved:
        accuracy = saved["network_accuracy"]
    else:
        accuracy = network_accuracy(
            network, dataset.test, num_labels, scaling, experiment.heads.inference_batch_size
        )
        run.record.add_results(network_accuracy=accuracy)
    console = terminal()
    images = f"{len(dataset.train):,} training and {len(dataset.test):,} test images"
    console.print(f"{dataset.name}: {images}, {num_labels} labels")
    if accuracy is None:
        outputs = network.output_shape[-1]
        console.print(
            f"network: its {outputs} outputs are not the {num_labels} labels, so it has no "
            "accuracy of its own here"
        )
        return
    note = ""
    if not experiment.trains and near_chance(accuracy, num_labels):
        suspects = ["scaling", *experiment.architecture.files.unsaid]
        note = f"  (near chance: check {' and '.join(f'--{name}' for name in suspects)})"
    console.print(f"network: test accuracy {accuracy:.4f}{note}")


def near_chance(accuracy: float, num_labels: int) -> bool:
    """Whether guessing among K labels might have given an accuracy."""
    return accuracy < min(1.5 / num_labels, 0.6)


def network_accuracy(
    network: keras.Model, split: ImageSplit, num_labels: int, scaling: Scaling, batch_size: int
) -> float | None:
    """The network's own accuracy, or `None` where its outputs are not the data's labels."""
    if tuple(network.output_shape[1:]) != (num_labels,):
        return None
    right = 0
    for images, labels in evaluation_batches(split, batch_size, scaling):
        (scores,) = current_devices().predict(network, images)
        right += int((scores.argmax(-1) == labels).sum())
    return right / len(split)
