"""Phase 1: train the network."""

import hashlib
import json

import keras
import pandas as pd

from sfp_keras.checkpoints import TrainingCheckpoint
from sfp_keras.data import ImageDataset, Scaling
from sfp_keras.errors import InputError
from sfp_keras.experiment import Experiment
from sfp_keras.files import write_text
from sfp_keras.models import load_initial_weights
from sfp_keras.reports import terminal
from sfp_keras.training import (
    Progress,
    check_groups,
    compile_classifier,
    fit_with_resume,
    with_exact_loss,
)
from sfp_keras.workflows.devices import opened
from sfp_keras.workflows.events import train_monitor
from sfp_keras.workflows.experiment_run import ExperimentRun
from sfp_keras.workflows.network import load_trained, save_model
from sfp_keras.workflows.paper_network import build_network
from sfp_keras.workflows.setup import (
    about_flag,
    augmentation_of,
    check_finite,
    fingerprint,
    load_network_and_data,
    scaling_of,
)
from sfp_keras.workflows.training_images import training_images


def train(experiment: Experiment) -> None:
    """`--mode=train`: phase 1 alone."""
    if not experiment.trains:
        raise InputError(
            f"--mode=train: --model={experiment.network.model}"
            + (f" with --weights={given}" if (given := experiment.network.weights) else "")
            + " is trained already: use --mode=probe, or --train with a function that makes the "
            "network"
        )
    _, dataset = load_network_and_data(experiment)
    scaling = scaling_of(experiment, dataset)
    check_training(experiment, build_network(experiment, dataset, "float32"), dataset)
    with opened(experiment, fingerprint(dataset)) as run:
        run.discard()
        write_labels(run, dataset)
        train_network(run, dataset, scaling)
        console = terminal()
        console.print(f"trained network: {run.model}")
        console.print(f"next: {experiment.command().replace('--mode=train', '--mode=probe')}")


def check_training(experiment: Experiment, network: keras.Model, dataset: ImageDataset) -> None:
    """Refuse what cannot be trained before anything is written."""
    augmentation_of(experiment, dataset)
    if experiment.network.initial_weights is not None:
        with about_flag("initial_weights"):
            load_initial_weights(network, experiment.network.initial_weights)
        check_finite(network, "initial_weights", experiment.network.initial_weights)
    check_groups(experiment.training, network.trainable_variables)


def train_network(run: ExperimentRun, dataset: ImageDataset, scaling: Scaling) -> keras.Model:
    """Train, or go on, or load what is trained; returns the network in float32."""
    experiment = run.experiment
    if run.trained:
        run.delete_checkpoints("train")  # Where a kill came between the two.
        return load_trained(run)
    with run.timed("train"):
        settings = experiment.training
        network = build_network(experiment, dataset, settings.precision)
        start_from_weights(experiment, network)
        model, images = training_images(experiment, network, dataset, scaling)
        compile_classifier(model, settings)
        checkpoint = TrainingCheckpoint(run.checkpoint("train"), description(run, "train"))
        history = fit_with_resume(
            model,
            images,
            settings,
            checkpoint,
            progress=Progress("training"),
            on_epoch=lambda rows: _write_history(run, rows),
            callbacks=train_monitor(run, network, dataset, scaling),
        )
        _write_history(run, history)
        # Saved in float32 whatever it was trained in: probing is exact by default.
        trained = build_network(experiment, dataset, "float32")
        trained.set_weights(network.get_weights())
        save_model(run.model, trained)
        run.delete_checkpoints("train")
    return trained


def start_from_weights(experiment: Experiment, network: keras.Model) -> None:
    """Set --initial_weights, and say which layers have none."""
    if experiment.network.initial_weights is None:
        return
    fresh = load_initial_weights(network, experiment.network.initial_weights)
    terminal().print(
        f"starting from {experiment.network.initial_weights}; random weights: {', '.join(fresh)}"
    )


def description(run: ExperimentRun, phase: str, more: object = None) -> str:
    """A fingerprint of the settings of a phase and all before it, and of `more`, JSON types."""
    settings: dict[str, object] = {"train": run.plan.phase("train")}
    if phase != "train":
        settings |= {"heads": run.plan.phase("heads"), "more": more}
    return hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()


def write_labels(run: ExperimentRun, dataset: ImageDataset) -> None:
    """labels.csv: label, name, original_label."""
    table = pd.DataFrame(
        {
            "label": range(dataset.num_labels),
            "name": dataset.class_names,
            "original_label": dataset.original_labels,
        }
    )
    write_text(run.labels, table.to_csv(index=False))


def _write_history(run: ExperimentRun, history: list[dict[str, float]]) -> None:
    columns = {
        "epoch": "epoch",
        "lr": "lr",
        "loss": "loss",
        "accuracy": "accuracy",
        "val_accuracy": "test_accuracy",
    }
    table = pd.DataFrame(with_exact_loss(history))[list(columns)].rename(columns=columns)
    write_text(run.training, table.astype({"epoch": int}).to_csv(index=False))
