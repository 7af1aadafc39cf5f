"""The network that an experiment names, with the images it takes."""

from typing import Any

import keras
import numpy as np

from sfp_keras.backend import without_notes
from sfp_keras.data import ImageDataset
from sfp_keras.errors import InputError
from sfp_keras.experiment import Experiment
from sfp_keras.models import (
    architectures,
    load_initial_weights,
    load_own_model,
    load_weights,
    own_input_shape,
)
from sfp_keras.models.scope_names import as_scope_name, is_scope_name
from sfp_keras.reports import terminal
from sfp_keras.workflows.experiment_run import ExperimentRun
from sfp_keras.workflows.inputs.arguments import about_setting
from sfp_keras.workflows.inputs.before_keras import check_network
from sfp_keras.workflows.inputs.building import build_network
from sfp_keras.workflows.inputs.images import image_size, load_images


def load_network_and_images(experiment: Experiment) -> tuple[keras.Model, ImageDataset]:
    """Load what the experiment names.

    Args:
        experiment: `Experiment`.

    Returns:
        The network in float32, with fresh weights where phase 1 trains it, and the images.

    Raises:
        InputError: naming the setting and the mend.
    """
    ExperimentRun(experiment).check_place()
    check_network(experiment)
    if experiment.network.model not in architectures():
        if experiment.trains:
            shape = own_input_shape(experiment.network.model)
            size, channels = (
                size_and_channels((None, *shape))
                if shape
                else (None, experiment.architecture.channels)
            )
            dataset = load_images(experiment, size, channels)
            network = build_network(experiment, dataset, "float32")
            check_names(network)
            return network, dataset
        with without_notes():
            network = load_own_model(experiment.network.model, image_size(experiment))
        check_finite(network, "model", experiment.network.model)
        check_names(network)
        return network, load_images(experiment, *size_and_channels(network.input_shape))
    dataset = load_images(experiment, None, experiment.architecture.channels)
    network = build_network(experiment, dataset, "float32")
    if experiment.trains:
        return network, dataset
    load_weights(network, str(experiment.network.weights))
    check_finite(network, "weights", str(experiment.network.weights))
    whole = not str(experiment.network.weights).endswith((".weights.h5", ".keras"))
    if whole and experiment.architecture.files.layers_of and experiment.changed_options:
        terminal().print(
            f"network: what {experiment.network.weights} has beyond the options given is left out "
            "and nothing is trained; `initial_weights` trains the rest"
        )
    return network, dataset


def start_weights(network: keras.Model, path: str | None) -> tuple[str, ...] | None:
    """Give a network the weights that its training starts from.

    Args:
        network: `keras.Model`.
        path: `str`. File of initial weights, or `None`.

    Returns:
        The layers that keep random weights, or `None` without a file.

    Raises:
        InputError: if the file does not fit, or holds weights that are no numbers.
    """
    if path is None:
        return None
    with about_setting("initial_weights"):
        random_layers = load_initial_weights(network, path)
    check_finite(network, "initial_weights", path)
    return tuple(random_layers)


def check_finite(network: keras.Model, name: str, source: str) -> None:
    """Refuse a network with weights that are no numbers: all it gives would be none either."""
    for weight in network.weights:
        array = keras.ops.convert_to_numpy(weight)
        if array.dtype.kind == "f" and not np.isfinite(array).all():
            raise InputError(
                f"`{name}`={source}: weight {weight.path} holds NaN or infinite values, as of a "
                "training that diverged; take an earlier checkpoint"
            )


def check_names(network: keras.Model) -> None:
    """Refuse names of layers that TensorFlow cannot run: it makes scopes of them."""
    if keras.backend.backend() != "tensorflow":
        return
    for layer in network._flatten_layers():
        if not is_scope_name(layer.name, outermost=layer is network):
            what = "model" if layer is network else "layer"
            raise InputError(
                f"TensorFlow cannot run the {what} {layer.name!r}: names may have the letters A-Z "
                f"and a-z, digits and the characters _ . - alone; rename it in Python "
                f"({what}.name = {as_scope_name(layer.name)!r}, then save), or choose "
                "`backend`=jax"
            )


def size_and_channels(shape: Any) -> tuple[tuple[int, int] | None, int]:
    """The size of the images a network of an input shape takes, `None` for any; the channels."""
    if not isinstance(shape, tuple) or len(shape) != 4:
        return None, 3
    size = None if None in shape[1:3] else (int(shape[1]), int(shape[2]))
    return size, 1 if shape[3] == 1 else 3


def check_input(network: keras.Model, dataset: ImageDataset, experiment: Experiment) -> None:
    """Refuse images that do not fit the network's input."""
    shape = network.input_shape
    if not isinstance(shape, tuple) or len(shape) != 4:
        raise InputError(
            f"`model`={experiment.network.model} takes inputs of shape {shape}; one input of "
            "images (height, width, channels) is needed"
        )
    *size, channels = (
        want in (None, got) for want, got in zip(shape[1:], dataset.image_shape, strict=True)
    )
    if not all(size):
        raise InputError(
            f"`model`={experiment.network.model} takes images of shape {shape[1:]}, the data has "
            f"{dataset.image_shape}; set `image_size`={shape[1]},{shape[2]}"
        )
    if not channels:
        raise InputError(
            f"`model`={experiment.network.model} takes images of {shape[3]} channels, and images "
            "are given as RGB or grey; give a network of 3 channels or 1"
        )
