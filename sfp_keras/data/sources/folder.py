"""Folders of images, one folder a class."""

import hashlib
import logging
import math
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from sfp_keras.data.dataset import ImageSplit
from sfp_keras.data.images.class_folders import (
    LabelledFiles,
    check_same_classes,
    class_folders,
    existing_folder,
    image_files,
    list_images,
)
from sfp_keras.data.images.decoding import UnreadableImageError
from sfp_keras.data.images.file_images import FileImages, read_sizes
from sfp_keras.data.images.left_out import LeftOut
from sfp_keras.data.images.split_folders import (
    check_classes,
    find_split,
    find_splits,
    find_training,
)
from sfp_keras.data.label_order import shorten, spell_names
from sfp_keras.data.source import LabelledImages, Request, Source
from sfp_keras.data.splitting import split_kind, stratified_split
from sfp_keras.errors import InputError
from sfp_keras.text import plain_text

_LOGGER = logging.getLogger("sfp_keras")


def load_folder(request: Request) -> LabelledImages:
    """Load images from class folders.

    `data_dir` holds `train/` and `test/` (or `val/`, `eval/` and so on, see `find_splits`) with
    one folder a class in each, or the class folders themselves. Without a test folder every class
    is split by `test_fraction`, by a hash of the file names, so the same files always give the
    same split. Classes are the names of the folders in alphabetical order; images may lie deeper
    inside. With `class_names` every class folder must be among them, and those without a folder
    have no images; where they name all folders in `data_dir`, also one called `train` is a class.
    What is not taken is counted and named in a warning (logger `sfp_keras`): folders that are no
    split, hidden files, thumbnails that a system keeps, linked folders inside a class, files of
    other kinds, and unreadable images. Image files become RGB as in `read_image`, unless grey
    images are asked for.

    Images that fit into `memory_budget` are decoded at once; otherwise only the heads of the
    files are checked now and images are decoded when they are read.

    Raises:
        InputError: if there are no class folders, one has no image, several have the same folders
            inside, as splits have, training and test classes differ, sizes differ and none is
            asked for, `class_names` lacks a class, or `only_split` is not there or given beside a
            test folder.
    """
    root = existing_folder(request.folder)
    left_out = LeftOut(root)
    train_tree, test_tree = _trees(request)
    if request.only_split is None:
        _count_unused(root, train_tree, test_tree, left_out)
    found = spell_names([folder.name for folder in class_folders(train_tree)])
    if not found:
        raise InputError(
            f"`data_dir`: {train_tree} has no class folders; give a folder with one folder of "
            "images for each class, or with train/ and test/ of such folders"
        )
    names = _check_names(found, request.class_names, train_tree)
    empty_allowed = request.class_names is not None
    bad: list[str] = []
    listed = list_images(train_tree, names, empty_allowed, left_out)
    if request.class_names is None:
        check_classes(train_tree, len(found), listed.nested)
    train, sizes = _readable(listed, bad)
    if test_tree is not None:
        if request.class_names is None:
            check_same_classes(train_tree, test_tree)
        else:
            of_test = spell_names([folder.name for folder in class_folders(test_tree)])
            _check_names(of_test, request.class_names, test_tree)
        test, test_sizes = _readable(list_images(test_tree, names, empty_allowed, left_out), bad)
        sizes += test_sizes
    else:
        train, test = _split(train, train_tree, request.test_fraction)
    if str(left_out):
        _LOGGER.warning("not taken of %s: %s", root, left_out)
    if not train.paths or not test.paths:
        _warn_of_unreadable(bad)
        if train.paths and test_tree is None and not bad:
            raise InputError(
                f"`data_dir`={root}: `test_fraction`={request.test_fraction} of {len(train.paths)} "
                "images, class by class, are no test images; raise it, add images, or give folders "
                "train and test"
            )
        kind = "test" if train.paths else "training"
        raise InputError(f"`data_dir`={root} has no readable {kind} images")
    height, width = request.size or _common_size(sizes, root)
    shape = (height, width, request.channels or 3)
    in_memory = len(sizes) * math.prod(shape) <= request.memory_budget
    splits = []
    for files in (train, test):
        images = FileImages(files.paths, shape, request.resize)
        labels = np.array(files.labels, np.int64)
        splits.append(_decoded(images, labels, bad) if in_memory else ImageSplit(images, labels))
    _warn_of_unreadable(bad)
    _check_labels(splits, names, found, empty_allowed)
    return LabelledImages(splits, names, as_asked=True)


