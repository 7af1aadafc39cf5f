"""How many labels a data set has, told without reading its images."""

from pathlib import Path

from sfp_keras.data.arrays import count_array_labels
from sfp_keras.data.class_folders import class_folders, find_split, find_splits
from sfp_keras.data.label_order import read_class_names
from sfp_keras.data.loading import check_data_dir, is_imagenet_folder
from sfp_keras.data.tfds_builders import image_and_label, open_builder
from sfp_keras.errors import InputError

_KNOWN = {"digits": 10, "cifar10": 10, "cifar100": 100}


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
    if name in _KNOWN:
        return _KNOWN[name]
    check_data_dir(name, data_dir)
    if name == "arrays":
        return count_array_labels(str(data_dir))
    if data_dir is not None and (name == "folder" or is_imagenet_folder(name, Path(data_dir))):
        root = Path(data_dir)
        if not root.is_dir():
            raise InputError(f"--data_dir={root} does not exist or is no folder")
        return len(
            class_folders(find_split(root, only_split) if only_split else find_splits(root)[0])
        )
    builder = open_builder(name, data_dir)
    return int(builder.info.features[image_and_label(builder, name)[1]].num_classes)
