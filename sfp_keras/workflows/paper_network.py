"""The papers' networks as the flags describe them."""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np

from sfp_keras.data import ImageDataset, Scaling, parse_scaling
from sfp_keras.errors import InputError
from sfp_keras.experiment import Experiment
from sfp_keras.files import of_applications
from sfp_keras.models import (
    Enlarge,
    RandomGeometry,
    build_efficientnet,
    build_vgg,
    default_stage_names,
    efficientnet_arguments_of,
    vgg_arguments_of,
)


def build_network(experiment: Experiment, dataset: ImageDataset, precision: str) -> keras.Model:
    """One of the papers' networks with fresh weights, a function of the seed."""
    if experiment.efficientnet:
        return _efficientnet(experiment, dataset, precision)
    arguments: dict[str, Any] = {"num_labels": dataset.num_labels}
    if experiment.network.weights and experiment.network.weights.endswith(".safetensors"):
        arguments = vgg_arguments_of(experiment.network.weights)
    if experiment.value("conv_bias") is not None:
        arguments["conv_bias"] = experiment.value("conv_bias")
    if experiment.value("fc_widths") is not None:
        arguments["fc_widths"] = _widths(experiment.value("fc_widths"))
    if experiment.value("filters"):
        arguments["filters"] = _pairs("filters", experiment.value("filters"), "13:350")
    return build_vgg(
        experiment.network.model,
        **arguments,
        input_shape=dataset.image_shape,
        fc_activation=experiment.value("fc_activation"),
        seed=experiment.run.seed,
        dtype=precision,
    )


def paper_stages(experiment: Experiment) -> tuple[str, ...]:
    """The stages at which the papers probe the experiment's network."""
    simplified = (
        {"stage9": False} if experiment.efficientnet and not experiment.value("stage9") else {}
    )
    return default_stage_names(experiment.network.model, **simplified)


def _efficientnet(experiment: Experiment, dataset: ImageDataset, precision: str) -> keras.Model:
    arguments: dict[str, Any] = {"num_labels": dataset.num_labels}
    weights = experiment.network.weights or ""
    if weights.endswith(".safetensors"):
        arguments = efficientnet_arguments_of(weights)
    elif of_applications(weights):
        arguments = {"num_labels": 1000, "output_bias": True}
    if experiment.value("blocks"):
        arguments["blocks"] = {
            **arguments.get("blocks", {}),
            **_pairs("blocks", experiment.value("blocks"), "3:1"),
        }
    if not experiment.value("stage9"):
        arguments["stage9"] = False
    return build_efficientnet(
        **arguments,
        input_shape=dataset.image_shape,
        front=_front(experiment, dataset),
        padding=experiment.resolved_padding,
        drop_connect=experiment.value("drop_connect"),
        dropout=experiment.value("dropout"),
        seed=experiment.run.seed,
        dtype=precision,
    )


def _front(experiment: Experiment, dataset: ImageDataset) -> Sequence[keras.layers.Layer]:
    """What turns images of 0..255 into the network's input, on the device."""
    scaling = network_scaling(experiment, dataset)
    std = np.asarray(scaling.std, np.float64)
    layers: list[keras.layers.Layer] = [
        keras.layers.Rescaling(
            (1 / (scaling.divisor * std)).tolist(),
            (-scaling.mean / std).tolist(),
            dtype="float32",
            name="scale",
        )
    ]
    size = experiment.enlarged(dataset.image_shape)
    if size is not None:
        layers.append(Enlarge(size, dtype="float32", name="enlarge"))
    if experiment.trains:
        layers.append(
            RandomGeometry(
                rotation=experiment.augmentation.rotation,
                shift=experiment.augmentation.shift,
                shear=experiment.augmentation.shear,
                flip=experiment.augmentation.flip,
                fill=scaling.mid_grey.tolist(),
                seed=experiment.run.seed,
                dtype="float32",
                name="geometry",
            )
        )
    return layers


def network_scaling(experiment: Experiment, dataset: ImageDataset) -> Scaling:
    """--scaling as EfficientNet-B0 does it itself."""
    scaling = parse_scaling(experiment.resolved_scaling, dataset.train)
    if scaling.function is not None:
        raise InputError(
            f"--scaling={scaling.text}: efficientnetb0 scales images on the device, so give "
            "numbers, or dataset"
        )
    return scaling


def _widths(texts: tuple[str, ...]) -> tuple[int, ...]:
    try:
        widths = tuple(int(text) for text in texts if text != "none")
    except ValueError:
        raise InputError(
            f"--fc_widths={','.join(texts)}: give whole numbers such as 512,512, or none"
        ) from None
    if max(widths, default=0) > 65_536:
        raise InputError(f"--fc_widths={','.join(texts)}: layers have at most 65,536 nodes")
    return widths


def _pairs(flag: str, texts: tuple[str, ...], example: str) -> dict[int, int]:
    try:
        pairs = [(int(number), int(value)) for number, value in (t.split(":") for t in texts)]
        if len(dict(pairs)) < len(pairs):
            raise ValueError("a number twice")
        return dict(pairs)
    except ValueError:
        raise InputError(
            f"--{flag}={','.join(texts)}: give pairs of numbers, each first one "
            f"once, such as {example}"
        ) from None
