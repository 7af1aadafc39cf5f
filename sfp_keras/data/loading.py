"""From the name of a data set to its images."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from sfp_keras.data.arrays import load_arrays
from sfp_keras.data.cifar import find_cifar, load_cifar
from sfp_keras.data.class_folders import has_class_folders
from sfp_keras.data.dataset import ImageDataset
from sfp_keras.data.digits import load_digits
from sfp_keras.data.folders import load_folder
from sfp_keras.data.label_order import order_labels, read_class_names
from sfp_keras.data.resizing import check_image_size, check_resize, resize_dataset
from sfp_keras.data.splitting import choose_split, divide_split
from sfp_keras.data.tfds import load_tfds
from sfp_keras.errors import InputError

_NEED_DATA_DIR = {
    "folder": "the folder of the class folders",
    "arrays": "an .npz file or a folder of .npy files",
}


def load_dataset(
    name: str,
    data_dir: str | Path | None = None,
    *,
    image_size: int | tuple[int, int] | None = None,
    test_fraction: float = 0.2,
    class_names: str | Path | Sequence[str] | None = None,
    memory_budget: int = 2 << 30,
    cache_dir: str | Path | None = None,
    resize: str = "stretch",
    only_split: str | None = None,
) -> ImageDataset:
    """Load a labelled image set as uint8 RGB images.

    Sets of up to `memory_budget` bytes are held in memory. Larger ones are decoded or resized
    when they are read (class folders, CIFAR enlarged), or kept in a memory-mapped file
    (tensorflow-datasets).

    Args:
        name: `str`. `"digits"`, `"cifar10"`, `"cifar100"`, `"imagenet2012"`, `"folder"`,
            `"arrays"` or an image-classification name of tensorflow-datasets.
        data_dir: `str` or `Path`. For CIFAR the publisher's files (unpacked or `.tar.gz`), for
            `"folder"` and `"imagenet2012"` class folders (see `load_folder`), for
            `"arrays"` NumPy's files (see `load_arrays`), for others what tensorflow-datasets has
            prepared. Default: where tensorflow-datasets keeps its data.
        image_size: `int` or `(height, width)`, resized to with bicubic interpolation. Default: as
            the images are.
        test_fraction: `float`. Fraction of each label's images that become the test split where
            the set has none of its own, or of `only_split`. Default 0.2.
        class_names: names in the order of a network's outputs, which then are the labels: a text
            file with one name a line, a sequence, or a text with commas. It may have more names
            than the set. Default: the order of the set.
        memory_budget: `int`, bytes. Default 2 GiB.
        cache_dir: `str` or `Path`, for decoded images of large sets of tensorflow-datasets.
            Default `~/.cache/sfp_keras`.
        resize: `"stretch"`, every image is resized to `image_size` whatever its aspect, or
            `"crop"`, the usual evaluation of ImageNet: its aspect is kept, the shorter side
            becomes 256/224 of `image_size`, and the centre is cut out. Default `"stretch"`.
        only_split: `str`. The only split of the set to use, which is divided by `test_fraction`
            label by label: `"validation"` of `"imagenet2012"` has 50 images a label, 40 to train
            on and 10 to test (paper 2, Methods). For class folders the name of the folder in
            `data_dir`. Default: the set's own training and test splits.

    Returns:
        An `ImageDataset`.

    Raises:
        InputError: if a name, folder, file or argument is wrong, or there is no network; the
            message says what to do.
    """
    size = check_image_size(image_size)
    names = None if class_names is None else read_class_names(class_names)
    check_resize(resize, size)
    if not 0 < test_fraction < 1:
        raise InputError(f"--test_fraction must be between 0 and 1, got {test_fraction}")
    check_data_dir(name, data_dir)
    if data_dir is not None and (name == "folder" or is_imagenet_folder(name, Path(data_dir))):
        return load_folder(
            data_dir, size, test_fraction, names, memory_budget, name, resize, only_split
        )

    source = find_cifar(name, data_dir) if name in ("cifar10", "cifar100") and data_dir else None
    if name == "digits":
        if only_split is not None:
            raise InputError(
                f"--only_split={only_split}: digits has no splits of its own; leave it out, every "
                "label is divided anyway"
            )
        dataset = load_digits(size or (32, 32), memory_budget, resize)
    elif name == "arrays":
        dataset = load_arrays(str(data_dir), test_fraction, memory_budget, only_split)
        if size is not None:
            dataset = resize_dataset(dataset, size, memory_budget, resize)
    elif source is not None:
        dataset = load_cifar(name, source)
        if only_split is not None:
            chosen = choose_split(only_split, ("train", "test"), f"--dataset={name}")
            parts = divide_split(getattr(dataset, chosen), test_fraction)
            dataset = replace(dataset, train=parts[0], test=parts[1])
        if size is not None:
            dataset = resize_dataset(dataset, size, memory_budget, resize)
    else:
        superclass_key = "coarse_label" if name == "cifar100" else None
        dataset = load_tfds(
            name,
            data_dir,
            size,
            test_fraction,
            memory_budget,
            cache_dir,
            superclass_key,
            resize,
            only_split,
        )
    return dataset if names is None else order_labels(dataset, names)


def is_imagenet_folder(name: str, data_dir: Path) -> bool:
    """Tell whether `data_dir` holds ImageNet as class folders."""
    # tensorflow-datasets keeps its own data in a folder of this name.
    prepared = data_dir / name
    return name == "imagenet2012" and not prepared.exists() and has_class_folders(data_dir)


def check_data_dir(name: str, data_dir: str | Path | None) -> None:
    """Refuse a set that is what lies at `data_dir` where there is none.

    Raises:
        InputError: saying what to give.
    """
    if name in _NEED_DATA_DIR and data_dir is None:
        raise InputError(f"--dataset={name} needs --data_dir, {_NEED_DATA_DIR[name]}")
