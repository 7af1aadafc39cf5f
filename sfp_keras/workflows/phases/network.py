"""Phase 1: the trained network."""

import keras
import pandas as pd

from sfp_keras.afcc import network_report
from sfp_keras.checkpoints import TrainingCheckpoint
from sfp_keras.csv_files import csv_text
from sfp_keras.distribution import current_devices
from sfp_keras.errors import InputError, arguments_called
from sfp_keras.files import write_text
from sfp_keras.progress import Progress
from sfp_keras.reports import terminal
from sfp_keras.training import compile_classifier, fit_with_resume, with_exact_loss
from sfp_keras.workflows.experiment_run import ExperimentRun
from sfp_keras.workflows.inputs.building import build_network
from sfp_keras.workflows.inputs.training_images import training_images
from sfp_keras.workflows.phases.events import train_monitors
from sfp_keras.workflows.phases.kept_network import (
    keep_network,
    load_kept,
    save_kept,
    weights_digest,
)
from sfp_keras.workflows.session import ProbeSession

# Columns of training.csv, by what Keras calls them.
_COLUMNS = {
    "epoch": "epoch",
    "lr": "lr",
    "loss": "loss",
    "accuracy": "accuracy",
    "val_accuracy": "test_accuracy",
}


def train_network(session: ProbeSession) -> None:
    """Train the network, go on with its training, or take the one that is trained."""
    run = session.run
    if not session.experiment.trains:
        network = keep_network(run, session.network)
    elif run.trained:
        run.delete_checkpoints("train")  # Where a kill came between the two.
        network = load_kept(run)
    else:
        with run.timed("train"):
            _train(session)
            network = session.network
            _keep_trained(run, network)
            run.delete_checkpoints("train")
    session.use_network(network)
    note_costs(run, network)


def note_costs(run: ExperimentRun, network: keras.Model) -> None:
    """Keep how many parameters the network has, and its multiply-adds where all are known.

    Args:
        run: `ExperimentRun`.
        network: `keras.Model`.
    """
    if "parameters" in run.record.results:
        return
    report = network_report(network)
    operations = None if report.uncounted else int(report.operations)
    run.record.add_results(parameters=report.parameters, operations=operations)


def _keep_trained(run: ExperimentRun, network: keras.Model) -> None:
    """Write model.keras.

    Raises:
        InputError: if model.keras was deleted, and training on this machine ends in other weights
            than those of the results that are there.
    """
    digest = weights_digest(network)
    if run.record.results.get("weights", digest) != digest:
        if run.has_results("heads"):
            raise InputError(
                f"{run.path} holds results of other weights than training gives now; measure these "
                "by `overwrite`=heads, or choose another `run_dir`"
            )
        run.delete_features("heads")  # Of a pass through the former network.
    save_kept(run, network, digest)


def _train(session: ProbeSession) -> None:
    """Train the session's network, in the precision that is asked for."""
    experiment, run, network = session.experiment, session.run, session.network
    settings = experiment.training
    if session.inputs.random_layers is not None:
        layers = ", ".join(session.inputs.random_layers)
        terminal().print(
            f"starting from {experiment.network.initial_weights}; random weights: {layers}"
        )
    # The network itself stays as it is saved, not compiled. It stays in float32 also where training
    # is in another precision, for probing is exact by default.
    if settings.precision == "float32":
        trained = keras.Model(network.inputs[0], network.outputs[0], name=network.name)
    else:
        trained = build_network(experiment, session.dataset, settings.precision)
        trained.set_weights(network.get_weights())
    _note_random_layers(trained)
    model, images = training_images(session.inputs, trained)
    compile_classifier(model, settings, names=experiment.group_names)
    with arguments_called(budget="cache_gib"):
        history = fit_with_resume(
            model,
            images,
            settings,
            TrainingCheckpoint(run.checkpoint("train"), run.plan.digest("train")),
            progress=Progress("training"),
            on_epoch=lambda rows: _write_history(session, rows),
            callbacks=train_monitors(session, trained),
        )
    _write_history(session, history)
    if settings.precision != "float32":
        network.set_weights(trained.get_weights())


def _note_random_layers(network: keras.Model) -> None:
    random = any("seed_generator" in variable.path for variable in network.variables)
    if random and current_devices().random_on_each:
        terminal().print(
            "note: every device draws rotations and dropout for itself, so this training is "
            "another than one device's, as with another --seed; --backend=jax draws the same"
        )


def _write_history(session: ProbeSession, history: list[dict[str, float]]) -> None:
    table = pd.DataFrame(with_exact_loss(history))[list(_COLUMNS)].rename(columns=_COLUMNS)
    write_text(session.run.training, csv_text(table.astype({"epoch": int})))
