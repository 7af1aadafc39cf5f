"""The images and labels that `probe` is given, as a data set for a network."""

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np

from sfp_keras.data import (
    ImageDataset,
    Scaling,
    function_scaling,
    given_dataset,
    load_dataset,
    parse_scaling,
)
from sfp_keras.errors import InputError, arguments_called
from sfp_keras.experiment import Experiment
from sfp_keras.workflows.inputs.images import image_size, reading
from sfp_keras.workflows.inputs.memory import available_memory
from sfp_keras.workflows.inputs.network import size_and_channels

ScalingFunction = Callable[[np.ndarray], Any]


def folder_of(train: Any, test: Any) -> str | None:
    """The folder of class folders that `train` is, or `None` where it is no path.

    Raises:
        InputError: if one is a folder and the other is not, or arrays have no `test`.
    """
    paths = [isinstance(data, str | os.PathLike) for data in (train, test)]
    if not paths[0]:
        if test is None:
            raise InputError(
                "`test` is needed: images that the network was not trained on, on which fields "
                "are measured"
            )
        if not paths[1]:
            return None
    if test is not None and not all(paths):
        raise InputError("`train` and `test`: give both as folders of classes, or neither")
    return os.fspath(train)


def images_for(
    network: keras.Model,
    train: Any,
    test: Any,
    class_names: Sequence[str] | str | Path | None,
    experiment: Experiment,
) -> ImageDataset:
    """The labelled images, of the size and channels that a network takes.

    Args:
        network: `keras.Model` with one input of images.
        train: as of `probe`.
        test: as of `probe`.
        class_names: as of `probe`.
        experiment: `Experiment` of the call.

    Raises:
        InputError: if they are none, or do not fit the network.
    """
    shape = network.input_shape
    if not isinstance(shape, tuple) or len(shape) != 4:
        raise InputError(
            f"model {network.name!r} takes inputs of shape {shape}; one input of images (height, "
            "width, channels) is needed; for others there are the steps, from `cut_stages` on"
        )
    if experiment.data.data_dir is None:
        dataset = given_dataset(train, test, class_names, memory=int(0.9 * available_memory()))
        _check_shape(network, dataset)
        return dataset
    size, channels = size_and_channels(shape)
    with reading(experiment.data.data_dir), arguments_called(test_dir="test"):
        return load_dataset(
            experiment.data.dataset,
            experiment.data.data_dir,
            test_dir=test,
            channels=channels,
            image_size=image_size(experiment) or size,
            test_fraction=experiment.data.test_fraction,
            only_split=experiment.data.only_split,
            resize=experiment.data.resize,
            class_names=class_names,
            memory_budget=int(experiment.data.memory_gib * 2**30),
        )


def _check_shape(network: keras.Model, dataset: ImageDataset) -> None:
    wanted, found = network.input_shape[1:], dataset.image_shape
    if all(want in (None, got) for want, got in zip(wanted, found, strict=True)):
        return
    mend = "for example by keras.ops.image.resize"
    if found[0] == wanted[2] != found[2]:
        mend = "channels go last: np.moveaxis(x, 1, -1)"
    elif wanted[2] == 3 and found[2] == 1:
        mend = "grey to three channels by np.repeat(x.reshape(*x.shape[:3], 1), 3, axis=-1)"
    raise InputError(
        f"`train`: images have shape {found}, model {network.name!r} takes {wanted}; change them "
        f"first, {mend}"
    )


def name_of_scaling(scaling: str | ScalingFunction | None) -> str | None:
    """What the record of a run calls a scaling."""
    if scaling is None or isinstance(scaling, str):
        return scaling
    if not callable(scaling):
        raise InputError(
            f"`scaling` must be a text or a function of images, received {scaling!r:.60}"
        )
    name = getattr(scaling, "__qualname__", type(scaling).__name__)
    return f"{getattr(scaling, '__module__', '')}:{name}"


def scaling_for(
    scaling: str | ScalingFunction | None, experiment: Experiment, dataset: ImageDataset
) -> Scaling:
    """The scaling of images before the network gets them; none where none is given."""
    if scaling is not None and not isinstance(scaling, str):
        name = str(experiment.value("scaling"))
        made = function_scaling(scaling, name, dataset.image_shape[-1])
    else:
        made = parse_scaling(experiment.network_scaling, dataset.train)
    image = dataset.train.read([0])
    if (shape := made(image).shape) != image.shape:
        raise InputError(
            f"`scaling`={made.text} makes images of shape {shape[1:]} from {image.shape[1:]}; it "
            "must keep the shape"
        )
    return made
