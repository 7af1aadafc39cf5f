"""Folders of images, one folder a class."""

import hashlib
import logging
import os
from pathlib import Path

import numpy as np

from sfp_keras.data.class_folders import (
    LabelledFiles,
    check_same_classes,
    class_folders,
    find_split,
    find_splits,
    list_images,
)
from sfp_keras.data.dataset import ImageDataset, ImageSplit
from sfp_keras.data.folder_images import FolderImages, decode_files, read_sizes
from sfp_keras.data.image_files import UnreadableImageError
from sfp_keras.data.label_order import shorten
from sfp_keras.data.splitting import stratified_split
from sfp_keras.errors import InputError

_LOGGER = logging.getLogger("sfp_keras")


def load_folder(
    data_dir: str | Path,
    size: tuple[int, int] | None = None,
    test_fraction: float = 0.2,
    class_names: tuple[str, ...] | None = None,
    memory_budget: int = 2 << 30,
    name: str = "folder",
    resize: str = "stretch",
    only_split: str | None = None,
) -> ImageDataset:
    """Load images from class folders.

    `data_dir` holds `train/` and `test/` (or `val/`, `validation/`) with one folder a class in
    each, or the class folders themselves. Without a test folder every class is split by
    `test_fraction`, by a hash of the file names, so the same files always give the same split.
    Classes are the names of the folders in alphabetical order; images may lie deeper inside.
    Hidden files and files of other kinds are ignored. Unreadable images are left out, with a
    warning (logger `sfp_keras`) that names the first and counts them. Image files become RGB as
    in `read_image`.

    Images that fit into `memory_budget` are decoded at once; otherwise only the heads of the
    files are checked now and images are decoded when they are read.

    Args:
        data_dir: `str` or `Path`.
        size: `(height, width)` to resize to, bicubic. Default: the size of the images, which must
            then be the same.
        test_fraction: `float`. Default 0.2.
        class_names: the names of labels 0..K-1; every class folder must be among them, and those
            without a folder have no images. Default: the class folders.
        memory_budget: `int`, bytes. Default 2 GiB.
        name: `str`, the name of the data set. Default `"folder"`.
        resize: `"stretch"` or `"crop"`, see `resize_image`. Default `"stretch"`.
        only_split: `str`. The only one of `train`, `test`, `val`, `validation` in `data_dir` to
            use; it is split by `test_fraction`. Default: as above.

    Returns:
        An `ImageDataset`.

    Raises:
        InputError: if there are no class folders, one has no image, training and test classes
            differ, sizes differ without `size`, `class_names` lacks a class, or `only_split` is not
            there.
    """
    root = Path(data_dir)
    if not root.is_dir():
        raise InputError(f"--data_dir={root} does not exist or is no folder")
    if only_split is None:
        train_tree, test_tree = find_splits(root)
    else:
        train_tree, test_tree = find_split(root, only_split), None
    found = [folder.name for folder in class_folders(train_tree)]
    if not found:
        raise InputError(
            f"--data_dir: {train_tree} has no class folders; give a folder with one folder of "
            "images for each class, or with train/ and test/ of such folders"
        )
    names = _check_names(found, class_names, train_tree)
    bad: list[str] = []
    train, sizes = _readable(list_images(train_tree, names, class_names is not None), bad)
    if test_tree is not None:
        check_same_classes(train_tree, test_tree)
        test, test_sizes = _readable(list_images(test_tree, names, class_names is not None), bad)
        sizes += test_sizes
    else:
        train, test = _split(train, train_tree, test_fraction)
    if not train.paths or not test.paths:
        _warn_of_unreadable(bad)
        kind = "test" if train.paths else "training"
        raise InputError(f"--data_dir={root} has no readable {kind} images")
    size = size or _common_size(sizes, root)
    in_memory = len(sizes) * size[0] * size[1] * 3 <= memory_budget
    splits = [
        _decoded(files, size, resize, bad) if in_memory else _streamed(files, size, resize)
        for files in (train, test)
    ]
    _warn_of_unreadable(bad)
    dataset = ImageDataset(
        name=name,
        train=splits[0],
        test=splits[1],
        class_names=names,
        original_labels=tuple(range(len(names))),
    )
    _warn_of_empty_labels(dataset, found)
    return dataset


