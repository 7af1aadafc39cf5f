"""The experiment's network with fresh weights."""

from typing import Any

import keras
import numpy as np

from sfp_keras.data import ImageDataset, Scaling, parse_scaling
from sfp_keras.errors import InputError
from sfp_keras.experiment import Experiment
from sfp_keras.models import RandomGeometry


def build_network(experiment: Experiment, dataset: ImageDataset, precision: str) -> keras.Model:
    """The network as its architecture builds it; fresh weights are a function of the seed."""
    architecture, settings = experiment.architecture, experiment.network
    source = settings.weights or settings.initial_weights or ""
    of_file = architecture.files.arguments(source, settings.weights is not None)
    num_labels = of_file.pop("num_labels", dataset.num_labels)
    options = architecture.read(settings.options, of_file)
    inside = _inside(experiment, dataset) if architecture.augmentation == "geometry" else {}
    return architecture.make(
        num_labels,
        options,
        input_shape=dataset.image_shape,
        seed=experiment.run.seed,
        dtype=precision,
        **inside,
    )


def _inside(experiment: Experiment, dataset: ImageDataset) -> dict[str, keras.layers.Layer]:
    """The layers of a network that scales and moves images of 0..255 itself, on the device."""
    scaling = scaling_inside(experiment, dataset)
    std = np.asarray(scaling.std, np.float64)
    layers: dict[str, Any] = {
        "scaling": keras.layers.Rescaling(
            (1 / (scaling.divisor * std)).tolist(),
            (-scaling.mean / std).tolist(),
            dtype="float32",
            name="scale",
        )
    }
    # It moves images in training alone.
    if experiment.trains or experiment.augments_links:
        augmentation = experiment.augmentation
        layers["geometry"] = RandomGeometry(
            rotation=augmentation.rotation,
            shift=augmentation.shift,
            shear=augmentation.shear,
            flip=augmentation.flip,
            fill=scaling.mid_grey.tolist(),
            seed=experiment.run.seed,
            dtype="float32",
            name="geometry",
        )
    return layers


def scaling_inside(experiment: Experiment, dataset: ImageDataset) -> Scaling:
    """The scaling that the network does itself."""
    scaling = parse_scaling(experiment.network_scaling, dataset.train)
    if scaling.function is not None:
        raise InputError(
            f"`scaling`={scaling.text}: {experiment.network.model} scales images on the device, so "
            "give numbers, or dataset"
        )
    return scaling
