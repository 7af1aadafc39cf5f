"""The data and the network that an experiment names."""

import contextlib
import hashlib
from collections.abc import Iterator
from typing import Any

import keras
import numpy as np

from sfp_keras.backend import without_notes
from sfp_keras.data import (
    UNSCALED,
    Augmentation,
    GeometricAugmentation,
    ImageDataset,
    Scaling,
    label_subset,
    load_dataset,
    parse_scaling,
)
from sfp_keras.errors import InputError, arguments_called
from sfp_keras.experiment import Experiment
from sfp_keras.files import unreadable
from sfp_keras.models import architectures, load_own_model, load_weights, own_input_shape
from sfp_keras.reports import terminal
from sfp_keras.settings import TrainingSettings, declared
from sfp_keras.workflows.experiment_run import ExperimentRun
from sfp_keras.workflows.paper_network import build_network


def load_network_and_data(
    experiment: Experiment,
) -> tuple[keras.Model | None, ImageDataset]:
    """Load what the experiment names.

    Args:
        experiment: `Experiment`.

    Returns:
        The network, or `None` where it is ours to train, and the images.
    """
    ExperimentRun(experiment).check_place()
    for flag in ("model", "weights", "initial_weights"):
        _check_readable(flag, experiment.value(flag))
    if experiment.network.model not in architectures():
        given = [f for f in ("weights", "initial_weights") if experiment.value(f)]
        if given:
            raise InputError(
                f"`{given[0]}` is for networks with a name, not for "
                f"`model`={experiment.network.model}: save the network with its weights "
                "as a .keras file"
            )
        if experiment.trains:
            shape = own_input_shape(experiment.network.model)
            size, channels = _size_and_channels((None, *shape)) if shape else (None, 3)
            return None, load_data(experiment, size, channels)
        with without_notes():
            network = load_own_model(experiment.network.model, _image_size(experiment))
        check_finite(network, "model", experiment.network.model)
        return network, load_data(experiment, *_size_and_channels(network.input_shape))
    dataset = load_data(experiment, None, experiment.architecture.channels)
    if experiment.trains:
        return None, dataset
    network = build_network(experiment, dataset, "float32")
    load_weights(network, str(experiment.network.weights))
    check_finite(network, "weights", str(experiment.network.weights))
    whole = not str(experiment.network.weights).endswith((".weights.h5", ".keras"))
    if whole and experiment.architecture.files.layers_of and experiment.changed_options:
        terminal().print(
            f"network: what {experiment.network.weights} has beyond the options given is left out "
            "and nothing is trained; --initial_weights trains the rest"
        )
    return network, dataset


def check_finite(network: keras.Model, flag: str, source: str) -> None:
    """Refuse a network with weights that are no numbers: all it gives would be none either."""
    for weight in network.weights:
        array = keras.ops.convert_to_numpy(weight)
        if array.dtype.kind == "f" and not np.isfinite(array).all():
            raise InputError(
                f"--{flag}={source}: weight {weight.path} holds NaN or infinite values, as of a "
                "training that diverged; take an earlier checkpoint"
            )


@contextlib.contextmanager
def about_flag(name: str) -> Iterator[None]:
    """Begin what is wrong with a flag's value by the flag's name."""
    try:
        yield
    except InputError as error:
        raise InputError(f"--{name}: {error}") from None


def training_called(prefix: str) -> contextlib.AbstractContextManager[None]:
    """Name the settings of a training in errors as the command does: `head_lr` instead of `lr`."""
    names = [field.name for field, _ in declared(TrainingSettings)]
    return arguments_called(**{name: prefix + name for name in names})


def fingerprint(dataset: ImageDataset) -> str:
    """Tell data sets apart, by names, labels and images.

    Returns:
        A digest of a few images a split, which is the same wherever the images are held; before
        it, with `+`, one of all images where they are in memory. See `same_images`.
    """
    names = (dataset.class_names, dataset.original_labels, dataset.image_shape)
    some, every = (hashlib.sha256(repr(names).encode()) for _ in range(2))
    splits = (dataset.train, dataset.test)
    held = all(split.in_memory for split in splits)
    for split in splits:
        for digest in (some, every):
            digest.update(split.labels.tobytes())
        if held:
            every.update(np.ascontiguousarray(split.images).data)
        few = np.unique(np.linspace(0, max(0, len(split) - 1), 8).astype(np.int64))
        some.update(split.read(few[: len(split)]).tobytes())
    digests = [every, some] if held else [some]
    return "+".join(digest.hexdigest()[:16] for digest in digests)


