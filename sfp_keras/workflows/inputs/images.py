"""The labelled images that an experiment names."""

import contextlib
import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from sfp_keras.data import ImageDataset, check_dataset, label_subset, load_dataset
from sfp_keras.errors import InputError, arguments_called
from sfp_keras.experiment import Experiment
from sfp_keras.files import unreadable
from sfp_keras.workflows.experiment_run import ExperimentRun


def load_images(
    experiment: Experiment,
    network_size: tuple[int, int] | None,
    channels: int | None,
    cache: Path | None = None,
) -> ImageDataset:
    """The labelled images as the network takes them, reduced to `labels` of them if asked.

    Decoded images of large sets are kept in `cache`, by default in the run directory.
    """
    with reading(experiment.data.data_dir):
        dataset = load_dataset(
            experiment.data.dataset,
            experiment.data.data_dir,
            channels=channels,
            image_size=image_size(experiment) or network_size,
            cache_dir=cache or ExperimentRun(experiment).images,
            **_arguments(experiment),
        )
    if experiment.data.labels is not None:
        dataset = label_subset(dataset, experiment.data.labels, experiment.data.subset_seed)
    return dataset


def check_images(experiment: Experiment) -> None:
    """Refuse what `load_images` would refuse by settings and names of files alone."""
    data, arguments = experiment.data, _arguments(experiment)
    if (size := image_size(experiment)) is None:
        del arguments["resize"]  # A network may have a size to crop to.
    with reading(data.data_dir):
        check_dataset(data.dataset, data.data_dir, image_size=size, **arguments)


def _arguments(experiment: Experiment) -> dict[str, Any]:
    """Arguments of `load_dataset` that the network does not decide."""
    data = experiment.data
    return {
        "test_fraction": data.test_fraction,
        "only_split": data.only_split,
        "resize": data.resize,
        "class_names": data.class_names,
        "memory_budget": int(data.memory_gib * 2**30),
    }


def fingerprint(dataset: ImageDataset, splits: Sequence[str] = ("train", "test")) -> str:
    """A digest of a data set, of its names, labels and images.

    Args:
        dataset: `ImageDataset`.
        splits: those whose labels and images count. Defaults to both.

    Returns:
        A digest of a few images a split, which is the same wherever the images are held; before
        it, with `+`, one of all images where they are in memory. See `same_images`.
    """
    names = (dataset.class_names, dataset.original_labels, dataset.image_shape)
    some, every = (hashlib.sha256(repr(names).encode()) for _ in range(2))
    found = [dataset.train if name == "train" else dataset.test for name in splits]
    held = all(split.in_memory for split in found)
    for split in found:
        for digest in (some, every):
            digest.update(split.labels.tobytes())
        if held:
            every.update(np.ascontiguousarray(split.images).data)
        few = np.unique(np.linspace(0, max(0, len(split) - 1), 8).astype(np.int64))
        some.update(split.read(few[: len(split)]).tobytes())
    digests = [every, some] if held else [some]
    return "+".join(digest.hexdigest()[:16] for digest in digests)


@contextlib.contextmanager
def reading(data_dir: str | None) -> Iterator[None]:
    """Name in errors about images the settings, and of what may not be read `data_dir`."""
    try:
        with arguments_called(name="dataset", memory_budget="memory_gib", cache_dir="run_dir"):
            yield
    except PermissionError as error:
        raise unreadable(f"`data_dir`={data_dir}", error) from None


def image_size(experiment: Experiment) -> tuple[int, int] | None:
    """Height and width that images are resized to, `None` for the network's own."""
    try:
        sizes = tuple(int(text) for text in experiment.data.image_size)
    except ValueError:
        sizes = (0,)
    if not sizes:
        return None
    if len(sizes) > 2 or min(sizes) < 1:
        raise InputError(
            f"`image_size`={','.join(experiment.data.image_size)}: give one number, or height,width"
        )
    return sizes[0], sizes[-1]
