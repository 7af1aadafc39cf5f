"""From the name of a data set to its images."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sfp_keras.data.dataset import ImageDataset
from sfp_keras.data.images.channels import check_channels, convert_dataset
from sfp_keras.data.images.resizing import check_image_size, check_resize, resize_dataset
from sfp_keras.data.label_order import order_labels, read_class_names, spell_names
from sfp_keras.data.missing_labels import warn_of_missing_labels
from sfp_keras.data.source import Request, Source
from sfp_keras.data.sources import find_source
from sfp_keras.data.splitting import divide_split
from sfp_keras.errors import InputError
from sfp_keras.files import meant


def load_dataset(
    name: str,
    data_dir: str | Path | None = None,
    *,
    image_size: int | tuple[int, int] | None = None,
    channels: int | None = None,
    test_fraction: float = 0.2,
    class_names: str | Path | Sequence[str] | None = None,
    memory_budget: int = 2 << 30,
    cache_dir: str | Path | None = None,
    resize: str = "stretch",
    only_split: str | None = None,
    test_dir: str | Path | None = None,
) -> ImageDataset:
    """Load a labelled image set.

    Images are uint8 of 0..255, or float32 where the files hold that. Sets of up to
    `memory_budget` bytes are held in memory. Larger ones are decoded or changed when they are
    read (class folders, CIFAR enlarged), or kept in a memory-mapped file (tensorflow-datasets).

    Args:
        name: `str`. `"digits"`, `"cifar10"`, `"cifar100"`, `"imagenet2012"`, `"folder"`,
            `"arrays"`, another of `source_names()`, or an image-classification name of
            tensorflow-datasets.
        data_dir: `str` or `Path`. For CIFAR the publisher's files (unpacked or `.tar.gz`), for
            `"folder"` and `"imagenet2012"` class folders (see `load_folder`), for
            `"arrays"` NumPy's files (see `load_arrays`), for others what tensorflow-datasets has
            prepared. Default: where tensorflow-datasets keeps its data.
        image_size: `int` or `(height, width)`, resized to with bicubic interpolation. Default: as
            the images are.
        channels: `int`. 1 makes all images grey (the luminance of colours), 3 makes all RGB (grey
            three times). Default: as the set has them; digits and class folders are RGB.
        test_fraction: `float`. Fraction of each label's images that become the test split where
            the set has none of its own, or of `only_split`. Default 0.2.
        class_names: names in the order of a network's outputs, which then are the labels: a text
            file with one name a line, a sequence, or a text with commas. It may have more names
            than the set. Default: the order of the set.
        memory_budget: `int`, bytes. Default 2 GiB.
        cache_dir: `str` or `Path`, for decoded images of large sets of tensorflow-datasets.
            Default `~/.cache/sfp_keras`.
        resize: `"stretch"`, every image is resized to `image_size` and its aspect changed, or
            `"crop"`, the usual evaluation of ImageNet: its aspect is kept, the shorter side
            becomes 256/224 of `image_size`, and the centre is cut out. Default `"stretch"`.
        only_split: `str`. The only split of the set to use, which is divided by `test_fraction`
            label by label: `"validation"` of `"imagenet2012"` has 50 images a label, 40 to train
            on and 10 to test (paper 2, Methods). For class folders the name of the folder in
            `data_dir`. Default: the set's own training and test splits.
        test_dir: `str` or `Path`. Class folders of the test images, where those of `data_dir` are
            all for training; of `"folder"` alone. Default: in `data_dir`.

    Returns:
        An `ImageDataset`.

    Raises:
        InputError: if a name, folder, file or argument is wrong, or there is no network; the
            message says what to do.
    """
    source, request = _request(
        name,
        data_dir,
        image_size=image_size,
        channels=channels,
        test_fraction=test_fraction,
        class_names=class_names,
        memory_budget=memory_budget,
        cache_dir=cache_dir,
        resize=resize,
        only_split=only_split,
        test_dir=test_dir,
    )
    found = source.load(request)
    splits = tuple(found.splits)
    spelled = spell_names(found.class_names)
    train, test = splits if len(splits) == 2 else divide_split(splits[0], test_fraction)
    if len(splits) == 1 and not len(test):
        raise InputError(
            f"`name`={name} has one image of each label: none would be left to test on; a label is "
            "divided into training and test images from two on"
        )
    dataset = ImageDataset(
        name=name,
        train=train,
        test=test,
        class_names=spelled,
        original_labels=tuple(range(len(spelled))),
        superclasses=found.superclasses,
    )
    warn_of_missing_labels(dataset)
    if not found.as_asked:
        size = request.size or found.usual_size or dataset.image_shape[:2]
        dataset = convert_dataset(dataset, channels, memory_budget)
        dataset = resize_dataset(dataset, size, memory_budget, resize)
    names = request.class_names
    return dataset if names in (None, dataset.class_names) else order_labels(dataset, names)


def check_dataset(name: str, data_dir: str | Path | None = None, **arguments: Any) -> None:
    """Refuse what `load_dataset` would refuse by arguments and names of files alone.

    No image is read and no framework imported, so that a mistake is answered at once.

    Args:
        name: `str`, as given to `load_dataset`.
        data_dir: `str` or `Path`, likewise.
        **arguments: the others of `load_dataset`.

    Raises:
        InputError: as `load_dataset`.
    """
    source, request = _request(name, data_dir, **arguments)
    if "data_dir" in source.unused:
        return
    if request.data_dir is not None and not request.data_dir.exists():
        raise InputError(f"`data_dir`={data_dir} does not exist{meant(request.data_dir)}")
    source.check(request)


def count_labels(
    name: str,
    data_dir: str | Path | None = None,
    class_names: str | None = None,
    only_split: str | None = None,
) -> int:
    """Count the labels of what `load_dataset` would load with the same arguments.

    A set of tensorflow-datasets that is not prepared yet is prepared.

    Args:
        name: `str`.
        data_dir: `str` or `Path`. Default: where tensorflow-datasets keeps its data.
        class_names: `str`, see `load_dataset`. Default: the order of the set.
        only_split: `str`. Default: the set's own training and test splits.

    Returns:
        K, an `int`.

    Raises:
        InputError: if there is no such set or folder.
    """
    if class_names is not None:
        return len(read_class_names(class_names))
    source, root = _source(name, data_dir)
    return source.count_labels(Request(name=name, data_dir=root, only_split=only_split))


def source_digest(name: str, data_dir: str | Path | None) -> str | None:
    """A digest that differs between data sets of the same name.

    Args:
        name: `str`, as given to `load_dataset`.
        data_dir: `str` or `Path`, likewise.

    Returns:
        A digest of where the images lie in `data_dir` and of their sizes (class folders), or of
        sizes and a few blocks (other files); `None` for sets whose name says what they hold, and
        where there is nothing at `data_dir`, which loading reports.
    """
    return None if data_dir is None else find_source(name).digest(Path(data_dir))


def _request(
    name: str,
    data_dir: str | Path | None,
    *,
    image_size: int | tuple[int, int] | None = None,
    class_names: str | Path | Sequence[str] | None = None,
    cache_dir: str | Path | None = None,
    test_dir: str | Path | None = None,
    **as_given: Any,
) -> tuple[Source, Request]:
    """The source of a data set, and what is asked of it; arguments are those of `load_dataset`."""
    asked = Request(
        name=name,
        size=check_image_size(image_size),
        class_names=None if class_names is None else read_class_names(class_names),
        cache_dir=None if cache_dir is None else Path(cache_dir),
        test_dir=None if test_dir is None else Path(test_dir),
        **as_given,
    )
    check_resize(asked.resize, asked.size)
    check_channels(asked.channels)
    if not 0 < asked.test_fraction < 1:
        raise InputError(f"`test_fraction` must be between 0 and 1, got {asked.test_fraction}")
    source, root = _source(name, data_dir)
    if test_dir is not None and source.name != "folder":
        raise InputError(f"`test_dir` is for class folders, not for `name`={name}")
    return source, dataclasses.replace(asked, data_dir=root)


def _source(name: str, data_dir: str | Path | None) -> tuple[Source, Path | None]:
    source = find_source(name)
    if source.needs is not None and data_dir is None:
        raise InputError(f"`name`={name} needs `data_dir`, {source.needs}")
    return source, None if data_dir is None else Path(data_dir)
