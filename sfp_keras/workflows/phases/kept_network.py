"""The one network of a run directory: kept, and loaded again."""

import contextlib
import hashlib
from collections.abc import Iterator
from pathlib import Path

import keras
import numpy as np

from sfp_keras.backend import without_notes
from sfp_keras.errors import InputError, first_line
from sfp_keras.files import damaged, file_digest, open_file, write_whole
from sfp_keras.reports import terminal
from sfp_keras.runs import RunFiles
from sfp_keras.workflows.experiment_run import ExperimentRun


def keep_network(run: ExperimentRun, network: keras.Model) -> keras.Model:
    """Keep a copy of a network that came trained, or take the one that is kept.

    A function may make other weights at every call: all results of a run directory are of the
    first network it was used with.

    Args:
        run: `ExperimentRun`.
        network: `keras.Model` that came trained; it is never changed.

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
            kept = load_kept(run)
        except InputError:
            # Damaged, or of classes that Keras does not find: what `model` makes may be equal.
            if before is None:
                raise
        else:
            if before is None:
                run.record.add_results(weights=weights_digest(kept))
            if before == digest:
                # Layers without a name of their own have other numbers in what is loaded.
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
            f"`model`={run.experiment.network.model} makes now; let it load its weights, "
            f"and choose another `run_dir` or {run.plan.redo_all}"
        )
    run.begin("train")
    try:
        save_kept(run, network, digest)
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


def save_kept(run: ExperimentRun, network: keras.Model, digest: str) -> None:
    """Write model.keras, and what it is known by.

    Args:
        run: `ExperimentRun`.
        network: `keras.Model`.
        digest: `str`. The `weights_digest` of the network.
    """
    with _archive(run.model, network) as content:
        # Before the file is in place: no kill leaves one that the record does not know.
        known_by = hashlib.sha256(content).hexdigest()
        of_others = run.record.results.get("weights", digest) != digest
        forgotten = {"network_accuracy": None} if of_others else {}
        run.record.add_results(weights=digest, model=known_by, **forgotten)


def save_model(path: Path, network: keras.Model) -> None:
    """Write a `.keras` file, whole or not at all; say so where the network cannot be saved."""
    try:
        with _archive(path, network):
            pass
    except (TypeError, ValueError, NotImplementedError) as error:
        terminal().print(f"{path} is left out: {first_line(error)}")


@contextlib.contextmanager
def _archive(path: Path, network: keras.Model) -> Iterator[bytes]:
    """The content of a `.keras` file, which is put in place at the end."""
    with write_whole(path) as file:
        # Keras insists on the file's ending, so it writes beside and the bytes are moved over.
        beside = path.with_name(".saving.keras")
        try:
            with without_notes():
                network.save(beside)
            content = beside.read_bytes()
        finally:
            beside.unlink(missing_ok=True)
        file.write(content)
        yield content


def load_kept(run: RunFiles, mend: str = "delete it and run again") -> keras.Model:
    """Read model.keras.

    Args:
        run: `RunFiles`.
        mend: `str`. What to do where it is damaged. Defaults to making it again.

    Raises:
        InputError: if it is missing or damaged, or not the file that this run wrote.
    """
    try:
        open_file(run.model).close()
        digest = file_digest(run.model)
        if run.record.results.get("model", digest) != digest:
            raise damaged(run.model, "this run wrote another file", mend)
        with without_notes():
            return keras.saving.load_model(run.model, compile=False)
    except InputError:
        raise
    except Exception as error:  # A damaged archive raises almost anything.
        raise damaged(run.model, error, mend) from None