def count_folder_labels(request: Request) -> int:
    """Count the class folders."""
    return len(class_folders(_trees(request)[0]))


def _trees(request: Request) -> tuple[Path, Path | None]:
    """The folders of the training and of the test classes; `None` where the first is divided."""
    root, test, only = existing_folder(request.folder), request.test_dir, request.only_split
    if test is not None:
        if only is not None:
            raise InputError(f"`only_split`={only} and `test_dir`={test}: give only one of them")
        existing_folder(test, "test_dir")
        return root if _all_named(root, request.class_names) else find_training(root), test
    if only is not None:
        return find_split(root, only), None
    return (root, None) if _all_named(root, request.class_names) else find_splits(root)


def _all_named(root: Path, class_names: tuple[str, ...] | None) -> bool:
    """Whether all folders are called as classes, so that one called `train` is a class of trains.

    Unless its folders are called so, too.
    """
    named, folders = set(class_names or ()), class_folders(root)
    like_splits = [folder for folder in folders if split_kind(folder.name) is not None]
    inside = [plain_text(deeper.name) for folder in like_splits for deeper in class_folders(folder)]
    return named.issuperset(plain_text(one.name) for one in folders) and named.isdisjoint(inside)


def folder_digest(data_dir: Path) -> str | None:
    """Digest where the images lie in the folder, and their sizes."""
    if not data_dir.is_dir():
        return None  # Loading it says what is wrong.
    digest = hashlib.sha256()
    for image in image_files(data_dir):
        name_and_size = f"{os.path.relpath(image, data_dir)}\0{os.path.getsize(image)}\0"
        digest.update(name_and_size.encode(errors="surrogateescape"))
    return digest.hexdigest()[:16]


def _count_unused(root: Path, train: Path, test: Path | None, left_out: LeftOut) -> None:
    if train == root:
        return
    trees = [tree for tree in (train, test) if tree is not None]
    for folder in class_folders(root, left_out):
        if not any(tree.is_relative_to(folder) for tree in trees):
            left_out.add("folders beside the training and test images", folder)


def _check_names(
    found: Sequence[str], class_names: tuple[str, ...] | None, tree: Path
) -> tuple[str, ...]:
    if class_names is None:
        return tuple(found)
    absent = sorted(set(found) - set(class_names))
    if absent:
        raise InputError(
            f"`class_names` lacks {len(absent)} of the class folders in {tree}: {shorten(absent)}"
        )
    twice = [name for name in found if class_names.count(name) > 1]
    if twice:
        raise InputError(f"`class_names` has more than one of {shorten(twice)}")
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
            f"`image_size` is needed: the images in {root} differ in size, such as "
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


def _decoded(files: FileImages, labels: np.ndarray, bad: list[str]) -> ImageSplit:
    images = np.empty(files.shape, np.uint8)
    kept: list[int] = []
    for i, image in enumerate(files.decode(files.paths)):
        if isinstance(image, UnreadableImageError):
            bad.append(f"{files.paths[i]} ({image})")
        else:
            images[len(kept)] = image
            kept.append(i)
    return ImageSplit(images[: len(kept)], labels[kept])


def _warn_of_unreadable(bad: list[str]) -> None:
    if bad:
        count = "1 unreadable image" if len(bad) == 1 else f"{len(bad)} unreadable images"
        _LOGGER.warning("%s left out: %s", count, shorten(bad, most=3))


def _check_labels(
    splits: Sequence[ImageSplit], names: Sequence[str], found: Sequence[str], empty_allowed: bool
) -> None:
    """Refuse class folders of which nothing can be read, or name them where they are allowed."""
    there = {names[label] for split in splits for label in np.unique(split.labels)}
    empty = [name for name in found if name not in there]
    if empty:
        if not empty_allowed:
            raise InputError(
                f"`data_dir`: no readable images of {shorten(empty)}; mend the images, remove the "
                "folders, or name all classes by `class_names`"
            )
        _LOGGER.warning("no readable images of %s", shorten(empty))


SOURCES = (
    Source(
        "folder",
        load=load_folder,
        count_labels=count_folder_labels,
        digest=folder_digest,
        check=count_folder_labels,
        needs="the folder of the class folders",
    ),
)