def load_data(
    experiment: Experiment, network_size: tuple[int, int] | None, channels: int | None
) -> ImageDataset:
    """The labelled images as the network takes them, reduced to --labels of them if asked."""
    with reading(experiment.data.data_dir):
        dataset = load_dataset(
            experiment.data.dataset,
            experiment.data.data_dir,
            channels=channels,
            image_size=_image_size(experiment) or network_size,
            test_fraction=experiment.data.test_fraction,
            only_split=experiment.data.only_split,
            resize=experiment.data.resize,
            class_names=experiment.data.class_names,
            memory_budget=int(experiment.data.memory_gib * 2**30),
            cache_dir=ExperimentRun(experiment).images,
        )
    if experiment.data.labels is not None:
        dataset = label_subset(dataset, experiment.data.labels, experiment.data.subset_seed)
    return dataset


@contextlib.contextmanager
def reading(data_dir: str | None) -> Iterator[None]:
    """Name in errors about images the settings, and of what may not be read `data_dir`."""
    try:
        with arguments_called(name="dataset", memory_budget="memory_gib", cache_dir="run_dir"):
            yield
    except PermissionError as error:
        raise unreadable(f"--data_dir={data_dir}", error) from None


def _check_readable(flag: str, value: str | None) -> None:
    """Refuse a file that the user may not read."""
    if value is not None:
        try:
            open(value, "rb").close()
        except PermissionError as error:
            raise unreadable(f"--{flag}={value}", error) from None
        except (OSError, ValueError):
            pass  # No file: whoever reads the flag knows what else it may be.


def _image_size(experiment: Experiment) -> tuple[int, int] | None:
    try:
        sizes = tuple(int(text) for text in experiment.data.image_size)
    except ValueError:
        sizes = (0,)
    if not sizes:
        return None
    if len(sizes) > 2 or min(sizes) < 1:
        raise InputError(
            f"--image_size={','.join(experiment.data.image_size)}: give one number, or height,width"
        )
    return sizes[0], sizes[-1]


def _size_and_channels(shape: Any) -> tuple[tuple[int, int] | None, int]:
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
            f"--model={experiment.network.model} takes inputs of shape {shape}; one input of "
            "images (height, width, channels) is needed"
        )
    *size, channels = (
        want in (None, got) for want, got in zip(shape[1:], dataset.image_shape, strict=True)
    )
    if not all(size):
        raise InputError(
            f"--model={experiment.network.model} takes images of shape {shape[1:]}, the data has "
            f"{dataset.image_shape}; set --image_size={shape[1]},{shape[2]}"
        )
    if not channels:
        raise InputError(
            f"--model={experiment.network.model} takes images of {shape[3]} channels, and images "
            "are given as RGB or grey; give a network of 3 channels or 1"
        )


def scaling_of(experiment: Experiment, dataset: ImageDataset) -> Scaling:
    """--scaling, with the training set's statistics where it asks for them."""
    if experiment.architecture.augmentation == "geometry":
        return UNSCALED  # The network does it, so that small uint8 images cross to the device.
    return parse_scaling(experiment.network_scaling, dataset.train)


def augmentation_of(experiment: Experiment, dataset: ImageDataset) -> Augmentation:
    """What is drawn for training images, of which --shift must leave something."""
    height, width, _ = dataset.image_shape
    architecture = experiment.architecture
    options = architecture.read(experiment.network.options)
    side = architecture.enlarged(options, dataset.image_shape) or min(height, width)
    drawn = experiment.augmentation
    if drawn.shift >= side:
        raise InputError(
            f"--shift={drawn.shift} moves images of {side}x{side} pixels out of "
            f"sight; make it smaller than {side}"
        )
    if architecture.augmentation == "geometry":
        return GeometricAugmentation(drawn.flip, drawn.shift, drawn.rotation, drawn.shear)
    return Augmentation(drawn.flip, drawn.shift)