def _check_names(
    found: list[str], class_names: tuple[str, ...] | None, tree: Path
) -> tuple[str, ...]:
    if class_names is None:
        return tuple(found)
    absent = sorted(set(found) - set(class_names))
    if absent:
        raise InputError(
            f"--class_names lacks {len(absent)} of the class folders in {tree}: {shorten(absent)}"
        )
    twice = [name for name in found if class_names.count(name) > 1]
    if twice:
        raise InputError(f"--class_names has more than one of {shorten(twice)}")
    return class_names


def _readable(files: LabelledFiles, bad: list[str]) -> tuple[LabelledFiles, list[tuple[int, int]]]:
    """Leave out files whose head cannot be read, into `bad`; return the sizes of the others."""
    if len(files.paths) > 20_000:
        _LOGGER.info("opening %d image files once to check them", len(files.paths))
    kept: list[int] = []
    sizes: list[tuple[int, int]] = []
    for i, size in enumerate(read_sizes(files.paths)):
        if isinstance(size, UnreadableImageError):
            bad.append(f"{files.paths[i]} ({size})")
        else:
            kept.append(i)
            sizes.append(size)
    return files.only(kept), sizes


def _common_size(sizes: list[tuple[int, int]], root: Path) -> tuple[int, int]:
    odd = next((size for size in sizes if size != sizes[0]), None)
    if odd is not None:
        raise InputError(
            f"--image_size is needed: the images in {root} differ in size, such as "
            f"{sizes[0][0]}x{sizes[0][1]} and {odd[0]}x{odd[1]}"
        )
    return sizes[0]


def _split(
    files: LabelledFiles, tree: Path, test_fraction: float
) -> tuple[LabelledFiles, LabelledFiles]:
    # Names relative to the tree, so that a moved folder is split alike.
    start = len(str(tree / "x")) - 1
    names = [path[start:].replace(os.sep, "/") for path in files.paths]
    keys = [hashlib.sha256(name.encode(errors="surrogateescape")).digest()[:8] for name in names]
    numbers = np.array([int.from_bytes(key) for key in keys], np.uint64)
    train, test = stratified_split(np.array(files.labels, np.int64), test_fraction, numbers)
    return files.only(train.tolist()), files.only(test.tolist())


def _streamed(files: LabelledFiles, size: tuple[int, int], resize: str) -> ImageSplit:
    return ImageSplit(FolderImages(files.paths, size, resize), np.array(files.labels, np.int64))


def _decoded(
    files: LabelledFiles, size: tuple[int, int], resize: str, bad: list[str]
) -> ImageSplit:
    images = np.empty((len(files.paths), *size, 3), np.uint8)
    kept: list[int] = []
    for i, image in enumerate(decode_files(files.paths, size, resize)):
        if isinstance(image, UnreadableImageError):
            bad.append(f"{files.paths[i]} ({image})")
        else:
            images[len(kept)] = image
            kept.append(i)
    return ImageSplit(images[: len(kept)], np.array(files.only(kept).labels, np.int64))


def _warn_of_unreadable(bad: list[str]) -> None:
    if bad:
        count = "1 unreadable image" if len(bad) == 1 else f"{len(bad)} unreadable images"
        _LOGGER.warning("%s left out: %s", count, shorten(bad, most=3))


def _warn_of_empty_labels(dataset: ImageDataset, found: list[str]) -> None:
    for split, kind in ((dataset.train, "training"), (dataset.test, "test")):
        counts = np.bincount(split.labels, minlength=dataset.num_labels)
        names = {dataset.class_names[i] for i in np.flatnonzero(counts == 0)}
        empty = [name for name in found if name in names]
        if empty:
            _LOGGER.warning("no readable %s images of %s", kind, shorten(empty))
